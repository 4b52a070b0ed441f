create function mixpay._prefer_own_lines(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
set enable_nestloop = on set enable_hashjoin = off set jit = off
as $_prefer_own_lines$
begin
    update unmatched_items as u
    set theirs = 0, batch_no = null, result = 'matched', run = p_terms.last_run
    from (
        -- One of this statement, or one that was open until now.
        select m.number from line_matches as m
        where
            m.merchant_id = p_statement.merchant_id and m.statement_no = p_statement.statement_no and m.kind = 'payout'
        union
        select m.number
        from unmatched_lines as o
        cross join lateral (
            select * from line_matches as x
            where
                x.merchant_id = o.merchant_id and x.statement_no = o.statement_no and x.line_no = o.line_no
                and x.part = o.part
            limit 1
        ) as m
        where
            o.merchant_id = p_terms.merchant_id and o.account = p_terms.account and o.owner = p_terms.owner
            and o.result <> 'matched' and m.kind = 'payout'
    ) as m
    cross join lateral (
        select x.ctid as place, x.batch_no from unmatched_items as x
        where
            x.merchant_id = p_terms.merchant_id and x.account = p_terms.account and x.owner = p_terms.owner
            and x.kind = 'payout' and x.number = m.number
        offset 0
    ) as x
    where u.ctid = x.place and x.batch_no is not null;
end;
$_prefer_own_lines$;

comment on function mixpay._prefer_own_lines(mixpay.reconciled_accounts, mixpay.statements) is
$$Has payouts that have got a line of their own not be compared with their batch any more.
$$;
