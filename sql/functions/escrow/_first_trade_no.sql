create function mixpay._first_trade_no(p_merchant_id text, p_order_no text) returns text
language plpgsql stable
set search_path = mixpay, pg_temp
as $_first_trade_no$
begin
    return (
        select trade_no from trade_orders where merchant_id = p_merchant_id and order_no = p_order_no and nth = 1
    );
end;
$_first_trade_no$;

comment on function mixpay._first_trade_no(text, text) is
$$The trade into which an order was merged first: what is said of the order once is said there.
$$;
