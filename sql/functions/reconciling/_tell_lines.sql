create function mixpay._tell_lines(p_terms mixpay.reconciled_accounts, p_horizon timestamptz) returns void
language plpgsql
set search_path = mixpay, pg_temp
set enable_nestloop = on set enable_hashjoin = off set jit = off
as $_tell_lines$
begin
    update unmatched_lines as u
    set result = n.result, run = p_terms.last_run
    from (
        select
            x.ctid as place,
            case
                when x.theirs = 0 or m.merchant_id is not null then 'matched'
                when l.kind in ('unknown', 'other') and p_terms.account = 'channel' then 'unknown'
                when _is_duplicate(p_terms, l) then 'duplicate'
                when x.happened_at + p_terms.lag <= p_horizon then 'missing_here'
                else 'expected'
            end as result
        from unmatched_lines as x
        cross join lateral (
            select * from statement_lines as y
            where
                y.merchant_id = x.merchant_id and y.statement_no = x.statement_no and y.line_no = x.line_no
                and y.part = x.part
            limit 1
        ) as l
        left join lateral (
            select * from line_matches as y
            where
                y.merchant_id = x.merchant_id and y.statement_no = x.statement_no and y.line_no = x.line_no
                and y.part = x.part
            limit 1
        ) as m on true
        where
            x.merchant_id = p_terms.merchant_id and x.account = p_terms.account and x.owner = p_terms.owner
            and x.result <> 'matched'
    ) as n
    where
        u.ctid = n.place and u.result <> n.result;
end;
$_tell_lines$;

comment on function mixpay._tell_lines(mixpay.reconciled_accounts, timestamptz) is
$$Says of each line that is not matched what it is by now: statements of the account reach to p_horizon.
$$;
