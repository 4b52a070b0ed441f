create function mixpay._clearing_facts(p_fact mixpay.fact, p_clearing mixpay.clearing) returns mixpay.fact[]
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_clearing_facts$
declare
    v_fact fact := p_fact;
    v_facts fact[] := array[]::fact[];
    v_sign bigint;
begin
    if p_clearing.accounts is null then
        return v_facts;
    end if;
    v_fact.from_state := null;
    v_fact.to_state := null;
    v_fact.order_from_state := null;
    v_fact.order_to_state := null;
    if p_clearing.split_no is not null then
        v_fact.entity := 'split';
        v_fact.number := p_clearing.split_no;
    end if;
    foreach v_sign in array array[-1, 1] loop
        for i in 1 .. cardinality(p_clearing.moves) loop
            continue when p_clearing.moves[i] * v_sign <= 0;
            v_fact.from_account := case v_sign when 1 then 'order' else p_clearing.accounts[i] end;
            v_fact.from_owner := case v_sign when 1 then v_fact.order_no else p_clearing.owners[i] end;
            v_fact.to_account := case v_sign when 1 then p_clearing.accounts[i] else 'order' end;
            v_fact.to_owner := case v_sign when 1 then p_clearing.owners[i] else v_fact.order_no end;
            v_fact.amount := p_clearing.moves[i] * v_sign;
            v_facts := v_facts || v_fact;
        end loop;
    end loop;
    return v_facts;
end;
$_clearing_facts$;

comment on function mixpay._clearing_facts(mixpay.fact, mixpay.clearing) is
$$The movements of a clearing, what comes back first. p_fact says the cause, and the order that it is about.
$$;
