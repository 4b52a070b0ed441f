create function mixpay._end_trade(
    p_trade mixpay.trades, p_reason text, p_keep_paid boolean, p_cancelled_no text default null
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_end_trade$
declare
    v_trade trades := p_trade;
    v_fact fact := _fact(
        p_trade, 'trade', p_trade.trade_no, p_trade.state, 'closed', p_order_no => p_cancelled_no, p_reason => p_reason
    );
    v_facts fact[];
    v_positions bigint[];
    v_amounts bigint[];
begin
    with closed as (
        update payments set state = 'closed'
        where
            merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and state in ('pending', 'authorized')
        returning payment_no, case when authorized is null then 'pending' else 'authorized' end as from_state
    )
    select array[v_fact] || array_agg(_fact(
        p_trade, 'payment', c.payment_no, c.from_state, 'closed', p_payment_no => c.payment_no, p_reason => p_reason
    ) order by c.payment_no) into v_facts
    from closed as c;
    if v_trade.paid > 0 then
        -- Whoever merges them from now on is not to wait for this trade.
        perform _count_orders(p_trade.merchant_id, array(
            select l.order_no from trade_orders as l
            where
                l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.alone
                and l.paid > 0 and (l.paid < l.asked or not p_keep_paid)
            order by l.order_no
        ));
    end if;
    update trade_orders
    set
        live = false, cancelled_at = case when order_no = p_cancelled_no then now() else cancelled_at end,
        amount = case when order_no = p_cancelled_no then paid else amount end
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live is not false;
    v_trade.state := 'closed';
    v_trade.keeps_paid := p_keep_paid;
    if p_cancelled_no is not null then
        -- It was the last one to be paid: what it lacks is asked of nobody any more.
        v_trade.amount := v_trade.paid;
    end if;
    if p_keep_paid or v_trade.paid = v_trade.refunded then
        return _post(v_trade, v_facts);
    end if;
    select array_agg(position order by position), array_agg(paid - refunded order by position)
    into v_positions, v_amounts
    from trade_orders
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and paid > refunded;
    return _unapply(v_trade, v_facts, v_positions, v_amounts, p_reason);
end;
$_end_trade$;

comment on function mixpay._end_trade(mixpay.trades, text, boolean, text) is
$$Closes a trade and its attempts, pending or authorized; its paid money goes back, or stays on its orders with
p_keep_paid. p_cancelled_no is the number of its last order, if that is cancelled by it.

p_trade is the locked trade as it is. Returns it as it is then.
$$;
