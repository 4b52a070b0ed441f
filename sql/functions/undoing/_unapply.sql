create function mixpay._unapply(
    p_trade mixpay.trades, p_facts mixpay.fact[], p_positions bigint[], p_amounts bigint[], p_reason text,
    p_return_no text default null, p_falling bigint[] default '{}', p_share mixpay.refund_share default null,
    p_refunded_at timestamptz default null
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_unapply$
declare
    v_trade trades := p_trade;
    v_refund refunds;
    v_fact fact;
    v_facts fact[] := p_facts;
    v_moved fact;
    v_moves fact[] := array[]::fact[];
    v_clearing clearing;
    v_line record;
    v_total bigint := coalesce((select sum(a) from unnest(p_amounts) as a), 0);
    v_left bigint := v_total;
    v_share refund_share;
    v_shares refund_share[] := case
        when p_return_no is null then _take_oldest(p_trade, v_total, null) else array[p_share]
    end;
    v_nth bigint := 0;
begin
    insert into refunds (merchant_id, refund_no, kind, amount, succeeded, state, reason, return_no)
    values (
        p_trade.merchant_id, _new_number(clock_timestamp(), 0),
        case when p_return_no is null then 'reversal' else 'return' end, coalesce(p_share.amount, v_total),
        coalesce(p_share.amount, 0), case when p_return_no is null then 'processing' else 'succeeded' end, p_reason,
        p_return_no
    )
    returning * into v_refund;
    v_facts := v_facts || _refund_fact(p_trade, v_refund, '', p_refunded_at);
    if cardinality(p_positions) > 1 then
        perform _lock_shared(p_trade.merchant_id, array[p_trade.trade_no::text]);
    end if;
    v_share.amount := 0;
    for v_line in
        select
            l.stored, s.amount, s.i,
            s.position = any (p_falling) or (l.stored).cancelled_at is not null as falls
        from unnest(p_positions, p_amounts) with ordinality as s (position, amount, i)
        cross join lateral (
            select x as stored from trade_orders as x
            where x.merchant_id = p_trade.merchant_id and x.trade_no = p_trade.trade_no and x.position = s.position
            limit 1
        ) as l
        order by s.i
    loop
        v_fact := _fact(
            p_trade, case when p_return_no is null then 'trade' else 'return' end,
            coalesce(p_return_no, p_trade.trade_no), p_order_no => (v_line.stored).order_no,
            p_refund_no => v_refund.refund_no, p_reason => p_reason, p_happened_at => p_refunded_at
        );
        v_clearing := _clear_line(v_line.stored, -v_line.amount, 0, 0);
        update trade_orders
        set
            paid = paid - v_line.amount, cleared = cleared + v_clearing.cleared,
            amount = amount - case when v_line.falls then v_line.amount else 0 end
        where
            merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no
            and position = (v_line.stored).position;
        foreach v_moved in array _clearing_facts(v_fact, v_clearing) loop
            v_facts := v_facts || v_moved;
        end loop;
        v_fact.entity := 'payment';
        v_fact := _order_fact(v_fact, v_line.stored, -v_line.amount, 0);
        if v_line.falls then
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
            v_fact := _movement(v_fact, 'order', 'surplus', least(v_share.amount, v_line.amount), null);
            v_moves := v_moves || v_fact;
            v_fact.order_from_state := null;
            v_fact.order_to_state := null;
            v_share.amount := v_share.amount - v_fact.amount;
            v_line.amount := v_line.amount - v_fact.amount;
        end loop;
    end loop;
    foreach v_share in array v_shares loop
        v_share.amount := least(v_share.amount, v_left);
        update payments set applied = applied - v_share.amount, surplus = surplus + v_share.amount
        where merchant_id = p_trade.merchant_id and payment_no = v_share.payment_no;
        v_left := v_left - v_share.amount;
    end loop;
    v_trade.paid := v_trade.paid - v_total;
    return _reserve_refund(v_trade, v_facts || v_moves, v_refund, v_shares, p_share.channel, p_refunded_at);
end;
$_unapply$;

comment on function mixpay._unapply(
    mixpay.trades, mixpay.fact[], bigint[], bigint[], text, text, bigint[], mixpay.refund_share, timestamptz
) is
$$Un-applies money of a trade, the oldest first: what these lines are paid becomes surplus of the payments that it came
by, and goes back to them as one refund of kind reversal. Of a cancelled line, and of p_falling, the amount falls, too.

p_amounts are in the smallest unit, for each of the p_positions at most what is paid of the line and not refunded.
p_return_no, p_share and p_refunded_at are those of a return: then the refund is of kind return and has been made,
p_share is what its payment's channel has taken, and what that is above the p_amounts is surplus already. p_trade is the
locked trade as its caller has changed it, and p_facts say why; both are written with the rest. Returns the trade as it
is then.
Locks: the splits of the trade's orders, then their totals, each in ascending order number; of one line, its own.
$$;
