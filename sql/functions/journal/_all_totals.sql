create function mixpay._all_totals(
    p_merchant_id text, p_at timestamptz, p_account text, p_owner text
) returns setof mixpay.account_total
language plpgsql stable
set search_path = mixpay, pg_temp
as $_all_totals$
declare
    v_fold bigint := _fold_at(p_merchant_id, p_at);
begin
    return query
    select
        s.account, s.owner, s.currency, sum(s.came_in)::bigint, sum(s.went_out)::bigint,
        sum(s.came_in - s.went_out)::bigint
    from (
        select l.account::text as account, l.owner, l.currency, f.came_in, f.went_out
        from folded_balances as l
        -- Which accounts there are is told by their last rows, one for each.
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
            l.is_last and l.merchant_id = p_merchant_id and (p_account is null or l.account = p_account)
            and (p_owner is null or l.owner = p_owner)
        union all
        select m.account, m.owner, m.currency, m.came_in, m.went_out
        from _journal_ranges(p_merchant_id, v_fold, p_at) as r
        cross join lateral _moved_in(p_merchant_id, r, p_at, p_account, p_owner) as m
    ) as s
    group by s.account, s.owner, s.currency;
end;
$_all_totals$;

comment on function mixpay._all_totals(text, timestamptz, text, text) is
$$The balances of all accounts at a moment, null: now; each account of a kind with few owners, and all of each kind
together, which have an empty owner. p_account and p_owner: only those; null: all.
$$;
