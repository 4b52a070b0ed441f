create function mixpay._let_go(
    p_trade mixpay.trades, p_payment_no text, p_reason text
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_let_go$
declare
    v_trade trades := p_trade;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
    v_other text;
    v_destination refund_destination;
begin
    select o.reason into v_other
    from (
        select 'returned: ' || x.return_no as reason, x.created_at from returns as x
        where x.merchant_id = p_trade.merchant_id and x.payment_no = p_payment_no
        union all
        select 'charged back: ' || x.chargeback_no, x.created_at from chargebacks as x
        where x.merchant_id = p_trade.merchant_id and x.payment_no = p_payment_no and x.state <> 'reversed'
    ) as o
    order by o.created_at, o.reason
    limit 1;
    for v_was in
        select c.*
        from refund_details as d
        cross join lateral (
            select * from channel_refunds as x
            where x.merchant_id = d.merchant_id and x.refund_no = d.refund_no and x.payment_no = d.payment_no
            offset 0
        ) as c
        where
            d.merchant_id = p_trade.merchant_id and d.payment_no = p_payment_no and c.state = 'waiting'
            and c.reason = p_reason
        order by c.channel_refund_no
    loop
        v_destination := _find_destination(
            p_trade.merchant_id, p_payment_no, v_was.channel, v_was.amount, v_was.channel_refund_no
        );
        if v_other is not null then
            v_destination := row(v_was.channel, 'waiting', v_other, null);
        elsif v_destination.channel <> v_was.channel then
            perform _redirect(v_trade, v_was, v_destination, v_destination.reason);
            select * into v_trade from trades
            where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
            continue;
        end if;
        update channel_refunds
        set
            state = v_destination.state, reason = v_destination.reason, not_before = v_destination.not_before,
            due_at = case v_destination.state when 'pending' then now() else v_destination.not_before end
        where merchant_id = p_trade.merchant_id and channel_refund_no = v_was.channel_refund_no
        returning * into v_channel_refund;
        v_trade := _move_channel_refund(v_trade, v_channel_refund, v_was.state, '{}', 0, 0);
    end loop;
    return v_trade;
end;
$_let_go$;

comment on function mixpay._let_go(mixpay.trades, text, text) is
$$Lets channel refunds go on that waited for this reason, by the rules of their channels; if another return or
chargeback of the payment stands, they wait for that.

The caller holds the lock of the trade, which is returned as it is then.
$$;
