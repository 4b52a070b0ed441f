create function mixpay._book_movement(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines, p_kind text, p_number text, p_trade_no text,
    p_payment_no text, p_order_no text, p_against text, p_reason text
) returns text
language plpgsql
set search_path = mixpay, pg_temp
as $_book_movement$
declare
    v_merchant_id text := p_terms.merchant_id;
    v_amount bigint := abs(p_line.amount);
    v_at timestamptz := p_line.happened_at;
begin
    if p_kind = 'payment' then
        perform record_payment(
            v_merchant_id, p_trade_no, p_number, p_terms.owner, p_line.amount, v_at,
            case when not exists (
                -- A payment that was booked by mistake and taken back keeps the channel's number.
                select from _taken_back(p_terms) as b
                where
                    b.kind = 'payment' and p_line.channel_txn_no = (
                        select p.channel_txn_no from payments as p
                        where p.merchant_id = b.merchant_id and p.payment_no = b.number
                    )
            ) then p_line.channel_txn_no end
        );
    elsif p_kind = 'refund' then
        perform record_channel_refund(
            v_merchant_id, p_order_no, p_number, v_amount, p_payment_no, p_line.channel_txn_no, v_at, p_reason
        );
        return (
            select c.channel_refund_no from channel_refunds as c
            where
                c.merchant_id = v_merchant_id and c.refund_no = p_number and c.payment_no = p_payment_no
                and c.state = 'succeeded'
        );
    elsif p_kind = 'chargeback' then
        perform charge_back_payment(
            v_merchant_id, p_payment_no, p_number, v_amount, p_reason, greatest(p_line.fee, 0), v_at, p_order_no
        );
    elsif p_kind = 'return' then
        perform return_payment(v_merchant_id, p_payment_no, p_number, p_reason, v_amount, v_at);
    elsif p_kind = 'fee' then
        perform record_channel_fee(
            v_merchant_id, p_terms.owner, p_number, -p_line.amount, p_line.currency, p_payment_no, p_reason, v_at
        );
    elsif p_kind in ('payout', 'payout_reversal') and p_terms.account = 'channel' then
        perform record_channel_payout(
            v_merchant_id, p_terms.owner, p_number, -p_line.amount, p_line.currency, v_at,
            coalesce(substr(p_against, 6), 'main')
        );
    elsif p_kind in ('payout', 'payout_reversal') then
        perform record_channel_payout(
            v_merchant_id, substr(p_against, 9), p_number, p_line.amount, p_line.currency, v_at, p_terms.owner
        );
    elsif p_kind = 'repayment' then
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
    mixpay.reconciled_accounts, mixpay.statement_lines, text, text, text, text, text, text, text
) is
$$Books what a line says by the call that books such a thing, and returns the number by which it is found then.
$$;
