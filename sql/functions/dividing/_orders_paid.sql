create function mixpay._orders_paid(
    p_trade mixpay.trades, p_amount bigint, p_by_remainder bigint[]
) returns text[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_orders_paid$
begin
    return array(
        select l.order_no
        from (
            select
                x.order_no, x.amount - x.paid as lacking, row_number() over (order by x.position) as nth,
                sum(x.amount - x.paid) over (order by x.position) as with_those_before
            from trade_orders as x
            where x.merchant_id = p_trade.merchant_id and x.trade_no = p_trade.trade_no and x.live is not false
        ) as l
        where case
            when p_by_remainder is null then l.lacking > 0 and l.with_those_before - l.lacking < p_amount
            else p_by_remainder[l.nth] > 0
        end
    );
end;
$_orders_paid$;

comment on function mixpay._orders_paid(mixpay.trades, bigint, bigint[]) is
$$The orders of a trade that get something of an amount: the first ones that lack some, or those with a share in
p_by_remainder, which has one for each live line. The caller holds the lock of the trade.
$$;
