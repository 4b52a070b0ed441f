create function mixpay._check_order(p_merchant_id text, p_order_no text) returns mixpay.orders
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_order$
declare
    v_order orders;
begin
    select * into v_order from orders where merchant_id = p_merchant_id and order_no = p_order_no;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('order_no', p_order_no);
        raise exception 'there is no order %', p_order_no using
            errcode = 'MX103',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'An order is known from the moment when it is merged into a trade.';
    end if;
    return v_order;
end;
$_check_order$;

comment on function mixpay._check_order(text, text) is
$$The order, or an error.

Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX901.
$$;
