create function mixpay._apply_payment(
    p_trade mixpay.trades, p_payment mixpay.payments, p_from_state text
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_apply_payment$
declare
    v_fills boolean := p_trade.state = 'open' and p_payment.applied = p_trade.amount - p_trade.paid;
    v_positions bigint[];
    v_order_nos text[];
    v_shares bigint[];
    v_payee_nos text[];
    v_cleared bigint := 0;
    v_is_split boolean := false;
    v_cause facts;
    v_entries bigint;
    v_refund_no text;
begin
    if v_fills then
        -- Each line gets what it lacks, whatever the rule.
        select
            array_agg(order_no order by position), array_agg(amount - paid order by position),
            array_agg(case when clears_at_once then payee_no end order by position),
            count(*) filter (where clears_at_once), bool_or(split_no is not null)
        into v_order_nos, v_shares, v_payee_nos, v_cleared, v_is_split
        from trade_orders
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live and paid < amount;
        update trade_orders
        set paid = amount, live = false, cleared = cleared + case when clears_at_once then amount - paid else 0 end
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live;
    elsif p_payment.applied > 0 then
        select array_agg(position order by position), array_agg(order_no order by position), array_agg(share order by position)
        into v_positions, v_order_nos, v_shares
        from _divide(p_trade, p_payment.applied);
        with paid as (
            update trade_orders as l
            set paid = l.paid + s.share, cleared = l.cleared + case when l.clears_at_once then s.share else 0 end
            from unnest(v_positions, v_shares) as s (position, share)
            where l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = s.position
            returning l.position, l.payee_no, l.clears_at_once, l.split_no
        )
        select
            array_agg(case when clears_at_once then payee_no end order by position),
            count(*) filter (where clears_at_once), bool_or(split_no is not null)
        into v_payee_nos, v_cleared, v_is_split
        from paid;
    end if;
    if p_payment.surplus > 0 then
        v_order_nos := v_order_nos || null::text;
        v_shares := v_shares || p_payment.surplus::bigint;
    end if;
    -- The first movement is also the change of the payment's state.
    insert into facts (
        merchant_id, trade_no, entry, entity, payment_no, order_no, from_state, to_state,
        from_account, to_account, amount, happened_at, to_owner
    )
    select
        p_trade.merchant_id, p_trade.trade_no, p_trade.last_entry + u.i, 'payment', p_payment.payment_no, u.order_no,
        case u.i when 1 then p_from_state end, case u.i when 1 then 'succeeded' end,
        'channel', case when u.order_no is null then 'surplus' else 'order' end, u.share, p_payment.paid_at,
        null
    from unnest(v_order_nos, v_shares) with ordinality as u (order_no, share, i)
    union all
    -- What is not held is the payee's at once.
    select
        p_trade.merchant_id, p_trade.trade_no,
        p_trade.last_entry + cardinality(v_shares) + row_number() over (order by u.i), 'payment',
        p_payment.payment_no, u.order_no, null, null, 'order', 'payee', u.share, p_payment.paid_at, u.payee_no
    from unnest(v_order_nos, v_shares, v_payee_nos) with ordinality as u (order_no, share, payee_no, i)
    where v_cleared > 0 and u.payee_no is not null
    union all
    select
        p_trade.merchant_id, p_trade.trade_no, p_trade.last_entry + cardinality(v_shares) + v_cleared + 1, 'trade',
        p_payment.payment_no, null, 'open', 'paid', null, null, null, p_payment.paid_at, null
    where v_fills;
    get diagnostics v_entries = row_count;
    if v_fills then
        update trades set paid = amount, state = 'paid', last_seq = p_payment.seq, last_entry = last_entry + v_entries
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    else
        update trades
        set paid = paid + p_payment.applied, last_seq = p_payment.seq, last_entry = last_entry + v_entries
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    end if;
    if p_payment.paid_at < p_trade.fifo_paid_at then
        update trades set fifo_paid_at = p_payment.paid_at, fifo_seq = p_payment.seq
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    end if;
    if v_is_split then
        v_cause.entity := 'payment';
        v_cause.payment_no := p_payment.payment_no;
        v_cause.happened_at := p_payment.paid_at;
        perform _clear_line(p_trade.merchant_id, p_trade.trade_no, u.order_no, 'pay', u.share, 0, v_cause)
        from unnest(v_order_nos, v_shares) as u (order_no, share)
        inner join trade_orders as l
            on l.merchant_id = p_trade.merchant_id and l.order_no = u.order_no and l.trade_no = p_trade.trade_no
        where l.split_no is not null
        order by l.order_no;
    end if;
    if p_payment.surplus > 0 then
        v_refund_no := _new_number(clock_timestamp(), 0);
        insert into refunds (merchant_id, refund_no, kind, amount)
        values (p_trade.merchant_id, v_refund_no, 'surplus', p_payment.surplus);
        perform _reserve_refund(p_trade.merchant_id, v_refund_no, 'surplus', array[row(
            p_payment.payment_no, p_payment.surplus, p_trade.trade_no, null, p_payment.channel, p_payment.paid_at,
            p_payment.seq, p_payment.surplus
        )::refund_share], false);
    end if;
end;
$_apply_payment$;

comment on function mixpay._apply_payment(mixpay.trades, mixpay.payments, text) is $$
Gives a succeeded payment's money to its trade: lines, facts, totals; its surplus goes back.

p_trade is the locked trade as it was before, p_payment the stored payment, p_from_state its state before.
$$;
