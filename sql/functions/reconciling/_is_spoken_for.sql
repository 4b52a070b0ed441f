create function mixpay._is_spoken_for(
    p_terms mixpay.reconciled_accounts, p_kind text, p_number text
) returns boolean
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_is_spoken_for$
begin
    return exists (
        select from unmatched_items as u
        left join lateral (
            select x.action from resolutions as x
            where x.merchant_id = u.merchant_id and x.resolution_no = u.resolution_no
            limit 1
        ) as r on true
        where
            u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
            and u.kind = p_kind and u.number = p_number and (
                u.line_no is not null or r.action = 'written_off' or r.action = 'taken_back' and u.result <> 'matched'
            )
    );
end;
$_is_spoken_for$;

comment on function mixpay._is_spoken_for(mixpay.reconciled_accounts, text, text) is
$$Whether no further line is about something of ours: it was booked by mistake, or is the opposite of that; one line
pays it with others; or it was written off.
$$;
