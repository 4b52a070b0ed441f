create function mixpay.reprice_order(
    p_merchant_id text, p_order_no text, p_reprice_no text, p_amount bigint, p_reason text
) returns mixpay."order"
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $reprice_order$
declare
    v_order orders;
    v_repricing repricings;
    v_trades trades[];
    v_trade trades;
    v_line trade_orders;
    v_taken bigint;
    v_share bigint;
    v_fact fact;
begin
    perform _check_number('reprice_no', p_reprice_no);
    perform _check_amount('amount', p_amount);
    perform _check_text('reason', p_reason);
    -- As a merge locks it: neither sees the other half done.
    update orders set merge_count = merge_count where merchant_id = p_merchant_id and order_no = p_order_no
    returning * into v_order;
    if not found then
        perform _check_order(p_merchant_id, p_order_no);
    end if;
    insert into repricings (merchant_id, reprice_no, order_no, nth, merge_count, from_amount, amount, reason)
    select
        p_merchant_id, p_reprice_no, p_order_no, coalesce(max(r.nth), 0) + 1, v_order.merge_count, v_order.amount,
        p_amount, p_reason
    from repricings as r
    where r.merchant_id = p_merchant_id and r.order_no = p_order_no
    on conflict (merchant_id, reprice_no) do nothing
    returning * into v_repricing;
    if not found then
        select * into v_repricing from repricings where merchant_id = p_merchant_id and reprice_no = p_reprice_no;
        if v_repricing.order_no <> p_order_no or v_repricing.amount <> p_amount then
            raise exception 'reprice number % was used for something else', p_reprice_no using
                errcode = 'MX115',
                detail = _on_record(json_build_object(
                    'order_no', v_repricing.order_no, 'amount', v_repricing.amount
                ), json_build_object(
                    'order_no', p_order_no, 'amount', p_amount
                )),
                hint = 'Repeat a repricing with the same content, or give it a number of its own.';
        end if;
        perform _reason_later(v_repricing, 'reprice_no', p_reason);
        return row(v_order.*)::mixpay."order";
    end if;
    v_trades := _lock_trades_of_order(p_merchant_id, p_order_no);
    perform _count_orders(p_merchant_id, array[p_order_no]);
    select * into v_line from trade_orders
    where merchant_id = p_merchant_id and order_no = p_order_no and live;
    v_taken := _taken_of_order(p_merchant_id, p_order_no, v_line.trade_no);
    perform _refuse_repricing(v_order, p_amount, v_taken, v_line);
    update orders set amount = p_amount where merchant_id = p_merchant_id and order_no = p_order_no
    returning * into v_order;
    select t.* into v_trade
    from unnest(v_trades) as t
    cross join lateral (
        select x.nth, x.live from trade_orders as x
        where x.merchant_id = p_merchant_id and x.order_no = p_order_no and x.trade_no = t.trade_no
        limit 1
    ) as l
    order by l.live desc, l.nth desc
    limit 1;
    v_fact := _fact(v_trade, 'repricing', p_reprice_no, '', 'repriced');
    v_fact.order_no := p_order_no;
    v_fact.reason := concat_ws(': ', format('%s instead of %s', p_amount, v_repricing.from_amount), p_reason);
    if v_line.trade_no is null then
        select * into v_line from trade_orders
        where merchant_id = p_merchant_id and order_no = p_order_no and trade_no = v_trade.trade_no;
        perform _post(v_trade, array[_order_fact(v_fact, v_line, 0, 0, p_amount - v_repricing.from_amount)]);
        return row(v_order.*)::mixpay."order";
    end if;
    -- A line that was to pay all the rest is to pay all of it still; another one only as much as there is.
    v_share := p_amount - v_taken;
    if v_line.amount < v_repricing.from_amount - v_taken then
        v_share := least(v_share, v_line.amount);
    end if;
    perform _reprice_line(v_trade, v_line, v_share, p_amount - v_repricing.from_amount, v_fact);
    return row(v_order.*)::mixpay."order";
end;
$reprice_order$;

comment on function mixpay.reprice_order(text, text, text, bigint, text) is
$$Changes what an order costs, once per reprice number, and returns the order as it is then.

p_amount is the whole new amount, in the currency's smallest unit. The order's open trade follows at once. If the
order's line there was to pay all that its other trades leave, it still does, be that more or less. If it was to pay a
part (a deposit), the line is reduced only if less than that part is left. What is paid above the new share is used for
the trade's other orders, divided as a payment is. What they do not need goes back to the payments, the oldest first, as
a refund of kind reversal. The trade may become paid by that.

If the order is in no open trade, it can be merged again for what it lacks then. From now on a merge of the order must
have the new amount; to repeat an earlier merge, send what that merge had. The price cannot fall below what the order is
paid in other trades, nor below what is refunded of it.

The same number with the same content returns the order as it is now; the reason is not compared, and may come later.
Locks: the order; then its trades, in ascending trade number; then the splits of the open trade's orders, then their
totals, each in ascending order number.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX114 if it is below what is paid
elsewhere, or refunded; MX115 if the reprice number was used for something else; MX503 if a dispute is open and money
would move; MX510 if the fixed shares of its split would be more than the order; MX901; MX902; MX905.
$$;
