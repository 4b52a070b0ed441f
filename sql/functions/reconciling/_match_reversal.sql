create function mixpay._match_reversal(
    p_terms mixpay.reconciled_accounts, p_number text, p_currency text, p_lines mixpay.statement_lines[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_match_reversal$
declare
    v_item own_item := _own_item(
        p_terms.merchant_id, p_terms.account, p_terms.owner, 'chargeback_reversal', p_number
    );
    v_before record;
begin
    select coalesce(sum(m.theirs), 0) as theirs, count(*) as lines, count(m.resolution_no) as resolved into v_before
    from (
        select * from line_matches where rule <> 'batch'
        union all
        select * from line_matches where rule = 'batch'
    ) as m
    where
        m.merchant_id = p_terms.merchant_id and m.number = p_number and m.kind = 'chargeback_reversal'
        and m.account = p_terms.account and m.owner = p_terms.owner;
    if v_item.currency is distinct from p_currency or v_before.resolved > 0
        or v_before.lines + cardinality(p_lines) < 2
        or v_item.amount <> v_before.theirs + (select sum(l.amount) from unnest(p_lines) as l) then
        return;
    end if;
    update line_matches set rule = 'batch', result = 'matched', ours = theirs, run = p_terms.last_run
    where
        merchant_id = p_terms.merchant_id and number = p_number and kind = 'chargeback_reversal'
        and account = p_terms.account and owner = p_terms.owner and rule <> 'batch';
    insert into line_matches (
        merchant_id, statement_no, line_no, part, account, owner, kind, number, rule, result, currency, theirs, ours,
        fee_theirs, happened_at, run
    )
    select
        l.merchant_id, l.statement_no, l.line_no, l.part, p_terms.account, p_terms.owner, 'chargeback_reversal',
        p_number, 'batch', 'matched', l.currency, l.amount, l.amount, l.fee, l.happened_at, p_terms.last_run
    from unnest(p_lines) as l;
end;
$_match_reversal$;

comment on function mixpay._match_reversal(
    mixpay.reconciled_accounts, text, text, mixpay.statement_lines[]
) is
$$Matches lines with what came back of a chargeback, if they and those that are matched already sum to it.
$$;
