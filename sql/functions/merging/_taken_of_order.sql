create function mixpay._taken_of_order(p_merchant_id text, p_order_no text, p_but_trade_no text) returns bigint
language plpgsql stable
set search_path = mixpay, pg_temp
as $_taken_of_order$
begin
    return (
        select coalesce(sum(paid), 0)
        from trade_orders
        where merchant_id = p_merchant_id and order_no = p_order_no and trade_no is distinct from p_but_trade_no
    );
end;
$_taken_of_order$;

comment on function mixpay._taken_of_order(text, text, text) is
$$What the order's trades have taken of its amount, but for one trade: what is paid in them. None of them is live: the
caller leaves out the trade in which the order can be paid, or has closed it.
$$;
