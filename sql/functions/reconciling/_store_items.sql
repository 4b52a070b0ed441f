create function mixpay._store_items(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_store_items$
begin
    insert into unmatched_items (
        merchant_id, account, owner, kind, number, result, currency, ours, happened_at, statement_no, run
    )
    select
        p_terms.merchant_id, p_terms.account, p_terms.owner, i.kind, i.number, 'expected', i.currency, i.amount,
        i.happened_at, p_statement.statement_no, p_terms.last_run
    from _own_items(
        p_terms.merchant_id, p_terms.account, p_terms.owner, p_statement.from_at, p_statement.until_at
    ) as i
    where
        not exists (
            select from line_matches as m
            where
                m.merchant_id = p_terms.merchant_id and m.number = i.number and m.kind = i.kind
                and m.account = p_terms.account and m.owner = p_terms.owner and m.rule <> 'batch'
            offset 0
        )
        -- A fee that the line of its payment or chargeback names has no line of its own.
        and not (i.kind in ('fee', 'chargeback_fee') and i.payment_no is not null and exists (
            select from line_matches as m
            where
                m.merchant_id = p_terms.merchant_id
                and m.number = case i.kind when 'fee' then i.payment_no else i.number end
                and m.kind = case i.kind when 'fee' then 'payment' else 'chargeback' end
                and m.account = p_terms.account and m.owner = p_terms.owner and m.rule <> 'batch'
                and m.fee_theirs is not null
            offset 0
        ))
    on conflict do nothing;
end;
$_store_items$;

comment on function mixpay._store_items(mixpay.reconciled_accounts, mixpay.statements) is
$$Stores what of ours a statement should cover and has no line of, as expected; what is stored stays as it is.
$$;
