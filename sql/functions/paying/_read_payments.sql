create function mixpay._read_payments(p_merchant_id text, p_payments jsonb) returns mixpay.payments[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_read_payments$
declare
    v_texts text[] := array['trade_no', 'payment_no', 'channel', 'paid_at', 'channel_txn_no', 'captures'];
    v_known text[] := v_texts || 'amount'::text;
begin
    -- At one pass, whether all look as nearly all do; if not, it is looked at what is wrong.
    if jsonb_typeof(p_payments) is distinct from 'array' or jsonb_array_length(p_payments) not between 1 and 10000
        or jsonb_path_exists(p_payments, '$[*] ? (!(
            @.trade_no.type() == "string" && @.payment_no.type() == "string" && @.channel.type() == "string"
            && @.amount.type() == "number"
        ))') or exists (
            select from jsonb_array_elements(p_payments) as j (value)
            where (
                j.value - v_known = '{}'
                and length(j.value ->> 'trade_no') between 1 and 64
                and length(j.value ->> 'payment_no') between 1 and 64
                and length(coalesce(j.value ->> 'channel_txn_no', '-')) between 1 and 64
                and concat(j.value ->> 'trade_no', j.value ->> 'payment_no', j.value ->> 'channel_txn_no') !~ '[^!-~]'
                and jsonb_typeof(coalesce(j.value -> 'channel_txn_no', '""')) = 'string'
                and jsonb_typeof(coalesce(j.value -> 'paid_at', '""')) = 'string'
                and length(j.value ->> 'amount') <= 15 and j.value ->> 'amount' !~ '^0$|[^0-9]'
                and not j.value ? 'captures'
            ) is not true
        ) then
        perform _check_batch(
            'payment', p_payments, v_texts, array['amount'], p_required => array['trade_no', 'payment_no', 'amount']
        );
    end if;
    return array(
        select row(
            p_merchant_id, r.payment_no, r.trade_no, r.channel, null, true, r.amount, r.amount, r.amount, 0, 0, 0,
            'succeeded', r.channel_txn_no,
            case
                when r.paid_at is not null
                    then _parse_moment(format('payment %s: "paid_at"', r.i), r.paid_at, true)
            end,
            r.i, null, null, null, null, null, null, r.captures, null
        )::payments
        from rows from (jsonb_to_recordset(p_payments) as (
            trade_no text, payment_no text, channel text, amount bigint, paid_at text, channel_txn_no text,
            captures text
        )) with ordinality as r (trade_no, payment_no, channel, amount, paid_at, channel_txn_no, captures, i)
        order by r.i
    );
end;
$_read_payments$;

comment on function mixpay._read_payments(text, jsonb) is
$$The payments of record_payments' JSON, as they will be stored if their trades need all of them; but paid_at is null if
it was left out, and seq is the place in the call.

Raises: MX901; MX902; MX903; MX904; MX905.
$$;
