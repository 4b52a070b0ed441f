create function mixpay._reverse(
    p_trade mixpay.trades, p_positions bigint[], p_amounts bigint[], p_reason text
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_reverse$
declare
    v_shares refund_share[] := array(
        select s from _take_oldest(
            p_trade.merchant_id, p_trade.trade_no, (select sum(a)::bigint from unnest(p_amounts) as a), null
        ) as s
    );
    v_refund_no text := _new_number(clock_timestamp(), 0);
    v_share refund_share;
    v_line bigint := 1;
    v_left_of_line bigint := p_amounts[1];
    v_part bigint;
    v_part_positions bigint[];
    v_part_payment_nos text[];
    v_parts bigint[];
    v_total bigint := 0;
    v_cause facts;
begin
    -- Which line's money a payment holds is nobody's choice: both are laid out in their order and cut where either ends.
    foreach v_share in array v_shares loop
        while v_share.amount > 0 loop
            while v_left_of_line = 0 loop
                v_line := v_line + 1;
                v_left_of_line := p_amounts[v_line];
            end loop;
            v_part := least(v_share.amount, v_left_of_line);
            v_part_positions := v_part_positions || p_positions[v_line];
            v_part_payment_nos := v_part_payment_nos || v_share.payment_no;
            v_parts := v_parts || v_part;
            v_share.amount := v_share.amount - v_part;
            v_left_of_line := v_left_of_line - v_part;
            v_total := v_total + v_part;
        end loop;
    end loop;
    v_cause.entity := 'trade';
    v_cause.refund_no := v_refund_no;
    v_cause.reason := p_reason;
    perform _clear_line(p_trade.merchant_id, p_trade.trade_no, l.order_no, 'unpay', s.amount, 0, v_cause)
    from unnest(p_positions, p_amounts) as s (position, amount)
    inner join trade_orders as l
        on l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = s.position
    -- In one order for all, because of the splits' locks.
    where l.payee_no is not null or l.split_no is not null
    order by l.order_no;
    update payments as p set applied = p.applied - s.amount, surplus = p.surplus + s.amount
    from unnest(v_shares) as s
    where p.merchant_id = p_trade.merchant_id and p.payment_no = s.payment_no;
    update trade_orders as l
    set
        paid = l.paid - s.amount,
        amount = l.amount - case when l.cancelled_at is not null then s.amount else 0 end
    from unnest(p_positions, p_amounts) as s (position, amount)
    where l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = s.position;
    insert into facts (
        merchant_id, trade_no, entry, entity, payment_no, order_no, refund_no, from_account, to_account, amount, reason,
        happened_at
    )
    select
        p_trade.merchant_id, p_trade.trade_no, t.last_entry + u.i, 'payment', u.payment_no, l.order_no,
        v_refund_no, 'order', 'surplus', u.amount, p_reason, now()
    from unnest(v_part_positions, v_part_payment_nos, v_parts) with ordinality as u (position, payment_no, amount, i)
    inner join trade_orders as l
        on l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = u.position
    inner join trades as t on t.merchant_id = p_trade.merchant_id and t.trade_no = p_trade.trade_no;
    update trades as t
    set
        paid = t.paid - v_total,
        amount = t.amount - (
            select coalesce(sum(s.amount), 0)
            from unnest(p_positions, p_amounts) as s (position, amount)
            inner join trade_orders as l
                on l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = s.position
            where l.cancelled_at is not null
        ),
        last_entry = t.last_entry + cardinality(v_parts)
    where t.merchant_id = p_trade.merchant_id and t.trade_no = p_trade.trade_no;
    insert into refunds (merchant_id, refund_no, kind, amount, reason)
    values (p_trade.merchant_id, v_refund_no, 'reversal', v_total, p_reason);
    perform _reserve_refund(p_trade.merchant_id, v_refund_no, 'reversal', v_shares, false);
end;
$_reverse$;

comment on function mixpay._reverse(mixpay.trades, bigint[], bigint[], text) is $$
Un-applies money of a trade, the oldest first: what these lines are paid becomes surplus of the payments that it came
by, and goes back to them as one refund of kind reversal. Of a cancelled line the amount falls, too.

p_amounts are in the smallest unit, for each of the p_positions at most what is paid of the line and not refunded.
p_trade is the locked trade as it is.
$$;
