create function mixpay._check_from_zero(p_name text, p_value bigint) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_from_zero$
begin
    if p_value <> 0 then
        perform _check_amount(p_name, p_value);
    end if;
end;
$_check_from_zero$;

comment on function mixpay._check_from_zero(text, bigint) is
$$Refuses what is neither zero nor an amount; null is none.

Raises: MX902.
$$;
