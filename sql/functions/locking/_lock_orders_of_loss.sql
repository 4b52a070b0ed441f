create function mixpay._lock_orders_of_loss(p_merchant_id text, p_channel_refund_no text) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_orders_of_loss$
declare
    v_payment_no text;
begin
    select c.payment_no into v_payment_no from channel_refunds as c
    where
        c.merchant_id = p_merchant_id and c.channel_refund_no = p_channel_refund_no
        and exists (
            select from returns as r
            where r.merchant_id = c.merchant_id and r.payment_no = c.payment_no and r.lost > 0
            offset 0
        );
    if found then
        perform _lock_orders_of_payment(p_merchant_id, v_payment_no);
    end if;
end;
$_lock_orders_of_loss$;

comment on function mixpay._lock_orders_of_loss(text, text) is
$$Locks the orders that may be payable again when a channel refund does not get through: what it frees covers what a
return of its payment lost.

Locks: the orders, in ascending order number.
$$;
