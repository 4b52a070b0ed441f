create function mixpay._refuse_ownerless(p_merchant_id text, p_order_no text) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refuse_ownerless$
begin
    if exists (
        select from orders as o
        where
            o.merchant_id = p_merchant_id and o.order_no = p_order_no and o.payee_no is null
            and not exists (select from splits as s where s.merchant_id = p_merchant_id and s.order_no = p_order_no)
    ) then
        raise exception 'order % belongs to nobody to whom its money could be released', p_order_no using
            errcode = 'MX504',
            detail = 'It was merged without a payee, and it has no split.',
            hint = 'Merge orders with their payee_no, or divide this one with split_order.';
    end if;
end;
$_refuse_ownerless$;

comment on function mixpay._refuse_ownerless(text, text) is
$$Refuses to release an order's money if there is nobody to get it.

Raises: MX504 if the order has neither payee nor split.
$$;
