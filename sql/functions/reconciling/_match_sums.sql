create function mixpay._match_sums(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns boolean
language plpgsql
set search_path = mixpay, pg_temp
as $_match_sums$
declare
    v_pair record;
    v_matched boolean := false;
begin
    if p_terms.account <> 'bank' or not exists (select from _open_lines(p_terms)) then
        return false;
    end if;
    for v_pair in
        with items as materialized (
            select
                i.*,
                case when i.kind ~ '^payout' then (
                    select o.channel from channel_payouts as o
                    where o.merchant_id = p_terms.merchant_id and o.payout_no = i.number
                ) end as channel
            from _bank_items(
                p_terms.merchant_id, p_terms.owner, p_statement.from_at - 2 * p_terms.lag,
                p_statement.until_at + 2 * p_terms.lag
            ) as i
            where _is_unmatched(p_terms, i.kind, i.number)
        ),
        -- What is still open of one kind and one channel: by the moment, and by the day.
        steps as materialized (
            select
                i.kind, i.channel, i.currency, s.by_day, min(i.happened_at) as first_at, max(i.happened_at) as last_at,
                count(*) as items, sum(i.amount) as amount,
                array_agg(i.kind || ' ' || i.number order by i.happened_at, i.number) as named,
                row_number() over (
                    partition by i.kind, i.channel, i.currency, s.by_day order by min(i.happened_at)
                ) as nth,
                sum(sum(i.amount)) over (
                    partition by i.kind, i.channel, i.currency, s.by_day order by min(i.happened_at)
                ) as until_here
            from items as i
            cross join (values (false), (true)) as s (by_day)
            group by
                i.kind, i.channel, i.currency, s.by_day,
                case when s.by_day then date_trunc('day', i.happened_at, p_terms.zone) else i.happened_at end
        ),
        runs as materialized (
            select
                a.kind, a.channel, a.currency, a.by_day, a.first_at, b.last_at, a.nth as from_nth, b.nth as until_nth,
                b.until_here - a.until_here + a.amount as amount
            from steps as a
            inner join steps as b
                on b.kind = a.kind and b.channel is not distinct from a.channel and b.currency = a.currency
                and b.by_day = a.by_day and b.nth between a.nth and a.nth + 30
            where b.nth > a.nth or a.items > 1
        )
        select l, n.named
        from _open_lines(p_terms) as l
        inner join runs as r
            on r.currency = l.currency and r.amount = l.amount and r.first_at >= l.happened_at - p_terms.lag
            and r.last_at <= l.happened_at + p_terms.lag
        cross join lateral (
            select array_agg(u.item order by s.nth, u.place) as named
            from steps as s
            cross join unnest(s.named) with ordinality as u (item, place)
            where
                s.kind = r.kind and s.channel is not distinct from r.channel and s.currency = r.currency
                and s.by_day = r.by_day and s.nth between r.from_nth and r.until_nth
        ) as n
        where
            l.state <> 'failed' and l.our_no is null and l.happened_at >= p_statement.from_at - p_terms.lag
            and l.happened_at < p_statement.until_at + p_terms.lag
        order by
            abs(extract(epoch from l.happened_at - r.last_at)), cardinality(n.named), l.happened_at, l.statement_no,
            l.line_no, l.part, r.kind, r.channel, r.by_day, r.first_at
    loop
        if _match_together(p_terms, v_pair.l, v_pair.named) then
            v_matched := true;
        end if;
    end loop;
    return v_matched;
end;
$_match_sums$;

comment on function mixpay._match_sums(mixpay.reconciled_accounts, mixpay.statements) is
$$Matches lines of a bank that are still open with several of ours that sum to them: all that is open of one kind and
one channel in a run of moments or of days, within the lag, the nearest first. Says whether it found any: then others
may be in a run now.
$$;
