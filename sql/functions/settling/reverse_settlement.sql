create function mixpay.reverse_settlement(
    p_merchant_id text, p_settlement_no text, p_reason text
) returns mixpay.settlement
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $reverse_settlement$
declare
    v_settlement settlements;
begin
    perform _check_text('reason', p_reason);
    update settlements set state = 'reversed', reason = p_reason, reversed_at = now(), last_entry = last_entry + 1
    where merchant_id = p_merchant_id and settlement_no = p_settlement_no and state = 'settled' and amount > 0
    returning * into v_settlement;
    if found then
        perform _write_facts(array[_settlement_fact(v_settlement)], v_settlement.last_entry - 1);
        return row(v_settlement.*)::settlement;
    end if;
    v_settlement := _check_settlement(p_merchant_id, p_settlement_no);
    if v_settlement.state = 'settled' then
        raise exception 'settlement % paid nothing out', p_settlement_no using
            errcode = 'MX406',
            detail = format('%s was carried over.', v_settlement.carried_out),
            hint = 'There is no payout that could have failed. What is owed is netted from the next settlement.';
    end if;
    v_settlement := _reason_later(v_settlement, 'settlement_no', p_reason);
    return row(v_settlement.*)::settlement;
end;
$reverse_settlement$;

comment on function mixpay.reverse_settlement(text, text, text) is
$$Books that the payout of a settlement failed: the money is the payee's or receiver's again, and is paid out by the
next settlement. A settlement that is reversed stays as it is; the reason is not compared, and may come later. If the
payout arrived after all, reinstate_settlement takes this back.
Locks: the settlement.
Raises: MX101 if there is no such merchant; MX405 if there is no such settlement; MX406 if it paid nothing out; MX901;
MX905.
$$;
