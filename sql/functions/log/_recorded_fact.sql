create function mixpay._recorded_fact(
    p_merchant_id text, p_log text, p_number text, p_from mixpay.account_name, p_to mixpay.account_name,
    p_amount bigint, p_currency text
) returns mixpay.fact
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_recorded_fact$
declare
    v_fact fact;
    v_from account_name := case when p_amount > 0 then p_from else p_to end;
    v_to account_name := case when p_amount > 0 then p_to else p_from end;
begin
    v_fact.merchant_id := p_merchant_id;
    v_fact.log := p_log;
    v_fact.log_no := p_number;
    v_fact.entity := p_log;
    v_fact.number := p_number;
    v_fact.from_state := '';
    v_fact.to_state := 'recorded';
    v_fact.from_account := v_from.account;
    v_fact.from_owner := v_from.owner;
    v_fact.to_account := v_to.account;
    v_fact.to_owner := v_to.owner;
    v_fact.amount := abs(p_amount);
    v_fact.currency := p_currency;
    return v_fact;
end;
$_recorded_fact$;

comment on function mixpay._recorded_fact(
    text, text, text, mixpay.account_name, mixpay.account_name, bigint, text
) is
$$The only fact of a log that is written once: money moved between two accounts; below zero, it went the other way.
$$;
