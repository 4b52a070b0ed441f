create function mixpay._match_named(p_terms mixpay.reconciled_accounts) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_match_named$
begin
    insert into line_matches (
        merchant_id, statement_no, line_no, part, account, owner, kind, number, rule, result, currency, theirs, ours,
        fee_theirs, fee_ours, happened_at, run
    )
    select
        l.merchant_id, l.statement_no, l.line_no, l.part, p_terms.account, p_terms.owner, l.own_kind, l.own_no, l.rule,
        _finding(
            l.amount, l.ours, l.currency = l.our_currency, l.state, l.our_state, p_terms.tolerance, l.fee, l.fee_ours
        ),
        l.currency,
        case
            when l.state = 'failed' or (l.state = 'processing' and l.our_state = 'processing') then 0 else l.amount
        end,
        case l.our_state when 'succeeded' then l.ours else 0 end, l.fee, l.fee_ours, l.happened_at, p_terms.last_run
    from (
        select
            o.*, i.kind as own_kind, i.number as own_no, i.amount as ours, i.currency as our_currency,
            i.state as our_state, i.happened_at as our_moment,
            case
                when i.channel_key = _channel_key(
                    o.channel_txn_no, c.txn_numbers, c.day_zone, o.happened_at, o.amount
                ) or o.channel_txn_no in (i.channel_key, case i.kind when 'payment' then i.payment_txn_no end)
                    then 'channel_txn_no'
                else 'our_no'
            end as rule,
            _fee_of(p_terms, i.kind, i.number, i.amount, o.fee) as fee_ours
        from _open_lines(p_terms) as o
        left join channels as c on c.channel = p_terms.owner and p_terms.account = 'channel'
        cross join lateral _items_named(p_terms, o) as i
        where num_nonnulls(o.our_no, o.batch_no, o.channel_txn_no) > 0
    ) as l
    order by l.rule, l.happened_at, l.statement_no, l.line_no, l.part, l.our_moment, l.own_kind, l.own_no
    on conflict do nothing;
end;
$_match_named$;

comment on function mixpay._match_named(mixpay.reconciled_accounts) is
$$Matches lines that are still open with what of ours they name by number, whenever that happened.
$$;
