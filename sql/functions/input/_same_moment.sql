create function mixpay._same_moment(p_one timestamptz, p_other timestamptz) returns boolean
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_same_moment$
begin
    return abs(extract(epoch from p_one - p_other)) < 0.001;
end;
$_same_moment$;

comment on function mixpay._same_moment(timestamptz, timestamptz) is
$$Whether two moments are the same to the millisecond: many clients know no more, and cut or round what they are given.
Null if one is null.
$$;
