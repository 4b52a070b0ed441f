create function mixpay._check_booking(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines, p_kind text, p_trade_no text,
    p_payment_no text, p_order_no text, p_against text
) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_booking$
declare
    v_lacks text := case
        when p_kind is null then 'the call that says so, and reconcile: '
            || 'bounce_channel_refund, reverse_chargeback, or of an anomaly resolve_anomaly'
        when p_kind = 'payment' and p_trade_no is null then 'the trade: p_trade_no'
        when p_kind = 'refund' and (p_order_no is null or p_payment_no is null)
            then 'the order and the payment: p_order_no and p_payment_no'
        when p_kind in ('chargeback', 'return') and p_payment_no is null then 'the payment: p_payment_no'
        when p_kind = 'adjustment' and p_against is null
            then 'the account on the other side: p_account, such as channel:card on a bank''s statement, or fee:bank'
        when p_terms.account = 'channel' and p_kind in ('payout', 'payout_reversal') and p_against !~ '^bank:'
            then 'the bank: p_account, such as bank:main'
    end;
begin
    if v_lacks is null and p_kind is not null and p_kind not in ('adjustment', 'repayment', 'fee') and not (case
        when p_terms.account = 'bank' then true
        when p_kind in ('payment', 'payout_reversal') then p_line.amount > 0
        else p_line.amount < 0
    end) then
        v_lacks := 'another sign: a payment brings money, all else takes some; tell the parser, or book an adjustment';
    end if;
    if v_lacks is not null or p_line.state <> 'succeeded' or p_line.amount = 0 then
        raise exception 'line % of statement % cannot be booked so', p_line.line_no, p_line.statement_no using
            errcode = 'MX430',
            detail = format('It says %s of %s, and that it %s.', p_line.kind, p_line.amount, p_line.state),
            hint = coalesce('It needs ' || v_lacks || '.', 'Only money that moved is booked.');
    end if;
end;
$_check_booking$;

comment on function mixpay._check_booking(
    mixpay.reconciled_accounts, mixpay.statement_lines, text, text, text, text, text
) is
$$Refuses what a line cannot be booked as, or not without more.

Raises: MX430 if the line cannot be booked like this.
$$;
