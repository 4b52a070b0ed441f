create function mixpay._plain_successes(p_merchant_id text, p_payments jsonb, p_trades mixpay.trades[])
returns mixpay.payments[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_plain_successes$
begin
    return array(
        select row(
            p_merchant_id, j.payment_no, j.trade_no, j.channel, j.method, j.recorded, j.asked, j.arrived, j.arrived, 0,
            0, 0, 'succeeded', j.channel_txn_no,
            case
                when j.paid_at is null then now()
                else _parse_moment(format('payment %s: "paid_at"', j.i), j.paid_at, true)
            end,
            j.i, j.created_at, null, null, null, null, null, null, null
        )::payments
        from (
            select
                s.*,
                bool_and(
                    s.state = 'pending' and s.times = 1 and (s.channel_txn_no is null or s.txn_times = 1)
                    and t.state = 'open' and s.total <= t.amount - t.paid
                ) over (partition by s.trade_no) as is_plain
            from (
                select
                    r.i, r.channel_txn_no, r.paid_at, coalesce(r.amount, p.asked) as arrived,
                    p.payment_no, p.trade_no, p.channel, p.method, p.recorded, p.asked, p.state, p.created_at,
                    count(*) over (partition by p.payment_no) as times,
                    count(*) over (partition by p.channel, r.channel_txn_no) as txn_times,
                    sum(coalesce(r.amount, p.asked)) over (partition by p.trade_no) as total
                from rows from (jsonb_to_recordset(p_payments) as (
                    payment_no text, channel_txn_no text, paid_at text, amount bigint
                )) with ordinality as r (payment_no, channel_txn_no, paid_at, amount, i)
                -- With a limit, these are looked up one by one, and never joined.
                cross join lateral (
                    select * from payments as x
                    where x.merchant_id = p_merchant_id and x.payment_no = r.payment_no
                    limit 1
                ) as p
            ) as s
            inner join unnest(p_trades) as t on t.trade_no = s.trade_no
        ) as j
        where j.is_plain
        order by j.trade_no collate "C", j.i
    );
end;
$_plain_successes$;

comment on function mixpay._plain_successes(text, jsonb, mixpay.trades[]) is
$$Those payments of succeed_payments' JSON that succeed_payment would book without further ado, as they are by that,
trade by trade in the order of the call: pending ones of open trades, which need all that arrived. seq is their place in
the JSON.

p_trades are the trades that the caller has locked; the JSON is checked.
Raises: MX903; MX905.
$$;
