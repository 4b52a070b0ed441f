create function mixpay._take_returned(
    p_trade mixpay.trades, p_return mixpay.returns, p_facts mixpay.fact[], p_surplus bigint, p_shares bigint[],
    p_returned_at timestamptz
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_take_returned$
declare
    v_trade trades := p_trade;
    v_payment payments;
    v_facts fact[] := p_facts;
    v_positions bigint[];
    v_amounts bigint[];
    v_total bigint;
    v_falling bigint[];
    v_fallen bigint;
begin
    select array_agg(s.i order by s.i), array_agg(s.amount order by s.i), sum(s.amount)
    into v_positions, v_amounts, v_total
    from unnest(p_shares) with ordinality as s (amount, i)
    where s.amount > 0;
    v_total := coalesce(v_total, 0);
    if p_surplus + v_total = 0 then
        return _post(v_trade, v_facts);
    end if;
    select * into v_payment from payments
    where merchant_id = p_trade.merchant_id and payment_no = p_return.payment_no;
    v_falling := _reopen_lines(v_trade, v_positions);
    perform _count_orders(p_trade.merchant_id, array(
        select l.order_no from trade_orders as l
        where
            l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = any (v_positions)
            and l.alone and not l.live
        order by l.order_no
    ));
    -- What falls with its line makes nothing payable here.
    select coalesce(sum(p_shares[l.position]), 0) into v_fallen from trade_orders as l
    where
        l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = any (v_positions)
        and (l.cancelled_at is not null or l.position = any (v_falling));
    if v_trade.state = 'paid' and v_fallen < v_total then
        v_trade.state := 'open';
        -- What was paid in time is not to be swept away for the rest of it.
        v_trade.expires_at := null;
        v_facts := v_facts || _fact(
            p_trade, 'trade', p_trade.trade_no, 'paid', 'open', p_payment_no => p_return.payment_no,
            p_reason => format('returned: %s', p_return.return_no), p_happened_at => p_returned_at
        );
    end if;
    v_trade := _unapply(
        v_trade, v_facts, coalesce(v_positions, '{}'), v_amounts, p_return.reason, p_return.return_no, v_falling, row(
            v_payment.payment_no, v_total + p_surplus, v_trade.trade_no, null, v_payment.channel, v_payment.paid_at,
            v_payment.seq, v_total + p_surplus
        )::refund_share, p_returned_at
    );
    if v_trade.state = 'paid' and v_trade.paid = 0 then
        return _end_trade(v_trade, format('returned: %s', p_return.return_no), false);
    end if;
    return v_trade;
end;
$_take_returned$;

comment on function mixpay._take_returned(
    mixpay.trades, mixpay.returns, mixpay.fact[], bigint, bigint[], timestamptz
) is
$$Takes money of a returned payment: p_surplus of its surplus, and of each line of the trade, by position, what p_shares
say, which are payable again. In the smallest unit.

p_trade is the locked trade, and p_facts are what goes before. A trade that was paid is open again; it stays paid if all
that was taken is payable elsewhere, or is closed if nothing of it is left. Returns the trade as it is then.
Locks: the orders of the lines, skipping what is locked; then the splits of the trade's orders, then their totals, each
in ascending order number; of one line, its own.
$$;
