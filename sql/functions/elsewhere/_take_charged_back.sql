create function mixpay._take_charged_back(
    p_trade mixpay.trades, p_chargeback mixpay.chargebacks, p_facts mixpay.fact[], p_order_no text, p_amount bigint,
    p_charged_at timestamptz
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_take_charged_back$
declare
    v_payment payments;
    v_refund refunds;
begin
    select * into v_payment from payments
    where merchant_id = p_trade.merchant_id and payment_no = p_chargeback.payment_no;
    insert into refunds (merchant_id, refund_no, kind, order_no, amount, succeeded, state, reason, chargeback_no)
    values (
        p_trade.merchant_id, _new_number(clock_timestamp(), 0), 'chargeback', p_order_no, p_amount, p_amount,
        'succeeded', p_chargeback.reason, p_chargeback.chargeback_no
    )
    returning * into v_refund;
    return _reserve_refund(
        p_trade, p_facts || _refund_fact(p_trade, v_refund, '', p_charged_at), v_refund, array[row(
            v_payment.payment_no, p_amount, p_trade.trade_no, p_order_no, v_payment.channel, v_payment.paid_at,
            v_payment.seq, p_amount
        )::refund_share], v_payment.channel, p_charged_at
    );
end;
$_take_charged_back$;

comment on function mixpay._take_charged_back(
    mixpay.trades, mixpay.chargebacks, mixpay.fact[], text, bigint, timestamptz
) is
$$Takes money of an order, or of the payment's surplus where p_order_no is null, for a chargeback: a refund that the
channel has made already.

p_amount is in the smallest unit, at most what payment and order, or the surplus, can give. p_facts are what goes
before. The caller holds the lock of the trade, which is returned as it is then.
Locks: the order's split, then its totals.
$$;
