create function mixpay._fact(
    p_trade mixpay.trades, p_entity text, p_number text, p_from_state text default null, p_to_state text default null,
    p_from_account text default null, p_from_owner text default null, p_to_account text default null,
    p_to_owner text default null, p_amount bigint default null, p_payment_no text default null,
    p_order_no text default null, p_refund_no text default null, p_channel_refund_no text default null,
    p_reason text default null, p_happened_at timestamptz default null, p_order_from_state text default null,
    p_order_to_state text default null
) returns mixpay.fact
-- In SQL, and bound when it is made: PostgreSQL puts the row where it is called for, and no function is called.
language sql immutable
return row(
    p_trade.merchant_id, 'trade', p_trade.trade_no, null, p_entity, p_number, p_from_state, p_to_state, p_from_account,
    p_from_owner, p_to_account, p_to_owner, p_amount, p_trade.currency, p_payment_no, p_order_no, p_refund_no,
    p_channel_refund_no, p_reason, p_happened_at, p_order_from_state, p_order_to_state
)::mixpay.fact;

comment on function mixpay._fact(
    mixpay.trades, text, text, text, text, text, text, text, text, bigint, text, text, text, text, text, timestamptz,
    text, text
) is
$$A fact of a trade's log, or the beginning of one: whose it is, what it is about, from which state to which it goes, if
to any, and which money moves, if any does.
$$;
