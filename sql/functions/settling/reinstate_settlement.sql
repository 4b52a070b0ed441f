create function mixpay.reinstate_settlement(
    p_merchant_id text, p_settlement_no text, p_reason text
) returns mixpay.settlement
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $reinstate_settlement$
declare
    v_settlement settlements;
begin
    perform _check_text('reason', p_reason);
    update settlements set state = 'settled', reason = p_reason, reversed_at = null, last_entry = last_entry + 1
    where merchant_id = p_merchant_id and settlement_no = p_settlement_no and state = 'reversed'
    returning * into v_settlement;
    if found then
        perform _write_facts(array[_settlement_fact(v_settlement)], v_settlement.last_entry - 1);
        return row(v_settlement.*)::settlement;
    end if;
    v_settlement := _check_settlement(p_merchant_id, p_settlement_no);
    if v_settlement.last_entry = 1 then
        raise exception 'settlement % was never reversed', p_settlement_no using
            errcode = 'MX415',
            detail = format('It paid out %s.', v_settlement.amount),
            hint = 'It stands as it is. Only one whose payout was booked as failed is reinstated.';
    end if;
    v_settlement := _reason_later(v_settlement, 'settlement_no', p_reason);
    return row(v_settlement.*)::settlement;
end;
$reinstate_settlement$;

comment on function mixpay.reinstate_settlement(text, text, text) is
$$Takes back reverse_settlement: the payout had arrived after all. The money leaves the payee's or receiver's account
again.

If it was paid out once more meanwhile, the account is below zero by that. This is a debt, which the next settlement
nets, or which somebody pays (record_repayment). A settlement that is not reversed now stays as it is, and may be
reversed again; the reason is not compared, and may come later.
Locks: the settlement.
Raises: MX101 if there is no such merchant; MX405 if there is no such settlement; MX415 if it was never reversed; MX901;
MX905.
$$;
