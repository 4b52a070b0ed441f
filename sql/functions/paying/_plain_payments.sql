create function mixpay._plain_payments(p_merchant_id text, p_payments jsonb, p_trades mixpay.trades[])
returns mixpay.payments[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_plain_payments$
begin
    return array(
        select row(
            p_merchant_id, j.payment_no, j.trade_no, j.channel, null, true, j.amount, j.amount, j.amount, 0, 0, 0,
            'succeeded', j.channel_txn_no,
            coalesce(
                case
                    when j.paid_at is not null
                        then _parse_moment(format('payment %s: "paid_at"', j.i), j.paid_at, true)
                end,
                now()
            ),
            j.i, null, null, null, null, null, null, null, null
        )::payments
        from (
            select
                s.*,
                bool_and(
                    s.times = 1 and s.captures is null
                    and exists (select from channels as c where c.channel = s.channel)
                    -- With a limit, these are looked up one by one, and never joined.
                    and (
                        select true from payments as p
                        where p.merchant_id = p_merchant_id and p.payment_no = s.payment_no
                        limit 1
                    ) is null
                    and t.state = 'open' and s.total <= t.amount - t.paid
                ) over (partition by s.trade_no) as is_plain
            from (
                select
                    r.*, count(*) over (partition by r.payment_no) as times,
                    sum(r.amount) over (partition by r.trade_no) as total
                from rows from (jsonb_to_recordset(p_payments) as (
                    trade_no text, payment_no text, channel text, amount bigint, paid_at text, channel_txn_no text,
                    captures text
                )) with ordinality as r (trade_no, payment_no, channel, amount, paid_at, channel_txn_no, captures, i)
            ) as s
            inner join unnest(p_trades) as t on t.trade_no = s.trade_no
        ) as j
        where j.is_plain
        order by j.trade_no collate "C", j.i
    );
end;
$_plain_payments$;

comment on function mixpay._plain_payments(text, jsonb, mixpay.trades[]) is
$$Those payments of record_payments' JSON that record_payment would record without further ado, trade by trade in the
order of the call: new ones into open trades, which need all of what is sent. seq is their place in the
JSON.

p_trades are the trades that the caller has locked; the JSON is checked.
Raises: MX903; MX905.
$$;
