create function mixpay._charge(
    p_trade mixpay.trades, p_chargeback mixpay.chargebacks, p_amount bigint, p_charged_at timestamptz
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_charge$
declare
    v_trade trades := p_trade;
    v_payment payments;
    v_fact fact := _fact(p_trade, 'chargeback', p_chargeback.chargeback_no);
    v_facts fact[];
    v_share record;
    v_shares bigint[] := array[]::bigint[];
    v_of_orders bigint := 0;
    v_surplus bigint;
    v_lost bigint;
begin
    select * into v_payment from payments
    where merchant_id = p_trade.merchant_id and payment_no = p_chargeback.payment_no;
    if p_chargeback.order_no is not null then
        v_shares := _lines_to_take(p_trade, least(
            p_amount, v_payment.applied - (v_payment.refunded - v_payment.surplus_refunded)
        ), p_chargeback.order_no);
        v_of_orders := (select sum(s) from unnest(v_shares) as s);
    end if;
    v_trade := _free_surplus(
        v_trade, v_payment.payment_no, p_amount - v_of_orders, format('charged back: %s', p_chargeback.chargeback_no)
    );
    select * into v_payment from payments
    where merchant_id = p_trade.merchant_id and payment_no = p_chargeback.payment_no;
    v_surplus := least(p_amount - v_of_orders, v_payment.surplus - v_payment.surplus_refunded);
    if p_chargeback.order_no is null then
        v_of_orders := least(
            p_amount - v_surplus, v_payment.applied - (v_payment.refunded - v_payment.surplus_refunded)
        );
        v_shares := _lines_to_take(v_trade, v_of_orders, null);
    end if;
    v_lost := p_amount - v_surplus - v_of_orders;
    update chargebacks set lost = lost + v_lost
    where merchant_id = p_trade.merchant_id and chargeback_no = p_chargeback.chargeback_no and v_lost > 0;
    v_fact.reason := p_chargeback.reason;
    v_fact.happened_at := p_charged_at;
    v_facts := _loss(v_fact, v_payment, v_lost);
    if (select count(*) from unnest(v_shares) as s where s > 0) > 1 then
        perform _lock_shared(p_trade.merchant_id, array[p_trade.trade_no::text]);
    end if;
    for v_share in
        select l.order_no, s.amount
        from unnest(v_shares) with ordinality as s (amount, i)
        inner join trade_orders as l
            on l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = s.i
        where s.amount > 0
        order by s.i
    loop
        v_trade := _take_charged_back(
            v_trade, p_chargeback, v_facts, v_share.order_no, v_share.amount, p_charged_at
        );
        v_facts := array[]::fact[];
    end loop;
    if v_surplus > 0 then
        v_trade := _take_charged_back(v_trade, p_chargeback, v_facts, null, v_surplus, p_charged_at);
        return _rest_of_surplus(v_trade, v_payment.payment_no, null, p_chargeback.chargeback_no);
    elsif cardinality(v_facts) > 0 then
        return _post(v_trade, v_facts);
    end if;
    return v_trade;
end;
$_charge$;

comment on function mixpay._charge(mixpay.trades, mixpay.chargebacks, bigint, timestamptz) is
$$Takes an amount of a stored chargeback from the payment's surplus and its orders; what they have not is lost.

p_amount is in the smallest unit. The caller holds the lock of the trade, which is returned as it is then.
Locks: the splits of the trade's orders, then their totals, each in ascending order number; of one order, its own.
$$;
