create function mixpay._moved_in(
    p_merchant_id text, p_range mixpay.journal_range, p_until timestamptz, p_account text, p_owner text
) returns setof mixpay.account_total
language plpgsql stable
set search_path = mixpay, pg_temp
-- From each movement to its trade, one by one: the planner cannot tell how few movements the stretch has. For as many as
-- it expects it would read all trades, start workers and compile.
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
set jit = off set max_parallel_workers_per_gather = 0
as $_moved_in$
begin
    return query
    select
        s.account, case when grouping(s.owner) = 1 then '' else s.owner end, j.currency,
        sum(s.came_in)::bigint, sum(s.went_out)::bigint, sum(s.came_in - s.went_out)::bigint
    from journal as j
    cross join lateral (values
        (j.to_account::text, j.to_owner, j.amount::bigint, 0::bigint),
        (j.from_account::text, j.from_owner, 0::bigint, j.amount::bigint)
    ) as x (account, owner, came_in, went_out)
    -- Of those accounts that are many and small, only all of a kind together.
    cross join lateral (values (
        x.account, case when x.account in ('channel', 'payee', 'receiver', 'fee') then x.owner end,
        x.came_in, x.went_out
    )) as s (account, owner, came_in, went_out)
    where
        j.merchant_id = p_merchant_id
        and (j.epoch, j.xid) >= (p_range.from_epoch, p_range.from_xid)
        and (j.epoch, j.xid) < (p_range.until_epoch, p_range.until_xid)
        and (p_until is null or j.created_at <= p_until)
        and (p_account is null or (p_account in (j.from_account, j.to_account) and s.account = p_account))
    group by grouping sets ((s.account, s.owner, j.currency), (s.account, j.currency))
    having case grouping(s.owner) when 1 then coalesce(p_owner = '', true) else s.owner = coalesce(p_owner, s.owner) end;
end;
$_moved_in$;

comment on function mixpay._moved_in(text, mixpay.journal_range, timestamptz, text, text) is $$
What accounts got and gave within a stretch of the log, as far as it was written until a moment (null: now): each
channel, payee, receiver and fee, and all accounts of each kind together, which have an empty owner. p_account and
p_owner: only those; null: all.
$$;
