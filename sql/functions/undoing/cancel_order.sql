create function mixpay.cancel_order(
    p_merchant_id text, p_trade_no text, p_order_no text, p_reason text
) returns mixpay.trade
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $cancel_order$
declare
    v_trade trades;
    v_line trade_orders;
    v_others bigint;
    v_lacking bigint;
    v_moved bigint;
    v_left bigint;
    v_clearing clearing;
    v_fact fact;
    v_facts fact[];
begin
    perform _check_text('reason', p_reason);
    v_trade := _lock_trade(p_merchant_id, p_trade_no);
    select * into v_line from trade_orders
    where merchant_id = p_merchant_id and order_no = p_order_no and trade_no = p_trade_no;
    if not found then
        perform _check_number('order_no', p_order_no);
        raise exception 'order % is not in trade %', p_order_no, p_trade_no using
            errcode = 'MX111',
            detail = format('Trade %s has %s orders.', p_trade_no, (
                select count(*) from trade_orders where merchant_id = p_merchant_id and trade_no = p_trade_no
            )),
            hint = 'mixpay.order_balances says which open trade an order is in.';
    end if;
    if v_line.cancelled_at is not null then
        v_fact := _fact(v_trade, 'trade', p_trade_no, v_trade.state, v_trade.state, p_order_no => p_order_no);
        v_trade := _explain_later(v_trade, v_fact, p_reason);
        return row(v_trade.*)::trade;
    end if;
    if v_trade.state <> 'open' then
        raise exception 'trade % is not open', p_trade_no using
            errcode = 'MX204',
            detail = format('It is %s.', v_trade.state),
            hint = 'Only what is still to be paid can be cancelled. Give money back with refund_order.';
    end if;
    perform _refuse_dispute(
        p_merchant_id, p_order_no,
        'Its money serves no other order until close_dispute. The buyer can get it back with refund_order.'
    );
    perform _lock_shared(p_merchant_id, array[p_trade_no]);
    -- A line that is paid need not be live: its trade was paid before something of it was returned.
    select count(*), coalesce(sum(amount - paid), 0) into v_others, v_lacking
    from trade_orders
    where
        merchant_id = p_merchant_id and trade_no = p_trade_no and position <> v_line.position
        and cancelled_at is null and (live is not false or paid > 0);
    if v_others = 0 then
        v_trade := _end_trade(v_trade, p_reason, false, p_order_no);
        return row(v_trade.*)::trade;
    end if;
    if v_line.alone and v_line.refunded > 0 then
        perform _count_orders(p_merchant_id, array[p_order_no]);
        v_line.alone := false;
    end if;
    v_moved := least(v_line.paid - v_line.refunded, v_lacking);
    v_left := v_line.paid - v_line.refunded - v_moved;
    v_fact := _order_fact(_fact(
        v_trade, 'trade', p_trade_no, 'open', case when v_moved = v_lacking then 'paid' else 'open' end,
        p_order_no => p_order_no, p_reason => p_reason
    ), v_line, -v_moved, 0);
    v_clearing := _clear_line(v_line, -v_moved, 0, 0);
    v_facts := v_fact || _clearing_facts(v_fact, v_clearing);
    update trade_orders
    set
        live = false, cancelled_at = now(), paid = paid - v_moved, amount = paid - v_moved,
        cleared = cleared + v_clearing.cleared
    where merchant_id = p_merchant_id and trade_no = p_trade_no and position = v_line.position;
    v_trade.amount := v_trade.amount - (v_line.amount - v_line.paid + v_moved);
    v_trade.paid := v_trade.paid - v_moved;
    if v_moved > 0 or v_lacking = 0 then
        v_facts := v_facts || _allot(v_trade, v_moved, _fact(
            v_trade, 'trade', p_trade_no, null, null, 'order', p_order_no, p_order_no => p_order_no,
            p_reason => p_reason
        ));
        v_trade.paid := v_trade.paid + v_moved;
    end if;
    v_trade.state := (v_facts[1]).to_state;
    if v_left > 0 then
        v_trade := _unapply(v_trade, v_facts, array[v_line.position], array[v_left], p_reason);
    else
        v_trade := _post(v_trade, v_facts);
    end if;
    return row(v_trade.*)::trade;
end;
$cancel_order$;

comment on function mixpay.cancel_order(text, text, text, text) is
$$Takes one order out of an open trade; it can be merged again at once.

What is paid of it and not refunded is used for the trade's other orders, divided as a payment is. What they do not need
goes back to the payments, the oldest first, as a refund of kind reversal. The trade may become paid by that. If this
was its last order, it is closed. If the order was cancelled already, the call returns the trade as it is now. The
reason is not compared, and may come later.
Locks: the trade; then its orders' splits, then their totals, each in ascending order number.
Raises: MX101 if there is no such merchant; MX104 if there is no such trade; MX111 if the order is not in it; MX204 if
the trade is not open; MX503 if the order is in dispute; MX901; MX905.
$$;
