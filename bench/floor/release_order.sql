-- What release_order writes of a part of what one line of a payee has in escrow.
create function floor.release_order(
    p_merchant_id text, p_trade_no text, p_order_no text, p_release_no text, p_amount bigint, p_payee_no text
) returns mixpay.releases
language plpgsql security definer
as $release_order$
declare
    v_release mixpay.releases;
    v_entry bigint;
    v_currency text;
begin
    insert into mixpay.releases (merchant_id, release_no, order_no, amount, was_due)
    values (p_merchant_id, p_release_no, p_order_no, p_amount, false)
    returning * into v_release;
    update mixpay.trades set last_entry = last_entry + 2
    where merchant_id = p_merchant_id and trade_no = p_trade_no
    returning last_entry, currency into v_entry, v_currency;
    update mixpay.trade_orders set cleared = cleared + p_amount
    where merchant_id = p_merchant_id and trade_no = p_trade_no and position = 1;
    insert into mixpay.facts (
        merchant_id, log, log_no, entry, epoch, entity, number, order_no, from_state, to_state,
        from_account, from_owner, to_account, to_owner, amount, currency, happened_at
    ) values
    (
        p_merchant_id, 'trade', p_trade_no, v_entry - 1, 1, 'release', p_release_no, p_order_no, '', 'released',
        null, null, null, null, null, v_currency, now()
    ),
    (
        p_merchant_id, 'trade', p_trade_no, v_entry, 1, 'release', p_release_no, p_order_no, null, null,
        'order', p_order_no, 'payee', p_payee_no, p_amount, v_currency, now()
    );
    return v_release;
end;
$release_order$;
