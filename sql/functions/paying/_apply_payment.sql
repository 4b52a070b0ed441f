create function mixpay._apply_payment(
    p_trade mixpay.trades, p_payment mixpay.payments, p_from_state text
) returns mixpay.payments
language plpgsql
set search_path = mixpay, pg_temp
as $_apply_payment$
declare
    v_trade trades := _count_payment(p_trade, p_payment);
    v_payment payments;
    -- The first movement is also the change of the payment's state.
    v_fact fact := _fact(
        p_trade, 'payment', p_payment.payment_no, p_from_state, 'succeeded', 'channel', p_payment.channel,
        p_payment_no => p_payment.payment_no, p_happened_at => p_payment.paid_at
    );
    v_facts fact[];
    v_refund refunds;
begin
    if p_payment.applied > 0 then
        v_facts := _allot(p_trade, p_payment.applied, v_fact);
    end if;
    if p_payment.surplus > 0 then
        if p_payment.applied > 0 then
            v_fact.from_state := null;
            v_fact.to_state := null;
        end if;
        v_fact.to_account := 'surplus';
        v_fact.to_owner := p_payment.payment_no;
        v_fact.amount := p_payment.surplus;
        v_facts := v_facts || v_fact;
    end if;
    if v_trade.state <> p_trade.state then
        v_facts := v_facts || _fact(
            p_trade, 'trade', p_trade.trade_no, 'open', 'paid', p_payment_no => p_payment.payment_no,
            p_happened_at => p_payment.paid_at
        );
    end if;
    if p_payment.surplus = 0 then
        v_trade := _post(v_trade, v_facts);
        return p_payment;
    end if;
    insert into refunds (merchant_id, refund_no, kind, amount)
    values (v_trade.merchant_id, _new_number(clock_timestamp(), 0), 'surplus', p_payment.surplus)
    returning * into v_refund;
    v_trade := _reserve_refund(v_trade, v_facts || _refund_fact(v_trade, v_refund, '', null), v_refund, array[row(
        p_payment.payment_no, p_payment.surplus, p_trade.trade_no, null, p_payment.channel, p_payment.paid_at,
        p_payment.seq, p_payment.surplus
    )::refund_share], null, null);
    select * into v_payment from payments
    where merchant_id = v_trade.merchant_id and payment_no = p_payment.payment_no;
    return v_payment;
end;
$_apply_payment$;

comment on function mixpay._apply_payment(mixpay.trades, mixpay.payments, text) is
$$Gives a succeeded payment's money to its trade: lines, facts, totals; its surplus goes back. Returns the payment as it
is then.

p_trade is the locked trade as it was before, p_payment the stored payment, p_from_state its state before.
Locks: the splits of the trade's orders, then their totals, each in ascending order number.
$$;
