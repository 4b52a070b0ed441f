create function mixpay._reconciliation(
    p_terms mixpay.reconciled_accounts, p_statement_no text
) returns mixpay.reconciliation[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_reconciliation$
begin
    return array(
        select row(f.*)::reconciliation
        from (
            select
                'theirs' as side, x.result, x.was, x.kind, x.currency, count(*) as count,
                sum(x.theirs)::bigint as theirs, sum(x.ours)::bigint as ours
            from (
                select m.result::text as result, m.kind::text as kind, m.currency, m.theirs, m.ours, null::text as was
                from line_matches as m
                where m.merchant_id = p_terms.merchant_id and m.statement_no = p_statement_no
                union all
                select u.result::text, l.kind::text, u.currency, u.theirs, coalesce((
                    select sum(i.ours) from unmatched_items as i
                    where
                        u.result = 'matched' and i.merchant_id = u.merchant_id and i.statement_no = u.statement_no
                        and i.line_no = u.line_no and i.part = u.part
                ), 0), null
                from unmatched_lines as u
                inner join statement_lines as l
                    on l.merchant_id = u.merchant_id and l.statement_no = u.statement_no and l.line_no = u.line_no
                    and l.part = u.part
                where
                    u.merchant_id = p_terms.merchant_id and u.statement_no = p_statement_no and not exists (
                        select from line_matches as m
                        where
                            m.merchant_id = u.merchant_id and m.statement_no = u.statement_no and m.line_no = u.line_no
                            and m.part = u.part
                    )
            ) as x
            group by x.result, x.was, x.kind, x.currency
            union all
            select 'ours', u.result, null, u.kind, u.currency, count(*), sum(u.theirs)::bigint, sum(u.ours)::bigint
            from (
                select * from unmatched_items
                where merchant_id = p_terms.merchant_id and statement_no = p_statement_no
                offset 0
            ) as u
            where u.result <> 'matched' or u.batch_no is not null
            group by u.result, u.kind, u.currency
            union all
            -- What an earlier run said, and this one says otherwise.
            select 'earlier', c.to_result, c.from_result, null, null, count(*), 0, 0
            from result_changes as c
            where
                c.merchant_id = p_terms.merchant_id and c.account = p_terms.account and c.owner = p_terms.owner
                and c.run = p_terms.last_run
            group by c.to_result, c.from_result
        ) as f
        order by f.side desc, f.result, f.was, f.kind, f.currency
    );
end;
$_reconciliation$;

comment on function mixpay._reconciliation(mixpay.reconciled_accounts, text) is
$$What the run found of a statement's lines, of what of ours it should have covered, and what it says otherwise than an
earlier run.
$$;
