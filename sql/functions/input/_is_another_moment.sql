create function mixpay._is_another_moment(p_one timestamptz, p_other timestamptz) returns boolean
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_is_another_moment$
begin
    return coalesce(abs(extract(epoch from p_one - p_other)) >= 0.001, false);
end;
$_is_another_moment$;

comment on function mixpay._is_another_moment(timestamptz, timestamptz) is
$$Whether the one moment contradicts the other, by a millisecond or more: many clients know no less, and cut or round
what they are given. What is null, contradicts nothing.
$$;
