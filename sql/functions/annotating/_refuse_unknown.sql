create function mixpay._refuse_unknown(p_merchant_id text, p_entity text, p_number text) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refuse_unknown$
declare
    v_is_known boolean;
begin
    v_is_known := case p_entity
        when 'order' then exists (
            select from orders where merchant_id = p_merchant_id and order_no = p_number)
        when 'trade' then exists (
            select from trades where merchant_id = p_merchant_id and trade_no = p_number)
        when 'payment' then exists (
            select from payments where merchant_id = p_merchant_id and payment_no = p_number)
        when 'refund' then exists (
            select from refunds where merchant_id = p_merchant_id and refund_no = p_number)
        when 'channel_refund' then exists (
            select from channel_refunds where merchant_id = p_merchant_id and channel_refund_no = p_number)
        when 'return' then exists (
            select from returns where merchant_id = p_merchant_id and return_no = p_number)
        when 'chargeback' then exists (
            select from chargebacks where merchant_id = p_merchant_id and chargeback_no = p_number)
        when 'payee' then exists (
            select from payees where merchant_id = p_merchant_id and payee_no = p_number)
        when 'release' then exists (
            select from releases where merchant_id = p_merchant_id and release_no = p_number)
        when 'dispute' then exists (
            select from disputes where merchant_id = p_merchant_id and dispute_no = p_number)
        when 'split' then exists (
            select from splits where merchant_id = p_merchant_id and split_no = p_number)
        when 'repricing' then exists (
            select from repricings where merchant_id = p_merchant_id and reprice_no = p_number)
        when 'settlement' then exists (
            select from settlements where merchant_id = p_merchant_id and settlement_no = p_number)
        when 'repayment' then exists (
            select from repayments where merchant_id = p_merchant_id and repayment_no = p_number)
        when 'adjustment' then exists (
            select from adjustments where merchant_id = p_merchant_id and adjustment_no = p_number)
        when 'channel_fee' then exists (
            select from channel_fees where merchant_id = p_merchant_id and fee_no = p_number)
        when 'channel_payout' then exists (
            select from channel_payouts where merchant_id = p_merchant_id and payout_no = p_number)
    end;
    if not v_is_known then
        perform _check_merchant(p_merchant_id);
        perform _check_number('number', p_number);
        raise exception 'there is no % %', replace(p_entity, '_', ' '), p_number using
            errcode = 'MX116',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'Notes are about what is on record. Annotate it when it is, in the same transaction if you like.';
    end if;
end;
$_refuse_unknown$;

comment on function mixpay._refuse_unknown(text, text, text) is
$$Refuses the number of something that the merchant has not. What is on record is never deleted.

Raises: MX101 if there is no such merchant; MX116 if there is nothing of this number; MX901.
$$;
