create function mixpay._totals_of(
    p_merchant_id text, p_account mixpay.account_name, p_at timestamptz
) returns setof mixpay.account_total
language plpgsql stable
set search_path = mixpay, pg_temp set enable_seqscan = off set jit = off
as $_totals_of$
declare
    v_fold bigint;
begin
    if p_account.owner is null or p_account.account = 'channel' then
        return query
        select t.* from _all_totals(p_merchant_id, p_at, p_account.account, coalesce(p_account.owner, '')) as t;
    elsif p_account.account not in ('payee', 'receiver', 'fee') then
        return query
        select
            p_account.account, p_account.owner, j.currency,
            sum(s.came_in)::bigint, sum(s.went_out)::bigint, sum(s.came_in - s.went_out)::bigint
        from _entries_of(p_merchant_id, p_account, null, p_at) as j
        cross join lateral (values
            (j.to_account::text, j.to_owner, j.amount::bigint, 0::bigint),
            (j.from_account::text, j.from_owner, 0::bigint, j.amount::bigint)
        ) as s (account, owner, came_in, went_out)
        where s.account = p_account.account and s.owner = p_account.owner
        group by j.currency;
    else
        v_fold := _fold_at(p_merchant_id, p_at);
        return query
        select
            p_account.account, p_account.owner, s.currency,
            sum(s.came_in)::bigint, sum(s.went_out)::bigint, sum(s.came_in - s.went_out)::bigint
        from (
            select l.currency, f.came_in, f.went_out
            from folded_balances as l
            cross join lateral (
                select b.came_in, b.went_out
                from folded_balances as b
                where
                    b.merchant_id = l.merchant_id and b.account = l.account and b.owner = l.owner
                    and b.currency = l.currency and b.fold <= v_fold
                order by b.fold desc
                limit 1
            ) as f
            where
                l.is_last and l.merchant_id = p_merchant_id and l.account = p_account.account
                and l.owner = p_account.owner
            union all
            select x.currency, x.came_in, x.went_out
            from _journal_ranges(p_merchant_id, v_fold, p_at) as r
            -- The currency is looked up for each: the planner cannot tell how few they are, and to join it would read
            -- all trades.
            cross join lateral (
                select
                    (select t.currency from trades as t where t.merchant_id = f.merchant_id and t.trade_no = f.trade_no)
                        as currency,
                    f.amount as came_in, 0 as went_out
                from facts as f
                where
                    f.merchant_id = p_merchant_id and f.to_owner = p_account.owner and f.to_account = p_account.account
                    and (f.epoch, f.xid) >= (r.from_epoch, r.from_xid)
                    and (f.epoch, f.xid) < (r.until_epoch, r.until_xid)
                    and (p_at is null or f.created_at <= p_at)
                union all
                select
                    (select t.currency from trades as t where t.merchant_id = f.merchant_id and t.trade_no = f.trade_no),
                    0, f.amount
                from facts as f
                where
                    f.merchant_id = p_merchant_id and f.from_owner = p_account.owner
                    and f.from_account = p_account.account
                    and (f.epoch, f.xid) >= (r.from_epoch, r.from_xid)
                    and (f.epoch, f.xid) < (r.until_epoch, r.until_xid)
                    and (p_at is null or f.created_at <= p_at)
                union all
                select f.currency, f.amount, 0
                from settlement_facts as f
                where
                    f.merchant_id = p_merchant_id and f.to_owner = p_account.owner and f.to_account = p_account.account
                    and (f.epoch, f.xid) >= (r.from_epoch, r.from_xid)
                    and (f.epoch, f.xid) < (r.until_epoch, r.until_xid)
                    and (p_at is null or f.created_at <= p_at)
                union all
                select f.currency, 0, f.amount
                from settlement_facts as f
                where
                    f.merchant_id = p_merchant_id and f.from_owner = p_account.owner
                    and f.from_account = p_account.account
                    and (f.epoch, f.xid) >= (r.from_epoch, r.from_xid)
                    and (f.epoch, f.xid) < (r.until_epoch, r.until_xid)
                    and (p_at is null or f.created_at <= p_at)
            ) as x
        ) as s
        group by s.currency;
    end if;
end;
$_totals_of$;

comment on function mixpay._totals_of(text, mixpay.account_name, timestamptz) is $$
What an account held at a moment, null: now, in each currency: what was folded, and what came after.
$$;
