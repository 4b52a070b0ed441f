create function mixpay.reinstate_settlement(
    p_merchant_id text, p_settlement_no text, p_reason text, p_nth bigint default null
) returns mixpay.settlement
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $reinstate_settlement$
declare
    v_settlement settlements;
begin
    perform _check_text('reason', p_reason);
    -- Who does not say which reversal it is waits for nobody: what is there has been reinstated before.
    v_settlement := _settlement(p_merchant_id, p_settlement_no, p_nth is not null);
    if p_nth < _times_reversed(v_settlement, p_nth, false) then
        -- That one was taken back before.
        return row(v_settlement.*)::settlement;
    elsif v_settlement.state = 'reversed' then
        update settlements set state = 'settled', reason = p_reason, reversed_at = null, last_entry = last_entry + 1
        where merchant_id = p_merchant_id and settlement_no = p_settlement_no and state = 'reversed'
        returning * into v_settlement;
        if found then
            perform _write_facts(array[_settlement_fact(v_settlement, 'reversed')], v_settlement.last_entry - 1);
            return row(v_settlement.*)::settlement;
        end if;
        v_settlement := _settlement(p_merchant_id, p_settlement_no, false);
    end if;
    v_settlement := _explain_settlement(v_settlement, 'settled', p_reason);
    return row(v_settlement.*)::settlement;
end;
$reinstate_settlement$;

comment on function mixpay.reinstate_settlement(text, text, text, bigint) is
$$Takes back reverse_settlement: the payout had arrived after all. The money leaves the payee's or receiver's account
again.

If it was paid out once more meanwhile, the account is below zero by that. This is a debt, which the next settlement
nets, or which somebody pays (record_repayment). A settlement that is not reversed now stays as it is, and may be
reversed again; the reason is not compared, and may come later.

p_nth is which of the settlement's reversals was wrong, counted from 1. Name it if news may come late: then a later
reversal stands. If left out, it is the last one.
Locks: the settlement.
Raises: MX101 if there is no such merchant; MX405 if there is no such settlement; MX415 if it was never reversed, or not
that often; MX901; MX905.
$$;
