-- What claim_channel_refunds writes of one that nobody has sent yet.
create function floor.claim_channel_refunds(
    p_merchant_id text, p_trade_no text, p_channel_refund_no text, p_worker text
) returns mixpay.channel_refunds
language plpgsql security definer
as $claim_channel_refunds$
declare
    v_channel_refund mixpay.channel_refunds;
    v_entry bigint;
    v_currency text;
begin
    update mixpay.trades set last_entry = last_entry + 1
    where merchant_id = p_merchant_id and trade_no = p_trade_no
    returning last_entry, currency into v_entry, v_currency;
    update mixpay.channel_refunds
    set state = 'sent', worker = p_worker, attempts = attempts + 1, sent_at = now(), due_at = now() + interval '1 minute'
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    insert into mixpay.facts (
        merchant_id, log, log_no, entry, epoch, entity, number, payment_no, refund_no, channel_refund_no,
        from_state, to_state, reason, currency, happened_at
    ) values (
        p_merchant_id, 'trade', p_trade_no, v_entry, 1, 'channel_refund', p_channel_refund_no,
        v_channel_refund.payment_no, v_channel_refund.refund_no, p_channel_refund_no, 'pending', 'sent', p_worker,
        v_currency, now()
    );
    return v_channel_refund;
end;
$claim_channel_refunds$;
