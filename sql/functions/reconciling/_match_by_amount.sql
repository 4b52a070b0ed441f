create function mixpay._match_by_amount(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements, p_rule text
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_match_by_amount$
declare
    v_wide bigint := p_terms.tolerance + 1;
    v_long numeric := greatest(extract(epoch from p_terms.lag), 1);
begin
    if not exists (
        select from _open_lines(p_terms) as o
        where p_rule = 'amount' or o.of_channel_txn_no is not null or o.of_our_no is not null
    ) then
        return;
    end if;
    insert into line_matches (
        merchant_id, statement_no, line_no, part, account, owner, kind, number, rule, result, currency, theirs, ours,
        fee_theirs, fee_ours, happened_at, run
    )
    with lines as materialized (
        select
            o.*, case when p_terms.account = 'channel' then o.kind when o.amount >= 0 then 'in' else 'out' end as side,
            o.amount / v_wide + a.slot as amount_slot,
            floor(extract(epoch from o.happened_at) / v_long)::bigint + t.slot as time_slot, n.is_numbered
        from _open_lines(p_terms) as o
        -- Slots a little wider than what may lie between, with those beside them, so that it is a join by equality.
        cross join generate_series(-1, 1) as a (slot)
        cross join generate_series(-1, 1) as t (slot)
        -- A payment or refund with other numbers is another one.
        inner join (values (false), (true)) as n (is_numbered)
            on p_rule = 'payment' or not n.is_numbered or num_nonnulls(o.channel_txn_no, o.our_no) = 0
        where
            o.state <> 'failed' and o.happened_at >= p_statement.from_at - p_terms.lag
            and o.happened_at < p_statement.until_at + p_terms.lag
            and case p_rule
                when 'payment' then num_nonnulls(o.of_channel_txn_no, o.of_our_no) > 0
                else o.our_no is null or o.kind not in ('payment', 'refund') or p_terms.account <> 'channel'
            end
    ),
    items as materialized (
        select
            i.*, i.amount / v_wide as amount_slot,
            floor(extract(epoch from i.happened_at) / v_long)::bigint as time_slot,
            i.channel_key is not null and i.kind in ('payment', 'refund') as is_numbered
        from _own_items(
            p_terms.merchant_id, p_terms.account, p_terms.owner, p_statement.from_at - 2 * p_terms.lag,
            p_statement.until_at + 2 * p_terms.lag
        ) as i
    ),
    pairs as materialized (
        select
            l.*, i.kind as own_kind, i.number, i.amount as ours, abs(l.amount - i.amount) as off,
            abs(extract(epoch from l.happened_at - i.happened_at)) as apart
        from lines as l
        inner join items as i
            on i.side = l.side and i.currency = l.currency and i.amount_slot = l.amount_slot
            and i.time_slot = l.time_slot and i.is_numbered = l.is_numbered
            and abs(i.amount - l.amount) <= p_terms.tolerance
            and i.happened_at between l.happened_at - p_terms.lag and l.happened_at + p_terms.lag
            and (p_rule = 'amount' or i.payment_txn_no = l.of_channel_txn_no or i.payment_no = l.of_our_no)
    )
    select
        p.merchant_id, p.statement_no, p.line_no, p.part, p_terms.account, p_terms.owner, p.own_kind, p.number, p_rule,
        _finding(p.amount, p.ours, true, p.state, 'succeeded', p_terms.tolerance, p.fee, p.fee_ours),
        p.currency, p.amount, p.ours, p.fee, p.fee_ours, p.happened_at, p_terms.last_run
    from (
        select x.*, _fee_of(p_terms, x.own_kind, x.number, x.ours, x.fee) as fee_ours
        from pairs as x
        where (x.own_kind, x.number) in (
            select d.own_kind, d.number from (select distinct own_kind, number from pairs offset 0) as d
            where _is_unmatched(p_terms, d.own_kind, d.number)
        )
    ) as p
    order by p.off, p.apart, p.happened_at, p.statement_no, p.line_no, p.part, p.own_kind, p.number
    on conflict do nothing;
end;
$_match_by_amount$;

comment on function mixpay._match_by_amount(mixpay.reconciled_accounts, mixpay.statements, text) is
$$Matches lines that are still open with what of ours has the same amount, within the tolerance, and happened within the
lag: the nearest first, each once. By rule payment only what is of the payment that the line names.
$$;
