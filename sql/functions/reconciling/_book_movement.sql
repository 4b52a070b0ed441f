create function mixpay._book_movement(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines, p_number text, p_trade_no text,
    p_payment_no text, p_order_no text, p_against text, p_reason text
) returns text
language plpgsql
set search_path = mixpay, pg_temp
as $_book_movement$
declare
    v_merchant_id text := p_terms.merchant_id;
    v_channel text := p_terms.owner;
    v_amount bigint := abs(p_line.amount);
    v_at timestamptz := p_line.happened_at;
    v_kind text := case when p_terms.account = 'channel' then p_line.kind else 'adjustment' end;
begin
    if v_kind = 'payment' then
        perform record_payment(
            v_merchant_id, p_trade_no, p_number, v_channel, p_line.amount, v_at,
            _unreturned_txn_no(p_terms, p_line.channel_txn_no)
        );
    elsif v_kind = 'refund' then
        perform record_channel_refund(
            v_merchant_id, p_order_no, p_number, v_amount, p_payment_no, p_line.channel_txn_no, v_at, p_reason
        );
        return (
            select c.channel_refund_no from channel_refunds as c
            where
                c.merchant_id = v_merchant_id and c.refund_no = p_number and c.payment_no = p_payment_no
                and c.state = 'succeeded'
        );
    elsif v_kind = 'chargeback' then
        perform charge_back_payment(
            v_merchant_id, p_payment_no, p_number, v_amount, p_reason, greatest(p_line.fee, 0), v_at, p_order_no
        );
    elsif v_kind = 'return' then
        perform return_payment(v_merchant_id, p_payment_no, p_number, p_reason, v_amount, v_at);
    elsif v_kind = 'fee' then
        perform record_channel_fee(
            v_merchant_id, v_channel, p_number, -p_line.amount, p_line.currency, p_payment_no, p_reason, v_at
        );
    elsif v_kind in ('payout', 'payout_reversal') then
        perform record_channel_payout(
            v_merchant_id, v_channel, p_number, -p_line.amount, p_line.currency, v_at,
            coalesce(substr(p_against, 6), 'main')
        );
    elsif p_terms.account = 'bank' and p_against ~ '^channel:' then
        perform record_channel_payout(
            v_merchant_id, substr(p_against, 9), p_number, p_line.amount, p_line.currency, v_at, p_terms.owner
        );
        return p_number;
    elsif p_terms.account = 'bank' and p_line.amount > 0 and p_against ~ '^(payee|receiver):' then
        perform record_repayment(
            v_merchant_id, p_against, p_number, p_line.amount, p_line.currency, v_at, p_reason, p_terms.owner
        );
    else
        perform adjust_account(
            v_merchant_id, p_terms.account || ':' || p_terms.owner, p_number, -p_line.amount, p_line.currency,
            p_reason, p_against
        );
    end if;
    return p_number;
end;
$_book_movement$;

comment on function mixpay._book_movement(
    mixpay.reconciled_accounts, mixpay.statement_lines, text, text, text, text, text, text
) is
$$Books what a line says by the call that books such a thing, and returns the number by which it is found then.
$$;
