create function mixpay._is_same_hold(
    p_hold boolean, p_due_at timestamptz, p_sent_hold boolean, p_sent_due_at timestamptz
) returns boolean
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_is_same_hold$
begin
    return p_sent_hold is null or (
        p_hold = p_sent_hold and (p_due_at is null) = (p_sent_due_at is null)
        and not _is_another_moment(p_due_at, p_sent_due_at)
    );
end;
$_is_same_hold$;

comment on function mixpay._is_same_hold(boolean, timestamptz, boolean, timestamptz) is
$$Whether the hold of a line, and its moment, are what a repeated merge says; what that left out is not compared.
$$;
