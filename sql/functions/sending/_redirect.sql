create function mixpay._redirect(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_destination mixpay.refund_destination,
    p_reason text
) returns mixpay.channel_refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_redirect$
declare
    v_was channel_refunds := p_channel_refund;
    v_new channel_refunds;
    v_trade trades := p_trade;
    v_freed boolean;
    v_fact fact;
begin
    select freed into v_freed from refund_details
    where
        merchant_id = v_was.merchant_id and refund_no = v_was.refund_no and payment_no = v_was.payment_no;
    if v_was.state <> 'failed' then
        update channel_refunds set state = 'failed', reason = p_reason, due_at = null
        where merchant_id = v_was.merchant_id and channel_refund_no = v_was.channel_refund_no
        returning * into p_channel_refund;
        v_trade := _move_channel_refund(v_trade, p_channel_refund, v_was.state, '{}', 0, 0);
    end if;
    v_new.channel_refund_no := _new_number(clock_timestamp(), 0);
    insert into channel_refunds (
        merchant_id, channel_refund_no, refund_no, payment_no, channel, amount, state, reason, not_before, due_at,
        redirected_from, cleared
    ) values (
        v_was.merchant_id, v_new.channel_refund_no, v_was.refund_no, v_was.payment_no, p_destination.channel,
        v_was.amount, p_destination.state, p_destination.reason, p_destination.not_before,
        case p_destination.state when 'pending' then now() else p_destination.not_before end, v_was.channel_refund_no,
        case when v_freed then 0 else v_was.cleared end
    ) returning * into v_new;
    if v_was.state = 'failed' and p_reason is not null then
        -- It failed for a reason of its own.
        v_fact := _channel_refund_fact(v_trade, v_was, 'failed', 'failed');
        select order_no into v_fact.order_no from refunds
        where merchant_id = v_was.merchant_id and refund_no = v_was.refund_no;
        v_fact.reason := format('goes on as %s: %s', v_new.channel_refund_no, p_reason);
        v_trade := _post(v_trade, array[v_fact]);
    end if;
    perform _move_channel_refund(
        v_trade, v_new, '', case when v_freed then array['home', 'refund'] else '{}' end, 0,
        case when v_freed then -v_new.amount else 0 end
    );
    select * into v_new from channel_refunds
    where merchant_id = v_new.merchant_id and channel_refund_no = v_new.channel_refund_no;
    return v_new;
end;
$_redirect$;

comment on function mixpay._redirect(
    mixpay.trades, mixpay.channel_refunds, mixpay.refund_destination, text
) is
$$Ends a channel refund as failed and makes its successor, for the same part of the same refund; what was freed is
reserved again.

The caller holds the lock of the trade and the refund, and knows that the amount may be reserved.
$$;
