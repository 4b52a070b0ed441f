create function mixpay._waits_for(p_reason text) returns text
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_waits_for$
begin
    return substring(p_reason from '^(?:returned|charged back): [!-~]+$');
end;
$_waits_for$;

comment on function mixpay._waits_for(text) is
$$The return or chargeback for which a channel refund waits, if it is that: the reason itself; else null.
$$;
