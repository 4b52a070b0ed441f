create function mixpay._about(p_found mixpay.found_difference) returns text
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_about$
begin
    return case
        when p_found.line_no is null then format('%s %s', p_found.kind, p_found.number)
        else trim(format('line %s of statement %s %s', p_found.line_no, p_found.statement_no, p_found.part))
    end;
end;
$_about$;

comment on function mixpay._about(mixpay.found_difference) is
$$What a difference is about, in words: the reason of what is booked for it, if nobody gives another.
$$;
