create function mixpay._book_state(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines, p_found mixpay.found_difference
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_book_state$
declare
    v_horizon timestamptz;
begin
    if p_found.ours <> 0 or p_line.state <> 'succeeded' or p_found.kind not in ('payment', 'refund') then
        raise exception 'the line does not say that something succeeded' using
            errcode = 'MX430',
            detail = format('It says %s; %s is on record of %s %s.', p_line.state, p_found.ours, p_found.kind,
                p_found.number),
            hint = 'Ask the channel; then fail, return or bounce it by its own call, and reconcile again.';
    elsif p_found.kind = 'payment' then
        perform succeed_payment(
            p_terms.merchant_id, p_found.number, p_line.channel_txn_no, p_line.happened_at, p_line.amount
        );
    else
        perform complete_channel_refund(
            p_terms.merchant_id, p_found.number, p_line.channel_txn_no, p_line.happened_at
        );
    end if;
    -- Of the others nothing is told that the last run did not tell.
    select reconciled_until into v_horizon from reconciled_account_list
    where merchant_id = p_terms.merchant_id and account = p_terms.account and owner = p_terms.owner;
    perform _tell_matches(p_terms, v_horizon);
end;
$_book_state$;

comment on function mixpay._book_state(
    mixpay.reconciled_accounts, mixpay.statement_lines, mixpay.found_difference
) is
$$Books that what is on record and has not moved has moved, as the line says.
$$;
