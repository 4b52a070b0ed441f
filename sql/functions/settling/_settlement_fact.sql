create function mixpay._settlement_fact(
    p_settlement mixpay.settlements, p_from_state text
) returns mixpay.fact
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_settlement_fact$
declare
    v_fact fact;
    -- Before there were banks, a payout went outside; if it fails, it comes back from there.
    v_bank text := case when p_settlement.bank is null then 'outside' else 'bank' end;
begin
    v_fact.merchant_id := p_settlement.merchant_id;
    v_fact.log := 'settlement';
    v_fact.log_no := p_settlement.settlement_no;
    v_fact.entity := 'settlement';
    v_fact.number := p_settlement.settlement_no;
    v_fact.from_state := p_from_state;
    v_fact.to_state := p_settlement.state;
    v_fact.currency := p_settlement.currency;
    v_fact.reason := p_settlement.reason;
    v_fact.happened_at := p_settlement.reversed_at;
    if p_from_state = p_settlement.state then
        v_fact.reason := 'its moment came later';
    elsif p_settlement.amount > 0 then
        v_fact.amount := p_settlement.amount;
        if p_settlement.state = 'settled' then
            v_fact.from_account := p_settlement.account;
            v_fact.from_owner := p_settlement.owner;
            v_fact.to_account := v_bank;
            v_fact.to_owner := p_settlement.bank;
        else
            v_fact.from_account := v_bank;
            v_fact.from_owner := p_settlement.bank;
            v_fact.to_account := p_settlement.account;
            v_fact.to_owner := p_settlement.owner;
        end if;
    end if;
    return v_fact;
end;
$_settlement_fact$;

comment on function mixpay._settlement_fact(mixpay.settlements, text) is
$$What a settlement's state says: it was settled and paid out, its payout came back, or had arrived after all.

p_from_state is the state before; the same if only the moment of its reversal came later. last_entry is that of this
fact.
$$;
