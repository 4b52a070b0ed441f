create function mixpay.record_payments(p_merchant_id text, p_payments jsonb) returns setof mixpay.payments
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $record_payments$
declare
    v_locked text[];
    v_plain text[];
    v_item record;
begin
    if jsonb_typeof(p_payments) is distinct from 'array' or jsonb_array_length(p_payments) not between 1 and 10000 then
        raise exception 'the payments are not an array of 1 to 10000 objects' using
            errcode = case when jsonb_typeof(p_payments) = 'array' then 'MX904' else 'MX903' end,
            hint = 'Pass [{"trade_no", "payment_no", "channel", "amount", "paid_at"?, "channel_txn_no"?}, ...].';
    end if;
    perform _check_json_array(
        array_agg(format('payment %s', j.i)), array_agg(j.value),
        array['trade_no', 'payment_no', 'channel', 'paid_at', 'channel_txn_no'], array['amount']
    )
    from jsonb_array_elements(p_payments) with ordinality as j (value, i);
    -- A trade that is made while we wait for others is not among these, and is left to record_payment.
    v_locked := array(
        select t.trade_no
        from (
            select distinct value ->> 'trade_no' collate "C" as trade_no from jsonb_array_elements(p_payments) order by 1
        ) as s
        cross join lateral (
            select trade_no from trades
            where merchant_id = p_merchant_id and trade_no = s.trade_no
            for no key update
        ) as t
    );
    perform _lock_splits(p_merchant_id, v_locked);
    v_plain := _record_plain_payments(p_merchant_id, p_payments, v_locked);
    if cardinality(v_plain) < jsonb_array_length(p_payments) then
        for v_item in
            select j.value, j.i
            from jsonb_array_elements(p_payments) with ordinality as j (value, i)
            where coalesce(j.value ->> 'payment_no', '') not in (select p.no from unnest(v_plain) as p (no))
            order by j.i
        loop
            perform record_payment(
                p_merchant_id,
                v_item.value ->> 'trade_no', v_item.value ->> 'payment_no', v_item.value ->> 'channel',
                (v_item.value ->> 'amount')::bigint,
                _parse_moment(format('payment %s: "paid_at"', v_item.i), v_item.value ->> 'paid_at'),
                v_item.value ->> 'channel_txn_no'
            );
        end loop;
    end if;
    return query
    select p.*
    from jsonb_array_elements(p_payments) with ordinality as j (value, i)
    cross join lateral (
        select * from payments
        where merchant_id = p_merchant_id and payment_no = j.value ->> 'payment_no' limit 1
    ) as p
    order by j.i;
end;
$record_payments$;

comment on function mixpay.record_payments(text, jsonb) is $$
Records many payments in one call, all or nothing; for each, record_payment says what happens.

p_payments is [{"trade_no", "payment_no", "channel", "amount", "paid_at"?, "channel_txn_no"?}, ...], 1 to 10,000 of them,
paid_at a moment with its offset ("2026-01-31T12:00:00+08:00"). Returns the payments in the order of the call.
Locks: the trades, in ascending trade number; then their orders' splits, in ascending order number.
Raises: MX101 if there is no such merchant; MX104 if there is no such trade; MX202 if a payment number was used for
something else; MX203 if there is no such channel; MX207 if a channel transaction is another payment's; MX901; MX902;
MX903; MX904; MX905.
$$;
