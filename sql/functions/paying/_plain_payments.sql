create function mixpay._plain_payments(
    p_merchant_id text, p_payments mixpay.payments[], p_trades mixpay.trades[]
) returns mixpay.payments[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_plain_payments$
begin
    return array(
        select j.payment
        from (
            select
                s.payment, s.seq, t.ordinality,
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
                    r as payment, r.payment_no, r.trade_no, r.channel, r.captures, r.seq,
                    count(*) over (partition by r.payment_no) as times,
                    sum(r.amount) over (partition by r.trade_no) as total
                from unnest(p_payments) as r
            ) as s
            inner join unnest(p_trades) with ordinality as t on t.trade_no = s.trade_no
        ) as j
        where j.is_plain
        order by j.ordinality, j.seq
    );
end;
$_plain_payments$;

comment on function mixpay._plain_payments(text, mixpay.payments[], mixpay.trades[]) is
$$Those of the payments that record_payment would record without further ado, trade by trade in the order of the trades,
then of the call: new ones into open trades, which need all of what is sent.

p_payments are as _read_payments gives them; p_trades are the trades that the caller has locked.
$$;
