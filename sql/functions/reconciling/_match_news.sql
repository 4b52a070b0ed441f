create function mixpay._match_news(p_terms mixpay.reconciled_accounts) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_match_news$
declare
    v_news record;
    v_first line_matches;
begin
    for v_news in
        select o as line, f.first
        from _open_lines(p_terms) as o
        cross join lateral (select _told_before(p_terms, o) as first) as f
        where num_nonnulls(o.our_no, o.channel_txn_no) > 0 and (f.first).line_no is not null
        order by o.happened_at, o.statement_no, o.line_no, o.part
    loop
        v_first := v_news.first;
        if (v_news.line).state = 'processing' then
            v_first.rule := 'batch';
        else
            -- What the older one says is news no more: the two sum to what the newer one says.
            update line_matches as m
            set rule = 'batch', result = 'matched', theirs = 0, ours = 0, run = p_terms.last_run
            where
                m.merchant_id = v_first.merchant_id and m.statement_no = v_first.statement_no
                and m.line_no = v_first.line_no and m.part = v_first.part and m.rule <> 'batch';
            continue when not found;
        end if;
        insert into line_matches (
            merchant_id, statement_no, line_no, part, account, owner, kind, number, rule, result, currency, theirs,
            ours, fee_theirs, happened_at, run
        )
        select
            v_first.merchant_id, l.statement_no, l.line_no, l.part, v_first.account, v_first.owner, v_first.kind,
            v_first.number, v_first.rule,
            -- What newer ones say, _tell_matches compares.
            (case v_first.rule when 'batch' then 'matched' else 'expected' end)::reconciliation_result,
            l.currency, 0, 0, l.fee, l.happened_at, p_terms.last_run
        from (select (v_news.line).*) as l;
    end loop;
end;
$_match_news$;

comment on function mixpay._match_news(mixpay.reconciled_accounts) is
$$Matches lines that are still open with what of ours another line with the same number is matched with, if the older of
the two says that the channel was at it: that one counts for nothing then.
$$;
