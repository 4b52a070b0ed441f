create function mixpay._match_reversals(p_terms mixpay.reconciled_accounts) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_match_reversals$
declare
    v_back record;
begin
    for v_back in
        select n.number, l.currency, array_agg(l order by l.happened_at, l.statement_no, l.line_no, l.part) as lines
        from _open_lines(p_terms) as l
        cross join lateral _chargebacks_named(p_terms, l) as n (number)
        where p_terms.account = 'channel' and l.kind = 'chargeback_reversal' and l.state <> 'failed'
        group by n.number, l.currency
        order by n.number
    loop
        perform _match_reversal(p_terms, v_back.number, v_back.currency, v_back.lines);
    end loop;
end;
$_match_reversals$;

comment on function mixpay._match_reversals(mixpay.reconciled_accounts) is
$$Matches lines that are still open and say that a chargeback came back, as several may of one that came back in parts.
$$;
