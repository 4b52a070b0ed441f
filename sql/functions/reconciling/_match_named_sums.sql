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
            from _named_in_words(p_terms, l, p_statement.from_at - p_terms.lag, p_statement.until_at + p_terms.lag) as i
        ) as n
        where
            l.state <> 'failed' and l.our_no is null and l.description is not null and cardinality(n.items) > 1
        order by l.happened_at, l.statement_no, l.line_no, l.part
    loop
        -- An earlier line may have named the same.
        if not exists (
            select from unnest(v_named.items) as i (item)
            where not _is_unmatched(p_terms, split_part(i.item, ' ', 1), split_part(i.item, ' ', 2))
        ) then
            perform _match_sum(p_terms, v_named.l, v_named.items);
        end if;
    end loop;
end;
$_match_named_sums$;

comment on function mixpay._match_named_sums(mixpay.reconciled_accounts, mixpay.statements) is
$$Matches lines of a bank that name several of ours in words with all of them: one line pays them together.
$$;
