create function mixpay._booking_differs(
    p_terms mixpay.reconciled_accounts, p_kind text, p_booked_no text, p_sent jsonb
) returns jsonb
language plpgsql stable
set search_path = mixpay, pg_temp
as $_booking_differs$
declare
    v_merchant_id text := p_terms.merchant_id;
    v_stored jsonb;
begin
    if p_kind = 'payment' then
        select jsonb_build_object('number', payment_no, 'trade_no', trade_no) into v_stored from payments
        where merchant_id = v_merchant_id and payment_no = p_booked_no;
    elsif p_kind = 'refund' then
        select jsonb_build_object('number', c.refund_no, 'order_no', r.order_no, 'payment_no', c.payment_no)
        into v_stored
        from channel_refunds as c
        inner join refunds as r on r.merchant_id = c.merchant_id and r.refund_no = c.refund_no
        where c.merchant_id = v_merchant_id and c.channel_refund_no = p_booked_no;
    elsif p_kind = 'chargeback' then
        select jsonb_build_object('number', chargeback_no, 'payment_no', payment_no, 'order_no', order_no)
        into v_stored from chargebacks
        where merchant_id = v_merchant_id and chargeback_no = p_booked_no;
    elsif p_kind = 'return' then
        select jsonb_build_object('number', return_no, 'payment_no', payment_no) into v_stored from returns
        where merchant_id = v_merchant_id and return_no = p_booked_no;
    elsif p_kind = 'fee' then
        select jsonb_build_object('number', fee_no, 'payment_no', payment_no) into v_stored from channel_fees
        where merchant_id = v_merchant_id and fee_no = p_booked_no;
    elsif p_kind in ('payout', 'payout_reversal') then
        select jsonb_build_object('number', payout_no, 'account', case
            when p_terms.account = 'bank' then 'channel:' || channel else 'bank:' || bank
        end) into v_stored from channel_payouts
        where merchant_id = v_merchant_id and payout_no = p_booked_no;
    elsif p_kind = 'repayment' then
        select jsonb_build_object('number', repayment_no, 'account', account || ':' || owner) into v_stored
        from repayments
        where merchant_id = v_merchant_id and repayment_no = p_booked_no;
    else
        select jsonb_build_object('number', adjustment_no, 'account', against_account || ':' || against_owner)
        into v_stored from adjustments
        where merchant_id = v_merchant_id and adjustment_no = p_booked_no;
    end if;
    -- What is null in p_sent was left out; what is no key of v_stored is nothing that such a thing has.
    if not exists (
        select from jsonb_each_text(v_stored) as s
        where p_sent ->> s.key is not null and p_sent ->> s.key is distinct from s.value
    ) then
        return null;
    end if;
    return v_stored;
end;
$_booking_differs$;

comment on function mixpay._booking_differs(mixpay.reconciled_accounts, text, text, jsonb) is
$$What is on record of something that a line is about, if a call says something else of it; else null. What is left out
is not compared, nor is what such a thing does not have.
$$;
