-- What refund_order writes of a refund that one payment bears.
create function floor.refund_order(
    p_merchant_id text, p_order_no text, p_refund_no text, p_amount bigint,
    p_trade_no text, p_payment_no text, p_channel text, p_channel_refund_no text
) returns mixpay.refunds
language plpgsql security definer
as $refund_order$
declare
    v_refund mixpay.refunds;
    v_paid_at timestamptz;
    v_seq bigint;
    v_entry bigint;
    v_currency text;
    v_first boolean;
begin
    insert into mixpay.refunds (merchant_id, refund_no, kind, order_no, amount)
    values (p_merchant_id, p_refund_no, 'order', p_order_no, p_amount)
    returning * into v_refund;
    update mixpay.payments set refunded = refunded + p_amount
    where merchant_id = p_merchant_id and payment_no = p_payment_no
    returning paid_at, seq into v_paid_at, v_seq;
    insert into mixpay.refund_details (merchant_id, refund_no, payment_no, amount)
    values (p_merchant_id, p_refund_no, p_payment_no, p_amount);
    insert into mixpay.channel_refunds (
        merchant_id, channel_refund_no, refund_no, payment_no, channel, amount, state, due_at
    ) values (
        p_merchant_id, p_channel_refund_no, p_refund_no, p_payment_no, p_channel, p_amount, 'pending', now()
    );
    update mixpay.trades
    set refunded = refunded + p_amount, last_entry = last_entry + 2, fifo_paid_at = v_paid_at, fifo_seq = v_seq
    where merchant_id = p_merchant_id and trade_no = p_trade_no
    returning last_entry, currency into v_entry, v_currency;
    update mixpay.trade_orders set refunded = refunded + p_amount
    where merchant_id = p_merchant_id and trade_no = p_trade_no and position = 1
    returning refunded = p_amount into v_first;
    insert into mixpay.facts (
        merchant_id, log, log_no, entry, epoch, entity, number, payment_no, order_no, refund_no, channel_refund_no,
        from_state, to_state, from_account, from_owner, to_account, to_owner, amount, currency, happened_at,
        order_from_state, order_to_state
    ) values
    (
        p_merchant_id, 'trade', p_trade_no, v_entry - 1, 1, 'refund', p_refund_no, null, p_order_no, p_refund_no, null,
        '', 'processing', null, null, null, null, null, v_currency, now(), null, null
    ),
    (
        p_merchant_id, 'trade', p_trade_no, v_entry, 1, 'channel_refund', p_channel_refund_no, p_payment_no, p_order_no,
        p_refund_no, p_channel_refund_no, '', 'pending', 'order', p_order_no, 'refund', p_refund_no, p_amount,
        v_currency, now(), case when v_first then 'paid' end, case when v_first then 'partly_refunded' end
    );
    return v_refund;
end;
$refund_order$;
