create function mixpay._reverse(
    p_trade mixpay.trades, p_facts mixpay.facts[], p_positions bigint[], p_amounts bigint[], p_reason text
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_reverse$
declare
    v_trade trades := p_trade;
    v_total bigint := (select sum(a) from unnest(p_amounts) as a);
    v_shares refund_share[] := _take_oldest(p_trade.merchant_id, p_trade.trade_no, v_total, null);
    v_refund refunds;
    v_fact facts;
    v_facts facts[] := p_facts;
    v_moved facts;
    v_moves facts[] := array[]::facts[];
    v_clearing clearing;
    v_line record;
    v_share refund_share;
    v_nth bigint := 0;
begin
    insert into refunds (merchant_id, refund_no, kind, amount, reason)
    values (p_trade.merchant_id, _new_number(clock_timestamp(), 0), 'reversal', v_total, p_reason)
    returning * into v_refund;
    v_facts := v_facts || _refund_fact(p_trade, v_refund, '', null);
    perform _lock_splits(p_trade.merchant_id, array[p_trade.trade_no::text]);
    v_share.amount := 0;
    for v_line in
        select l.stored, s.amount, s.i
        from unnest(p_positions, p_amounts) with ordinality as s (position, amount, i)
        cross join lateral (
            select x as stored from trade_orders as x
            where x.merchant_id = p_trade.merchant_id and x.trade_no = p_trade.trade_no and x.position = s.position
            limit 1
        ) as l
        order by s.i
    loop
        v_fact := _fact(p_trade, 'trade', p_trade.trade_no);
        v_fact.order_no := (v_line.stored).order_no;
        v_fact.refund_no := v_refund.refund_no;
        v_fact.reason := p_reason;
        v_clearing := _clear_line(v_line.stored, -v_line.amount, 0, 0);
        update trade_orders
        set
            paid = paid - v_line.amount, cleared = cleared + v_clearing.cleared,
            amount = amount - case when cancelled_at is not null then v_line.amount else 0 end
        where
            merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no
            and position = (v_line.stored).position;
        foreach v_moved in array _clearing_facts(v_fact, v_clearing) loop
            v_facts := v_facts || v_moved;
        end loop;
        v_fact.entity := 'payment';
        v_fact.from_account := 'order';
        v_fact.from_owner := v_fact.order_no;
        v_fact.to_account := 'surplus';
        if (v_line.stored).cancelled_at is not null then
            v_trade.amount := v_trade.amount - v_line.amount;
        end if;
        -- Which line's money a payment has is nobody's choice: both are laid out in order and cut where either ends.
        while v_line.amount > 0 loop
            if v_share.amount = 0 then
                v_nth := v_nth + 1;
                v_share := v_shares[v_nth];
            end if;
            v_fact.number := v_share.payment_no;
            v_fact.payment_no := v_share.payment_no;
            v_fact.to_owner := v_share.payment_no;
            v_fact.amount := least(v_share.amount, v_line.amount);
            v_moves := v_moves || v_fact;
            v_share.amount := v_share.amount - v_fact.amount;
            v_line.amount := v_line.amount - v_fact.amount;
        end loop;
    end loop;
    foreach v_share in array v_shares loop
        update payments set applied = applied - v_share.amount, surplus = surplus + v_share.amount
        where merchant_id = p_trade.merchant_id and payment_no = v_share.payment_no;
    end loop;
    v_trade.paid := v_trade.paid - v_total;
    return _reserve_refund(v_trade, v_facts || v_moves, v_refund, v_shares, null, null);
end;
$_reverse$;

comment on function mixpay._reverse(mixpay.trades, mixpay.facts[], bigint[], bigint[], text) is $$
Un-applies money of a trade, the oldest first: what these lines are paid becomes surplus of the payments that it came
by, and goes back to them as one refund of kind reversal. Of a cancelled line the amount falls, too.

p_amounts are in the smallest unit, for each of the p_positions at most what is paid of the line and not refunded.
p_trade is the locked trade as its caller has changed it, and p_facts say why; both are written with the rest. Returns the
trade as it is then.
Locks: the splits of the trade's orders, in ascending order number.
$$;
