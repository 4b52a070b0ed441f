create function mixpay._about(p_found mixpay.found_difference) returns text
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_about$
begin
    return case
        when p_found.line_no is null then format('%s %s', p_found.kind, p_found.number)
        else format(
            'line %s%s of statement %s', p_found.line_no, ', part ' || nullif(p_found.part, '') || ',',
            p_found.statement_no
        )
    end;
end;
$_about$;

comment on function mixpay._about(mixpay.found_difference) is
$$What a difference is about, in words: the reason of what is booked for it, if nobody gives another.
$$;
