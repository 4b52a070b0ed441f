create function mixpay._explain_settlement(
    p_settlement mixpay.settlements, p_state text, p_reason text
) returns mixpay.settlements
language plpgsql
set search_path = mixpay, pg_temp
as $_explain_settlement$
begin
    -- Who comes second waits here. What the first one said stays, and so does what another call has made of it.
    update settlements set reason = p_reason
    where
        merchant_id = p_settlement.merchant_id and settlement_no = p_settlement.settlement_no
        and state = p_state and last_entry = p_settlement.last_entry and reason is null and p_reason is not null;
    return _settlement(p_settlement.merchant_id, p_settlement.settlement_no, false);
end;
$_explain_settlement$;

comment on function mixpay._explain_settlement(mixpay.settlements, text, text) is
$$A settlement as it is now, with the reason of its state, which may come later than the state. The first one stays.

p_state is the state that p_reason is of. If the settlement has got another one meanwhile, nothing changes.
$$;
