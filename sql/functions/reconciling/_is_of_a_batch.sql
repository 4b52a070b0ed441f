create function mixpay._is_of_a_batch(
    p_terms mixpay.reconciled_accounts, p_kind text, p_number text
) returns boolean
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_is_of_a_batch$
begin
    return exists (
        select from line_matches as m
        where
            m.merchant_id = p_terms.merchant_id and m.number = p_number and m.kind = p_kind
            and m.account = p_terms.account and m.owner = p_terms.owner and m.rule = 'batch'
    );
end;
$_is_of_a_batch$;

comment on function mixpay._is_of_a_batch(mixpay.reconciled_accounts, text, text) is
$$Whether several lines are about something of ours, and sum to it: then no further line is, whatever it names.
$$;
