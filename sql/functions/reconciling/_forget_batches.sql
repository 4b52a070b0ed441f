create function mixpay._forget_batches(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
set enable_nestloop = on set enable_hashjoin = off set jit = off
as $_forget_batches$
begin
    update unmatched_items as u
    set result = 'expected', theirs = 0, batch_no = null, run = p_terms.last_run
    from _payouts_of_batches(p_statement) as o
    where
        u.merchant_id = o.merchant_id and u.account = o.account and u.owner = o.owner and u.kind = o.kind
        and u.number = o.number and o.statement_no <> p_statement.statement_no;
end;
$_forget_batches$;

comment on function mixpay._forget_batches(mixpay.reconciled_accounts, mixpay.statements) is
$$Has payouts be compared anew, if a part of their batch is on a statement that is withdrawn, and the rest on others.
$$;
