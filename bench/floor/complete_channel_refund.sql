-- What complete_channel_refund writes of a refund's only part.
create function floor.complete_channel_refund(
    p_merchant_id text, p_trade_no text, p_order_no text, p_channel_refund_no text, p_channel_txn_no text
) returns mixpay.channel_refunds
language plpgsql security definer
as $complete_channel_refund$
declare
    v_channel_refund mixpay.channel_refunds;
    v_entry bigint;
    v_currency text;
begin
    update mixpay.trades set last_entry = last_entry + 2
    where merchant_id = p_merchant_id and trade_no = p_trade_no
    returning last_entry, currency into v_entry, v_currency;
    update mixpay.channel_refunds
    set state = 'succeeded', due_at = null, refunded_at = now(), channel_txn_no = p_channel_txn_no
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    update mixpay.refunds set state = 'succeeded', succeeded = succeeded + v_channel_refund.amount
    where merchant_id = p_merchant_id and refund_no = v_channel_refund.refund_no;
    insert into mixpay.facts (
        merchant_id, log, log_no, entry, epoch, entity, number, payment_no, order_no, refund_no, channel_refund_no,
        from_state, to_state, from_account, from_owner, to_account, to_owner, amount, currency, happened_at
    ) values
    (
        p_merchant_id, 'trade', p_trade_no, v_entry - 1, 1, 'channel_refund', p_channel_refund_no,
        v_channel_refund.payment_no, p_order_no, v_channel_refund.refund_no, p_channel_refund_no, 'sent', 'succeeded',
        'refund', v_channel_refund.refund_no, 'channel', v_channel_refund.channel, v_channel_refund.amount, v_currency,
        now()
    ),
    (
        p_merchant_id, 'trade', p_trade_no, v_entry, 1, 'refund', v_channel_refund.refund_no, null, p_order_no,
        v_channel_refund.refund_no, null, 'processing', 'succeeded', null, null, null, null, null, v_currency, now()
    );
    return v_channel_refund;
end;
$complete_channel_refund$;
