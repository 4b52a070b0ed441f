create function mixpay._reprice_line(
    p_trade mixpay.trades, p_line mixpay.trade_orders, p_share bigint, p_by bigint, p_fact mixpay.fact
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_reprice_line$
declare
    v_trade trades := p_trade;
    v_above bigint := greatest(0, p_line.paid - p_share);
    v_lacking bigint;
    v_moved bigint;
    v_left bigint;
    v_is_paid boolean;
    v_clearing clearing;
    v_fact fact := _fact(
        p_trade, 'trade', p_trade.trade_no, p_order_no => p_line.order_no, p_reason => p_fact.reason
    );
    v_facts fact[];
begin
    if p_trade.amount - p_line.amount + p_share > 1000000000000000 then
        raise exception 'trade % would be too large', p_trade.trade_no using
            errcode = 'MX902',
            detail = format('Its orders'' shares would sum to %s.', p_trade.amount - p_line.amount + p_share),
            hint = 'A trade has at most 10^15 smallest units. End it with close_trade, and merge its orders anew.';
    end if;
    v_trade.amount := p_trade.amount - p_line.amount + p_share;
    select coalesce(sum(amount - paid), 0) into v_lacking from trade_orders
    where
        merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live is not false
        and position <> p_line.position;
    v_moved := least(v_above, v_lacking);
    v_left := v_above - v_moved;
    v_is_paid := v_trade.paid - v_left = v_trade.amount;
    if v_above > 0 then
        perform _lock_shared(p_trade.merchant_id, array[p_trade.trade_no::text]);
        v_clearing := _clear_line(p_line, -v_moved, 0, 0);
    end if;
    v_facts := _order_fact(p_fact, p_line, -v_moved, 0, p_by) || _clearing_facts(v_fact, v_clearing);
    -- What is reversed is of the line until then.
    update trade_orders
    set
        amount = p_share + v_left, paid = paid - v_moved, cleared = cleared + coalesce(v_clearing.cleared, 0),
        raised = greatest(raised, p_share - asked)
    where merchant_id = p_line.merchant_id and trade_no = p_line.trade_no and position = p_line.position;
    if v_moved > 0 or v_is_paid then
        v_fact.from_account := 'order';
        v_fact.from_owner := p_line.order_no;
        v_trade.amount := v_trade.amount + v_left;
        v_trade.paid := v_trade.paid - v_moved;
        v_facts := v_facts || _allot(v_trade, v_moved, v_fact);
        v_trade.amount := v_trade.amount - v_left;
        v_trade.paid := v_trade.paid + v_moved;
    end if;
    if v_is_paid then
        v_facts := v_facts || _fact(
            p_trade, 'trade', p_trade.trade_no, 'open', 'paid', p_order_no => p_line.order_no, p_reason => p_fact.reason
        );
        v_trade.state := 'paid';
    end if;
    if v_left = 0 then
        return _post(v_trade, v_facts);
    end if;
    v_trade := _unapply(v_trade, v_facts, array[p_line.position], array[v_left], p_fact.reason);
    update trade_orders set amount = p_share
    where merchant_id = p_line.merchant_id and trade_no = p_line.trade_no and position = p_line.position;
    return v_trade;
end;
$_reprice_line$;

comment on function mixpay._reprice_line(mixpay.trades, mixpay.trade_orders, bigint, bigint, mixpay.fact) is
$$Gives a live line another share of what its trade is to pay, in the smallest unit. What is paid above it serves the
trade's other lines, as what is paid of a cancelled order does, and what they do not need is reversed.

p_trade is the locked trade and p_line its line, as they are; p_share is at least what is refunded of the line. The
order, which has totals, costs p_by more. p_fact says why. Returns the trade as it is then.
Locks: the splits of the trade's orders, then their totals, each in ascending order number, if money moves.
Raises: MX902 if the trade would be too large.
$$;
