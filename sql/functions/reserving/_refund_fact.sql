create function mixpay._refund_fact(
    p_trade mixpay.trades, p_refund mixpay.refunds, p_from_state text, p_happened_at timestamptz
) returns mixpay.fact
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_refund_fact$
begin
    return _fact(
        p_trade, 'refund', p_refund.refund_no, p_from_state, p_refund.state, p_order_no => p_refund.order_no,
        p_refund_no => p_refund.refund_no, p_happened_at => p_happened_at
    );
end;
$_refund_fact$;

comment on function mixpay._refund_fact(mixpay.trades, mixpay.refunds, text, timestamptz) is
$$A refund's own fact: it came from p_from_state to the state that it has. Null for the moment: now.
$$;
