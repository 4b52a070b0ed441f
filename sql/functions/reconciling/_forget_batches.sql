create function mixpay._forget_batches(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_forget_batches$
declare
    v_payout unmatched_items;
begin
    for v_payout in
        select * from _payouts_of_batches(p_statement) where statement_no <> p_statement.statement_no
    loop
        update unmatched_items
        set result = 'expected', theirs = 0, batch_no = null, run = p_terms.last_run
        where
            merchant_id = v_payout.merchant_id and account = v_payout.account and owner = v_payout.owner
            and kind = v_payout.kind and number = v_payout.number;
    end loop;
end;
$_forget_batches$;

comment on function mixpay._forget_batches(mixpay.reconciled_accounts, mixpay.statements) is
$$Has payouts be compared anew, if a part of their batch is on a statement that is withdrawn, and the rest on others.
$$;
