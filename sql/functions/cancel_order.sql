create function mixpay.cancel_order(
    p_merchant_id text, p_trade_no text, p_order_no text, p_reason text
) returns mixpay.trades
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $cancel_order$
declare
    v_trade trades;
    v_line trade_orders;
    v_lacking bigint;
    v_others bigint;
    v_moved bigint;
    v_left bigint;
    v_shares line_share[];
    v_state text := 'open';
    v_cause facts;
    v_share line_share;
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
        return v_trade;
    end if;
    if v_trade.state <> 'open' then
        raise exception 'trade % is not open', p_trade_no using
            errcode = 'MX204',
            detail = format('It is %s.', v_trade.state),
            hint = 'Only what is still to be paid can be cancelled. Give money back with refund_order.';
    end if;
    perform _lock_splits(p_merchant_id, array[p_trade_no]);
    select count(*), coalesce(sum(amount - paid), 0) into v_others, v_lacking
    from trade_orders
    where merchant_id = p_merchant_id and trade_no = p_trade_no and live and position <> v_line.position;
    if v_others = 0 then
        v_trade := _end_trade(v_trade, p_reason, false);
        update trade_orders set cancelled_at = now(), amount = paid
        where merchant_id = p_merchant_id and trade_no = p_trade_no and position = v_line.position;
        update trades set amount = (
            select sum(l.amount) from trade_orders as l where l.merchant_id = p_merchant_id and l.trade_no = p_trade_no
        )
        where merchant_id = p_merchant_id and trade_no = p_trade_no
        returning * into v_trade;
        return v_trade;
    end if;
    v_moved := least(v_line.paid - v_line.refunded, v_lacking);
    v_left := v_line.paid - v_line.refunded - v_moved;
    v_cause.entity := 'trade';
    v_cause.reason := p_reason;
    if v_moved > 0 then
        perform _clear_line(p_merchant_id, p_trade_no, p_order_no, 'unpay', v_moved, 0, v_cause);
        select * into v_trade from trades where merchant_id = p_merchant_id and trade_no = p_trade_no;
    end if;
    update trade_orders
    set live = false, cancelled_at = now(), paid = paid - v_moved, amount = paid - v_moved
    where merchant_id = p_merchant_id and trade_no = p_trade_no and position = v_line.position;
    v_shares := array(select s from _divide(v_trade, v_moved) as s where v_moved > 0);
    update trade_orders as l set paid = l.paid + s.share
    from unnest(v_shares) as s
    where l.merchant_id = p_merchant_id and l.trade_no = p_trade_no and l.position = s.position;
    if v_moved = v_lacking then
        v_state := 'paid';
        update trade_orders set live = false
        where merchant_id = p_merchant_id and trade_no = p_trade_no and live;
    end if;
    insert into facts (
        merchant_id, trade_no, entry, entity, order_no, from_state, to_state, reason, happened_at
    ) values (
        p_merchant_id, p_trade_no, v_trade.last_entry + 1, 'trade', p_order_no, 'open', v_state, p_reason, now()
    );
    insert into facts (
        merchant_id, trade_no, entry, entity, order_no, to_order_no, from_account, to_account, amount, reason, happened_at
    )
    select
        p_merchant_id, p_trade_no, v_trade.last_entry + 1 + s.i, 'trade', p_order_no, s.order_no, 'order', 'order',
        s.share, p_reason, now()
    from unnest(v_shares) with ordinality as s (position, order_no, share, i);
    update trades
    set
        state = v_state, amount = amount - (v_line.amount - v_line.paid + v_moved),
        last_entry = last_entry + 1 + cardinality(v_shares)
    where merchant_id = p_merchant_id and trade_no = p_trade_no
    returning * into v_trade;
    foreach v_share in array v_shares loop
        perform _clear_line(p_merchant_id, p_trade_no, v_share.order_no, 'pay', v_share.share, 0, v_cause);
    end loop;
    select * into v_trade from trades where merchant_id = p_merchant_id and trade_no = p_trade_no;
    if v_left > 0 then
        perform _reverse(v_trade, array[v_line.position], array[v_left], p_reason);
        select * into v_trade from trades where merchant_id = p_merchant_id and trade_no = p_trade_no;
    end if;
    return v_trade;
end;
$cancel_order$;

comment on function mixpay.cancel_order(text, text, text, text) is $$
Takes one order out of an open trade; it can be merged again at once.

What is paid of it and not refunded serves the trade's other orders, divided as a payment is; what they do not need goes
back to the payments, the oldest first, as a refund of kind reversal. The trade may become paid by that; without its
last order it is closed. Of an order that was cancelled already the trade is returned, whatever became of it; the reason
is not compared.
Locks: the trade; then its orders' splits, in ascending order number.
Raises: MX101 if there is no such merchant; MX104 if there is no such trade; MX111 if the order is not in it; MX204 if
the trade is not open; MX901; MX905.
$$;
