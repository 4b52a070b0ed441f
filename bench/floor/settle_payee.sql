-- What settle_payee writes of a payee's first settlement; that it sums five movements is not in here.
create function floor.settle_payee(
    p_merchant_id text, p_payee_no text, p_settlement_no text, p_amount bigint, p_currency text
) returns mixpay.settlements
language plpgsql security definer
as $settle_payee$
declare
    v_settlement mixpay.settlements;
begin
    insert into mixpay.settlements (
        merchant_id, settlement_no, account, owner, currency, nth, until_at, from_epoch, from_xid, until_epoch,
        until_xid, carried_in, earned, amount, carried_out, last_entry, bank
    ) values (
        p_merchant_id, p_settlement_no, 'payee', p_payee_no, p_currency, 1, clock_timestamp(), 0, '0', 1,
        pg_current_xact_id(), 0, p_amount, p_amount, 0, 1, 'main'
    )
    returning * into v_settlement;
    insert into mixpay.facts (
        merchant_id, log, log_no, entry, epoch, entity, number, from_state, to_state,
        from_account, from_owner, to_account, to_owner, amount, currency, happened_at
    ) values (
        p_merchant_id, 'settlement', p_settlement_no, 1, 1, 'settlement', p_settlement_no, '', 'settled',
        'payee', p_payee_no, 'bank', 'main', p_amount, p_currency, now()
    );
    return v_settlement;
end;
$settle_payee$;
