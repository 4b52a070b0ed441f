create function mixpay._lock_orders_of_payment(p_merchant_id text, p_payment_no text) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_orders_of_payment$
begin
    perform o.order_no
    from (
        select l.order_no from trade_orders as l
        where
            l.merchant_id = p_merchant_id and l.cancelled_at is null and l.trade_no = (
                select p.trade_no from payments as p
                where p.merchant_id = p_merchant_id and p.payment_no = p_payment_no
            )
        order by l.order_no
    ) as n
    cross join lateral (
        select x.order_no from orders as x
        where x.merchant_id = p_merchant_id and x.order_no = n.order_no
        for no key update
    ) as o;
end;
$_lock_orders_of_payment$;

comment on function mixpay._lock_orders_of_payment(text, text) is
$$Locks the orders of a payment's trade, for whoever may make them payable again: none of them is being merged then.

Locks: the orders, in ascending order number.
$$;
