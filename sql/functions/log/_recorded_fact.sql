create function mixpay._recorded_fact(
    p_merchant_id text, p_log text, p_number text, p_from mixpay.account_name, p_to mixpay.account_name,
    p_amount bigint, p_currency text
) returns mixpay.fact
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_recorded_fact$
declare
    v_from account_name := case when p_amount > 0 then p_from else p_to end;
    v_to account_name := case when p_amount > 0 then p_to else p_from end;
begin
    return row(
        p_merchant_id, p_log, p_number, null, p_log, p_number, '', 'recorded', v_from.account, v_from.owner,
        v_to.account, v_to.owner, abs(p_amount), p_currency, null, null, null, null, null, null, null, null
    )::fact;
end;
$_recorded_fact$;

comment on function mixpay._recorded_fact(
    text, text, text, mixpay.account_name, mixpay.account_name, bigint, text
) is
$$The only fact of a log that is written once: money moved between two accounts; below zero, it went the other way.
$$;
