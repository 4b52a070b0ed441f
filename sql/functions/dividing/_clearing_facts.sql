create function mixpay._clearing_facts(p_fact mixpay.facts, p_clearing mixpay.clearing) returns mixpay.facts[]
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_clearing_facts$
declare
    v_fact facts := p_fact;
    v_facts facts[] := array[]::facts[];
    v_move record;
begin
    if p_clearing.accounts is null then
        return v_facts;
    end if;
    v_fact.from_state := null;
    v_fact.to_state := null;
    if p_clearing.split_no is not null then
        v_fact.entity := 'split';
        v_fact.number := p_clearing.split_no;
    end if;
    for v_move in
        select m.* from unnest(p_clearing.accounts, p_clearing.owners, p_clearing.moves) with ordinality
            as m (account, owner, amount, i)
        where m.amount <> 0
        order by m.amount > 0, m.i
    loop
        v_fact.amount := abs(v_move.amount);
        if v_move.amount > 0 then
            v_fact.from_account := 'order';
            v_fact.from_owner := v_fact.order_no;
            v_fact.to_account := v_move.account;
            v_fact.to_owner := v_move.owner;
        else
            v_fact.from_account := v_move.account;
            v_fact.from_owner := v_move.owner;
            v_fact.to_account := 'order';
            v_fact.to_owner := v_fact.order_no;
        end if;
        v_facts := v_facts || v_fact;
    end loop;
    return v_facts;
end;
$_clearing_facts$;

comment on function mixpay._clearing_facts(mixpay.facts, mixpay.clearing) is $$
The movements of a clearing, what comes back first. p_fact says the cause, and the order that it is about.
$$;
