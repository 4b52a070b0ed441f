create function mixpay._spoken_for(p_terms mixpay.reconciled_accounts) returns setof mixpay.unmatched_items
language plpgsql stable
set search_path = mixpay, pg_temp
as $_spoken_for$
begin
    return query
    select * from _taken_back(p_terms)
    union all
    select u.* from unmatched_items as u
    where
        u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
        and u.line_no is not null
    union all
    select u.*
    from unmatched_items as u
    inner join resolutions as r on r.merchant_id = u.merchant_id and r.resolution_no = u.resolution_no
    where
        u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
        and r.action = 'written_off';
end;
$_spoken_for$;

comment on function mixpay._spoken_for(mixpay.reconciled_accounts) is
$$What of ours no further line is about: what was booked by mistake, its opposite, what one line pays with others, and
what was written off.
$$;
