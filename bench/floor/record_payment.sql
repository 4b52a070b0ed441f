-- What record_payment writes of a payment without a surplus: of one line with room, or of the two lines that it fills.
create function floor.record_payment(
    p_merchant_id text, p_trade_no text, p_payment_no text, p_channel text, p_channel_txn_no text,
    p_order_no text, p_amount bigint, p_second_order_no text, p_second_amount bigint
) returns mixpay.payments
language plpgsql security definer
as $record_payment$
declare
    v_payment mixpay.payments;
    v_total bigint := p_amount + coalesce(p_second_amount, 0);
    v_seq bigint;
    v_entry bigint;
    v_currency text;
begin
    if p_second_order_no is null then
        update mixpay.trades
        set paid = paid + v_total, last_seq = last_seq + 1, last_entry = last_entry + 1
        where merchant_id = p_merchant_id and trade_no = p_trade_no
        returning last_seq, last_entry, currency into v_seq, v_entry, v_currency;
    else
        update mixpay.trades
        set paid = paid + v_total, state = 'paid', last_seq = last_seq + 1, last_entry = last_entry + 3
        where merchant_id = p_merchant_id and trade_no = p_trade_no
        returning last_seq, last_entry, currency into v_seq, v_entry, v_currency;
    end if;
    insert into mixpay.payments (
        merchant_id, payment_no, trade_no, channel, recorded, asked, amount, applied, surplus,
        state, channel_txn_no, paid_at, seq
    ) values (
        p_merchant_id, p_payment_no, p_trade_no, p_channel, true, v_total, v_total, v_total, 0,
        'succeeded', p_channel_txn_no, now(), v_seq
    )
    returning * into v_payment;
    if p_second_order_no is null then
        update mixpay.trade_orders set paid = paid + p_amount
        where merchant_id = p_merchant_id and trade_no = p_trade_no and position = 1;
        insert into mixpay.facts (
            merchant_id, log, log_no, entry, epoch, entity, number, payment_no, order_no, from_state, to_state,
            from_account, from_owner, to_account, to_owner, amount, currency, happened_at
        ) values (
            p_merchant_id, 'trade', p_trade_no, v_entry, 1, 'payment', p_payment_no, p_payment_no, p_order_no, '',
            'succeeded', 'channel', p_channel, 'order', p_order_no, p_amount, v_currency, now()
        );
    else
        update mixpay.trade_orders set paid = amount, live = false
        where merchant_id = p_merchant_id and trade_no = p_trade_no;
        insert into mixpay.facts (
            merchant_id, log, log_no, entry, epoch, entity, number, payment_no, order_no, from_state, to_state,
            from_account, from_owner, to_account, to_owner, amount, currency, happened_at, order_from_state, order_to_state
        ) values
        (
            p_merchant_id, 'trade', p_trade_no, v_entry - 2, 1, 'payment', p_payment_no, p_payment_no, p_order_no, '',
            'succeeded', 'channel', p_channel, 'order', p_order_no, p_amount, v_currency, now(), 'payable', 'paid'
        ),
        (
            p_merchant_id, 'trade', p_trade_no, v_entry - 1, 1, 'payment', p_payment_no, p_payment_no, p_second_order_no,
            null, null, 'channel', p_channel, 'order', p_second_order_no, p_second_amount, v_currency, now(), 'payable',
            'paid'
        ),
        (
            p_merchant_id, 'trade', p_trade_no, v_entry, 1, 'trade', p_trade_no, p_payment_no, null, 'open', 'paid',
            null, null, null, null, null, v_currency, now(), null, null
        );
    end if;
    return v_payment;
end;
$record_payment$;
