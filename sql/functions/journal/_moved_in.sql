create function mixpay._moved_in(
    p_merchant_id text, p_range mixpay.journal_range, p_until timestamptz, p_account text, p_owner text
) returns setof mixpay.account_total
language plpgsql stable
set search_path = mixpay, pg_temp
-- The planner cannot tell how few movements the stretch has. For as many as it expects it would start workers.
set max_parallel_workers_per_gather = 0
as $_moved_in$
begin
    return query
    select
        s.account, case when grouping(s.owner) = 1 then '' else s.owner end, s.currency,
        sum(s.came_in)::bigint, sum(s.went_out)::bigint, sum(s.came_in - s.went_out)::bigint
    from (
        select
            p.account, p.currency, p.came_in, p.went_out,
            -- Of those accounts that are many and small, only all of a kind together.
            case when p.account not in ('order', 'surplus', 'refund', 'anomaly', 'outside') then p.owner end as owner
        from postings as p
        where
            p.merchant_id = p_merchant_id and (p_account is null or p.account = p_account)
            and p.epoch > 0 and (p.epoch, p.xid) >= (p_range.from_epoch, p_range.from_xid)
            and (p.epoch, p.xid) < (p_range.until_epoch, p_range.until_xid)
            and (p_until is null or p.created_at <= p_until)
    ) as s
    group by grouping sets ((s.account, s.owner, s.currency), (s.account, s.currency))
    having case grouping(s.owner)
        when 1 then coalesce(p_owner = '', true)
        else s.owner = coalesce(p_owner, s.owner)
    end;
end;
$_moved_in$;

comment on function mixpay._moved_in(text, mixpay.journal_range, timestamptz, text, text) is
$$What accounts got and gave within a stretch of the log, as far as it was written until a moment (null: now): each
account of few owners, and all accounts of each kind together, which have an empty owner. p_account and
p_owner: only those; null: all.
$$;
