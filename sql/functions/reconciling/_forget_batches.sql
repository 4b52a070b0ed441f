create function mixpay._forget_batches(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_forget_batches$
begin
    update unmatched_items
    set result = 'expected', theirs = 0, batch_no = null, run = p_terms.last_run
    where
        merchant_id = p_terms.merchant_id and account = p_terms.account and owner = p_terms.owner
        and kind = 'payout' and statement_no <> p_statement.statement_no and batch_no in (
            select l.batch_no from statement_lines as l
            where l.merchant_id = p_statement.merchant_id and l.statement_no = p_statement.statement_no
        );
end;
$_forget_batches$;

comment on function mixpay._forget_batches(mixpay.reconciled_accounts, mixpay.statements) is
$$Has payouts be compared anew, if a part of their batch is on a statement that is withdrawn, and the rest on others.
$$;
