create function mixpay._open_lines(
    p_terms mixpay.reconciled_accounts
) returns setof mixpay.statement_lines
language plpgsql stable
set search_path = mixpay, pg_temp
as $_open_lines$
begin
    return query
    select l.*
    from unmatched_lines as u
    cross join lateral (
        select * from statement_lines as x
        where
            x.merchant_id = u.merchant_id and x.statement_no = u.statement_no and x.line_no = u.line_no
            and x.part = u.part
        limit 1
    ) as l
    where
        u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
        and u.result <> 'matched' and u.resolution_no is null
        and not exists (
            select from line_matches as m
            where
                m.merchant_id = u.merchant_id and m.statement_no = u.statement_no and m.line_no = u.line_no
                and m.part = u.part
            offset 0
        );
end;
$_open_lines$;

comment on function mixpay._open_lines(mixpay.reconciled_accounts) is
$$The lines of an account's statements of which nothing of ours was found, and nobody has resolved.
$$;
