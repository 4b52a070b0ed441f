create function mixpay._leave_to_a_person(
    p_trade mixpay.trades, p_payment_no text, p_reason text
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_leave_to_a_person$
declare
    v_trade trades := p_trade;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
begin
    for v_was in
        select c.*
        from refund_details as d
        cross join lateral (
            select * from channel_refunds as x
            where x.merchant_id = d.merchant_id and x.refund_no = d.refund_no and x.payment_no = d.payment_no
            offset 0
        ) as c
        where
            d.merchant_id = p_trade.merchant_id and d.payment_no = p_payment_no
            and c.state in ('waiting', 'pending')
            and (c.due_at is not null or coalesce(c.reason, '') !~ '^(returned|charged back): [!-~]+$')
        order by c.channel_refund_no
    loop
        update channel_refunds set state = 'waiting', reason = p_reason, not_before = null, due_at = null
        where merchant_id = p_trade.merchant_id and channel_refund_no = v_was.channel_refund_no
        returning * into v_channel_refund;
        v_trade := _move_channel_refund(v_trade, v_channel_refund, v_was.state, '{}', 0, 0);
    end loop;
    return v_trade;
end;
$_leave_to_a_person$;

comment on function mixpay._leave_to_a_person(mixpay.trades, text, text) is
$$Leaves to a person what a payment was to give back and what is not sent: its channel refunds wait, for this reason.
What waits for an earlier return or chargeback keeps its own.

The caller holds the lock of the trade, which is returned as it is then.
$$;
