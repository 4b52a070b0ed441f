create function mixpay._give_charged_back(
    p_trade mixpay.trades, p_chargeback mixpay.chargebacks, p_amount bigint
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_give_charged_back$
declare
    v_trade trades := p_trade;
    v_taken record;
    v_channel_refund channel_refunds;
    v_left bigint := p_amount;
    v_too_much bigint := 0;
    v_surplus boolean := false;
begin
    if p_amount > 0 then
        perform _lock_shared(p_trade.merchant_id, array[p_trade.trade_no::text]);
    end if;
    for v_taken in
        select c.channel_refund_no, c.amount, r.order_no
        from refunds as r
        cross join lateral (
            select x.channel_refund_no, x.amount, x.state from channel_refunds as x
            where
                x.merchant_id = r.merchant_id and x.refund_no = r.refund_no
                and x.payment_no = p_chargeback.payment_no
            offset 0
        ) as c
        where
            r.merchant_id = p_trade.merchant_id and r.chargeback_no = p_chargeback.chargeback_no
            and r.kind = 'chargeback' and c.state = 'succeeded'
        order by c.channel_refund_no
    loop
        exit when v_left = 0;
        update channel_refunds
        set state = 'bounced', reason = p_chargeback.reversal_reason, bounced_at = p_chargeback.reversed_at
        where merchant_id = p_trade.merchant_id and channel_refund_no = v_taken.channel_refund_no
        returning * into v_channel_refund;
        v_trade := _move_channel_refund(
            v_trade, v_channel_refund, 'succeeded', array['channel', 'refund', 'home'], -v_taken.amount, v_taken.amount
        );
        v_too_much := greatest(0, v_taken.amount - v_left);
        v_left := greatest(0, v_left - v_taken.amount);
        v_surplus := v_surplus or v_taken.order_no is null;
    end loop;
    if v_too_much > 0 then
        -- A part of a channel refund cannot come back: all of it did, and the rest is taken anew.
        v_trade := _charge(v_trade, p_chargeback, v_too_much, p_chargeback.reversed_at);
    end if;
    if v_surplus then
        -- What was taken anew may be an order's: then nothing of the surplus has gone back yet.
        return _rest_of_surplus(v_trade, p_chargeback.payment_no, null, p_chargeback.chargeback_no);
    end if;
    return v_trade;
end;
$_give_charged_back$;

comment on function mixpay._give_charged_back(mixpay.trades, mixpay.chargebacks, bigint) is
$$Gives what a chargeback took back to where it was, what it took last first (an order's money before surplus, and of
orders the first line's): payees and receivers have it again.

p_amount is in the smallest unit, at most what it took and did not lose. The caller holds the lock of the trade, which
is returned as it is then.
Locks: the splits of the trade's orders, then their totals, each in ascending order number.
$$;
