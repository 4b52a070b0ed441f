create function mixpay._free_surplus(
    p_trade mixpay.trades, p_payment_no text, p_amount bigint, p_reason text
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_free_surplus$
declare
    v_trade trades := p_trade;
    v_free bigint;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
begin
    loop
        select surplus - surplus_refunded into v_free from payments
        where merchant_id = p_trade.merchant_id and payment_no = p_payment_no;
        exit when v_free >= p_amount;
        select c.* into v_was
        from refund_details as d
        cross join lateral (
            select * from channel_refunds as x
            where x.merchant_id = d.merchant_id and x.refund_no = d.refund_no and x.payment_no = d.payment_no
            offset 0
        ) as c
        cross join lateral (
            select y.order_no from refunds as y
            where y.merchant_id = d.merchant_id and y.refund_no = d.refund_no
            limit 1
        ) as r
        where
            d.merchant_id = p_trade.merchant_id and d.payment_no = p_payment_no and r.order_no is null
            and c.state in ('waiting', 'pending')
        order by c.channel_refund_no
        limit 1;
        exit when not found;
        update channel_refunds set state = 'failed', reason = p_reason, due_at = null
        where merchant_id = p_trade.merchant_id and channel_refund_no = v_was.channel_refund_no
        returning * into v_channel_refund;
        v_trade := _move_channel_refund(
            v_trade, v_channel_refund, v_was.state, array['refund', 'home'], 0, v_was.amount
        );
    end loop;
    return v_trade;
end;
$_free_surplus$;

comment on function mixpay._free_surplus(mixpay.trades, text, bigint, text) is
$$Frees surplus of a payment that is on its way back and not sent, the oldest first, until this much of it is free; less
if there is less.

p_amount is in the smallest unit, p_reason why it is not sent. The caller holds the lock of the trade, which is returned
as it is then.
$$;
