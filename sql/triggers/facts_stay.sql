create function mixpay._refuse_to_change_facts() returns trigger
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_to_change_facts$
begin
    raise exception 'facts stay: no % here', lower(tg_op) using
        errcode = 'restrict_violation',
        detail = 'What happened is written once. Totals and states move, and a new fact says why.';
end;
$_refuse_to_change_facts$;

comment on function mixpay._refuse_to_change_facts() is $$
Refuses whatever it is called for.
$$;

create trigger facts_stay before update or delete or truncate on mixpay.facts
for each statement execute function mixpay._refuse_to_change_facts();

-- Of a detail, only freed may change.
create trigger details_stay before delete or truncate on mixpay.refund_details
for each statement execute function mixpay._refuse_to_change_facts();

create trigger details_stay_but_freed
before update of merchant_id, refund_no, payment_no, amount on mixpay.refund_details
for each statement execute function mixpay._refuse_to_change_facts();

create trigger anomalies_stay before update or delete or truncate on mixpay.anomalies
for each statement execute function mixpay._refuse_to_change_facts();

create trigger resolutions_stay before update or delete or truncate on mixpay.anomaly_resolutions
for each statement execute function mixpay._refuse_to_change_facts();
