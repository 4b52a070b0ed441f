create function mixpay._totals_of(
    p_merchant_id text, p_account mixpay.account_name, p_at timestamptz
) returns setof mixpay.account_total
language plpgsql stable
set search_path = mixpay, pg_temp
as $_totals_of$
declare
    v_fold bigint;
begin
    if p_account.owner is null
        or p_account.account not in ('order', 'surplus', 'refund', 'anomaly', 'payee', 'receiver', 'fee') then
        return query
        select t.* from _all_totals(p_merchant_id, p_at, p_account.account, coalesce(p_account.owner, '')) as t;
    elsif p_account.account not in ('payee', 'receiver', 'fee') then
        return query
        select
            p_account.account, p_account.owner, p.currency,
            sum(p.came_in)::bigint, sum(p.went_out)::bigint, sum(p.came_in - p.went_out)::bigint
        from _entries_of(p_merchant_id, p_account, null, p_at) as p
        group by p.currency;
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
            select m.currency, m.came_in, m.went_out
            from _journal_ranges(p_merchant_id, v_fold, p_at) as r
            cross join lateral _moved_of(p_merchant_id, p_account, r, p_at) as m
        ) as s
        group by s.currency;
    end if;
end;
$_totals_of$;

comment on function mixpay._totals_of(text, mixpay.account_name, timestamptz) is
$$The balance of an account at a moment, null: now, in each currency: what was folded, and what came after.
$$;
