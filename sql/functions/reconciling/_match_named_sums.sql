create function mixpay._match_named_sums(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_match_named_sums$
declare
    v_named record;
begin
    if p_terms.account <> 'bank' then
        return;
    end if;
    for v_named in
        select l, n.items
        from _open_lines(p_terms) as l
        cross join lateral (
            select array_agg(i.kind || ' ' || i.number order by i.happened_at, i.kind, i.number) as items
            from (
                select distinct w.word from regexp_split_to_table(l.description, '[^0-9A-Za-z._-]+') as w (word)
                where length(w.word) between 4 and 64
            ) as w
            cross join unnest(
                case
                    when l.amount >= 0 then array['payout', 'repayment', 'settlement_reversal']
                    else array['payout_reversal', 'settlement']
                end
            ) as k (kind)
            cross join lateral _own_item(p_terms.merchant_id, p_terms.account, p_terms.owner, k.kind, w.word) as i
            where
                i.number is not null and i.currency = l.currency
                and i.happened_at >= p_statement.from_at - p_terms.lag
                and i.happened_at < p_statement.until_at + p_terms.lag and _is_unmatched(p_terms, i.kind, i.number)
        ) as n
        where
            l.state <> 'failed' and l.our_no is null and l.description is not null and cardinality(n.items) > 1
        order by l.happened_at, l.statement_no, l.line_no, l.part
    loop
        perform _match_together(p_terms, v_named.l, v_named.items);
    end loop;
end;
$_match_named_sums$;

comment on function mixpay._match_named_sums(mixpay.reconciled_accounts, mixpay.statements) is
$$Matches lines of a bank that name several of ours in words with all of them: one line pays them together.
$$;
