create function mixpay._match_bank_batches(p_terms mixpay.reconciled_accounts) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_match_bank_batches$
begin
    insert into line_matches (
        merchant_id, statement_no, line_no, part, account, owner, kind, number, rule, result, currency, theirs, ours,
        happened_at, run
    )
    select
        l.merchant_id, l.statement_no, l.line_no, l.part, p_terms.account, p_terms.owner, i.kind, i.number, 'batch',
        'matched', l.currency, l.amount, l.amount, l.happened_at, p_terms.last_run
    from (
        select o.*, count(*) over b as lines, sum(o.amount) over b as total
        from _open_lines(p_terms) as o
        where p_terms.account = 'bank' and o.batch_no is not null and o.state <> 'failed'
        window b as (partition by o.batch_no, o.currency)
    ) as l
    cross join lateral _own_item(
        p_terms.merchant_id, p_terms.account, p_terms.owner, case when l.total >= 0 then 'payout' else 'settlement' end,
        l.batch_no
    ) as i
    where
        l.lines > 1 and i.currency = l.currency and i.amount = l.total
        and _is_unmatched(p_terms, i.kind, i.number);
end;
$_match_bank_batches$;

comment on function mixpay._match_bank_batches(mixpay.reconciled_accounts) is
$$Matches several lines of a bank that name one batch with the payout of that number, if they sum to it.
$$;
