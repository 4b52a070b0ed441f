create function mixpay._told_before(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines
) returns mixpay.line_matches
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_told_before$
declare
    v_channel channels;
    v_first line_matches;
begin
    select * into v_channel from channels where channel = p_terms.owner and p_terms.account = 'channel';
    select (m.match).* into v_first
    from (
        select x as match, true as by_ours
        from (
            select p_line.our_no as number
            union
            -- A channel names what it sent more than once by one number.
            select t.number from _transfers_named(p_line.merchant_id, p_line.our_no, null) as t
            where p_line.kind in ('refund', 'refund_reversal')
        ) as n
        cross join lateral (
            select * from line_matches as z
            where z.merchant_id = p_line.merchant_id and z.number = n.number and z.rule <> 'batch'
            offset 0
        ) as x
        union all
        select x, false
        from _lines_numbered(p_line.merchant_id, p_line.channel_txn_no) as l
        cross join lateral (
            select * from line_matches as z
            where
                z.merchant_id = l.merchant_id and z.statement_no = l.statement_no and z.line_no = l.line_no
                and z.part = l.part
            limit 1
        ) as x
        where x.rule <> 'batch'
    ) as m
    cross join lateral (
        select * from statement_lines as y
        where
            y.merchant_id = (m.match).merchant_id and y.statement_no = (m.match).statement_no
            and y.line_no = (m.match).line_no and y.part = (m.match).part
        limit 1
    ) as l
    where
        (m.match).account = p_terms.account and (m.match).owner = p_terms.owner
        and ((m.match).resolution_no is null or p_line.state = 'processing')
        and l.kind = p_line.kind and l.amount = p_line.amount and l.currency = p_line.currency
        and 'processing' in (l.state, p_line.state)
        -- Where a number is another one's on another day, ours says it.
        and (
            m.by_ours or coalesce(v_channel.txn_numbers, 'unique') = 'unique'
            or v_channel.txn_numbers = 'daily' and (l.happened_at at time zone v_channel.day_zone)::date
                = (p_line.happened_at at time zone v_channel.day_zone)::date
        )
    order by l.happened_at, l.statement_no, l.line_no, l.part
    limit 1;
    return v_first;
end;
$_told_before$;

comment on function mixpay._told_before(mixpay.reconciled_accounts, mixpay.statement_lines) is
$$The match of another line with the same number, if either of the two says that the channel is at it.
$$;
