-- What succeed_payment writes of a payment into one line with room.
create function floor.succeed_payment(
    p_merchant_id text, p_trade_no text, p_payment_no text, p_channel text, p_channel_txn_no text, p_order_no text,
    p_amount bigint
) returns mixpay.payments
language plpgsql security definer
as $succeed_payment$
declare
    v_payment mixpay.payments;
    v_seq bigint;
    v_entry bigint;
    v_currency text;
begin
    update mixpay.trades
    set paid = paid + p_amount, last_seq = last_seq + 1, last_entry = last_entry + 1
    where merchant_id = p_merchant_id and trade_no = p_trade_no
    returning last_seq, last_entry, currency into v_seq, v_entry, v_currency;
    update mixpay.payments
    set
        state = 'succeeded', amount = p_amount, applied = p_amount, channel_txn_no = p_channel_txn_no, paid_at = now(),
        seq = v_seq
    where merchant_id = p_merchant_id and payment_no = p_payment_no
    returning * into v_payment;
    update mixpay.trade_orders set paid = paid + p_amount
    where merchant_id = p_merchant_id and trade_no = p_trade_no and position = 1;
    insert into mixpay.facts (
        merchant_id, log, log_no, entry, epoch, entity, number, payment_no, order_no, from_state, to_state,
        from_account, from_owner, to_account, to_owner, amount, currency, happened_at
    ) values (
        p_merchant_id, 'trade', p_trade_no, v_entry, 1, 'payment', p_payment_no, p_payment_no, p_order_no, 'pending',
        'succeeded', 'channel', p_channel, 'order', p_order_no, p_amount, v_currency, now()
    );
    return v_payment;
end;
$succeed_payment$;
