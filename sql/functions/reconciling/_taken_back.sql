create function mixpay._taken_back(p_terms mixpay.reconciled_accounts) returns setof mixpay.unmatched_items
language plpgsql stable
set search_path = mixpay, pg_temp
as $_taken_back$
begin
    return query
    select u.*
    from unmatched_items as u
    inner join resolutions as r on r.merchant_id = u.merchant_id and r.resolution_no = u.resolution_no
    where
        u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
        and u.result <> 'matched' and r.action = 'taken_back';
end;
$_taken_back$;

comment on function mixpay._taken_back(mixpay.reconciled_accounts) is
$$What was booked from a line by mistake, and its opposite: no line is about either.
$$;
