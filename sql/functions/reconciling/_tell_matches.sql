create function mixpay._tell_matches(p_terms mixpay.reconciled_accounts, p_horizon timestamptz) returns void
language plpgsql
set search_path = mixpay, pg_temp
set enable_nestloop = on set enable_hashjoin = off set jit = off
as $_tell_matches$
begin
    update line_matches as m
    set
        result = n.result, theirs = n.theirs, ours = n.ours, fee_ours = n.fee_ours, run = p_terms.last_run
    from (
        select
            x.ctid as place,
            case when l.state = 'failed' or (l.state = 'processing' and i.state = 'processing') then 0 else l.amount end
                as theirs,
            case i.state when 'succeeded' then i.amount else 0 end as ours, f.fee_ours,
            case
                when c.finding = 'expected' and x.happened_at + p_terms.lag <= p_horizon then 'state' else c.finding
            end as result
        from line_matches as x
        cross join lateral (
            select * from statement_lines as y
            where
                y.merchant_id = x.merchant_id and y.statement_no = x.statement_no and y.line_no = x.line_no
                and y.part = x.part
            limit 1
        ) as l
        cross join lateral _own_item(x.merchant_id, x.account, x.owner, x.kind, x.number) as i
        cross join lateral (
            select _fee_of(p_terms, x.kind, x.number, i.amount, l.fee) as fee_ours
        ) as f
        cross join lateral (
            select _finding(
                l.amount, i.amount, l.currency = i.currency, l.state, i.state, p_terms.tolerance, l.fee, f.fee_ours
            ) as finding
        ) as c
        where
            x.merchant_id = p_terms.merchant_id and x.account = p_terms.account and x.owner = p_terms.owner
            and x.result <> 'matched' and i.number is not null
    ) as n
    where
        m.ctid = n.place
        and (m.result, m.theirs, m.ours, m.fee_ours) is distinct from (n.result, n.theirs, n.ours, n.fee_ours);
end;
$_tell_matches$;

comment on function mixpay._tell_matches(mixpay.reconciled_accounts, timestamptz) is
$$Compares again the lines that differed from what of ours they are about: that may be something else by now.
$$;
