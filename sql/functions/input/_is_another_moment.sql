create function mixpay._is_another_moment(p_one timestamptz, p_other timestamptz) returns boolean
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_is_another_moment$
begin
    return coalesce(not _same_moment(p_one, p_other), false);
end;
$_is_another_moment$;

comment on function mixpay._is_another_moment(timestamptz, timestamptz) is
$$Whether the one moment contradicts the other. What is null, contradicts nothing.
$$;
