create function mixpay._is_written_off(p_line mixpay.statement_lines) returns boolean
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_is_written_off$
begin
    return exists (
        select from unmatched_lines as u
        inner join resolutions as r on r.merchant_id = u.merchant_id and r.resolution_no = u.resolution_no
        where
            u.merchant_id = p_line.merchant_id and u.statement_no = p_line.statement_no
            and u.line_no = p_line.line_no and u.part = p_line.part and r.action = 'written_off'
    );
end;
$_is_written_off$;

comment on function mixpay._is_written_off(mixpay.statement_lines) is
$$Whether a line that nothing was found for is written off: what it moved is in its account already. It is asked only of
lines without a match, for it costs more than to look for one.
$$;
