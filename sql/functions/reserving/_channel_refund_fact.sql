create function mixpay._channel_refund_fact(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds,
    p_from_state text default null, p_to_state text default null, p_order_no text default null
) returns mixpay.fact
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_channel_refund_fact$
begin
    return _fact(
        p_trade, 'channel_refund', p_channel_refund.channel_refund_no, p_from_state, p_to_state,
        p_payment_no => p_channel_refund.payment_no, p_order_no => p_order_no,
        p_refund_no => p_channel_refund.refund_no, p_channel_refund_no => p_channel_refund.channel_refund_no,
        p_reason => p_channel_refund.reason
    );
end;
$_channel_refund_fact$;

comment on function mixpay._channel_refund_fact(mixpay.trades, mixpay.channel_refunds, text, text, text) is
$$The beginning of a fact about a channel refund, of an order if one is named, and from which state to which it goes, if
to any.
$$;
