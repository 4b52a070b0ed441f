create function mixpay._match_by_number(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_match_by_number$
declare
    v_channel channels;
    v_is_new boolean := p_statement.reconciled_at is null;
begin
    select * into v_channel from channels where channel = p_terms.owner and p_terms.account = 'channel';
    insert into line_matches (
        merchant_id, statement_no, line_no, part, account, owner, kind, number, rule, result, currency, theirs, ours,
        fee_theirs, fee_ours, happened_at, run
    )
    with lines as materialized (
        select
            l.line_no, l.part, l.happened_at, l.amount, l.currency, l.fee, l.state, l.our_no,
            case when v_channel.channel is not null then l.kind when l.amount >= 0 then 'in' else 'out' end as side,
            case
                when l.channel_txn_no is null or coalesce(v_channel.txn_numbers, 'unique') = 'unique'
                    then l.channel_txn_no
                else _channel_key(l.channel_txn_no, v_channel.txn_numbers, v_channel.day_zone, l.happened_at, l.amount)
            end as key,
            coalesce(l.our_no, case when v_channel.channel is null or l.kind = 'payout' then l.batch_no end) as named,
            case when v_channel.channel is null and l.our_no is null then l.description end as words
        from statement_lines as l
        where
            l.merchant_id = p_statement.merchant_id and l.statement_no = p_statement.statement_no
            and (v_is_new or case when not exists (
                select from line_matches as m
                where
                    m.merchant_id = l.merchant_id and m.statement_no = l.statement_no and m.line_no = l.line_no
                    and m.part = l.part
                offset 0
            ) then not _is_written_off(l) else false end)
    ),
    items as materialized (
        select i.*, case when starts_with(i.side, 'refund') then split_part(i.number, '#', 1) else i.number end as name
        from (select min(happened_at) as first_at, max(happened_at) as last_at from lines where words is not null) as r
        cross join lateral _items_for_lines(
            p_terms, least(p_statement.from_at, r.first_at) - p_terms.lag,
            greatest(p_statement.until_at, r.last_at) + p_terms.lag
        ) as i
    ),
    -- Who names the number of one of ours is that one or none.
    by_key as materialized (
        select l.*, i.kind, i.number, i.amount as ours, i.currency as our_currency, i.happened_at as our_moment
        from lines as l
        inner join items as i on i.side = l.side and i.channel_key = l.key
    ),
    by_name as (
        select l.*, i.kind, i.number, i.amount as ours, i.currency as our_currency, i.happened_at as our_moment
        from lines as l
        inner join items as i
            on i.side = l.side and i.name = l.named
            -- A bank may pay one batch in several lines.
            and (l.our_no is not null or v_channel.channel is not null or i.amount = l.amount)
        where not exists (select from by_key as k where k.line_no = l.line_no and k.part = l.part)
    ),
    -- What a bank's line says in words may be our number.
    in_words as (
        select l.line_no, l.part, i.kind, i.number, count(*) over (partition by l.line_no, l.part) as named_at_once
        from (select * from lines where words is not null) as l
        cross join lateral (
            select distinct w.word from regexp_split_to_table(l.words, '[^0-9A-Za-z._-]+') as w (word)
            where length(w.word) between 4 and 64
        ) as w
        inner join items as i on i.side = l.side and i.number = w.word
        where not exists (select from by_key as k where k.line_no = l.line_no and k.part = l.part)
    ),
    -- Who names several pays them together, or the one of them that has its amount.
    by_word as (
        select l.*, i.kind, i.number, i.amount as ours, i.currency as our_currency, i.happened_at as our_moment
        from in_words as w
        inner join lines as l on l.line_no = w.line_no and l.part = w.part
        inner join items as i on i.kind = w.kind and i.number = w.number
        where w.named_at_once = 1 or i.amount = l.amount
    )
    select
        p_statement.merchant_id, p_statement.statement_no, f.line_no, f.part, p_terms.account, p_terms.owner, f.kind,
        f.number, f.rule,
        _finding(
            f.amount, f.ours, f.currency = f.our_currency, f.state, 'succeeded', p_terms.tolerance, f.fee, f.fee_ours
        ),
        f.currency, case f.state when 'failed' then 0 else f.amount end, f.ours, f.fee, f.fee_ours, f.happened_at,
        p_terms.last_run
    from (
        select
            p.*,
            case when p.fee is not null then _fee_of(p_terms, p.kind, p.number, p.ours, p.fee) end as fee_ours
        from (
            select 'channel_txn_no' as rule, 1 as place, k.* from by_key as k
            union all
            select 'our_no', 2, n.* from by_name as n
            union all
            select 'our_no', 3, w.* from by_word as w
        ) as p
    ) as f
    -- What was taken by an earlier one is left out.
    order by f.place, f.happened_at, f.line_no, f.part, f.our_moment, f.kind, f.number
    on conflict do nothing;
end;
$_match_by_number$;

comment on function mixpay._match_by_number(mixpay.reconciled_accounts, mixpay.statements) is
$$Matches lines of a statement with what of ours happened in its time, by the channel's number and else by ours: the
earliest first, each once. A channel names all that it sent for a channel refund by that one's number. What a bank's
lines name in words is also looked for in the time of the lines themselves.
$$;
