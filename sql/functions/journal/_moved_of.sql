create function mixpay._moved_of(
    p_merchant_id text, p_account mixpay.account_name, p_range mixpay.journal_range, p_until timestamptz
) returns setof mixpay.account_total
language plpgsql stable
set search_path = mixpay, pg_temp
-- A plan for one stretch would expect next to nothing between two transactions of one epoch, and then take any index;
-- one for all may expect much, and would start workers.
set plan_cache_mode = force_generic_plan set max_parallel_workers_per_gather = 0
as $_moved_of$
begin
    return query
    select
        p_account.account, p_account.owner, p.currency, sum(p.came_in)::bigint, sum(p.went_out)::bigint,
        sum(p.came_in - p.went_out)::bigint
    from postings as p
    where
        p.merchant_id = p_merchant_id and p.account = p_account.account and p.owner = p_account.owner
        and p.account in ('payee', 'receiver', 'fee')
        and (p.epoch, p.xid) >= (p_range.from_epoch, p_range.from_xid)
        and (p.epoch, p.xid) < (p_range.until_epoch, p_range.until_xid)
        and (p_until is null or p.created_at <= p_until)
    group by p.currency;
end;
$_moved_of$;

comment on function mixpay._moved_of(text, mixpay.account_name, mixpay.journal_range, timestamptz) is
$$What one payee, receiver or fee got and gave within a stretch of the log, as far as it was written until a moment
(null: now), by its index.
$$;
