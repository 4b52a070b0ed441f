create function mixpay._is_unmatched(
    p_terms mixpay.reconciled_accounts, p_kind text, p_number text
) returns boolean
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_is_unmatched$
begin
    return not exists (
        select from line_matches as m
        where
            m.merchant_id = p_terms.merchant_id and m.number = p_number and m.kind = p_kind
            and m.account = p_terms.account and m.owner = p_terms.owner and m.rule <> 'batch'
        union all
        select from line_matches as m
        where
            m.merchant_id = p_terms.merchant_id and m.number = p_number and m.kind = p_kind
            and m.account = p_terms.account and m.owner = p_terms.owner and m.rule = 'batch'
        union all
        select from unmatched_items as u
        where
            u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
            and u.kind = p_kind and u.number = p_number and (
                u.resolution_no is not null or u.result = 'matched' or u.line_no is not null
            )
    );
end;
$_is_unmatched$;

comment on function mixpay._is_unmatched(mixpay.reconciled_accounts, text, text) is
$$Whether something of ours is in no match of an account, and nobody has resolved that.
$$;
