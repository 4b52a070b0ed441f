create function mixpay._holder(p_reason text) returns text
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_holder$
begin
    return substring(p_reason from '^(?:returned|charged back): [!-~]+$');
end;
$_holder$;

comment on function mixpay._holder(text) is $$
The return or chargeback for which a channel refund waits, if it is that: the reason itself; else null.
$$;
