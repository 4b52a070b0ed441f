create function mixpay._apply_payment(
    p_trade mixpay.trades, p_payment mixpay.payments, p_from_state text
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_apply_payment$
declare
    v_entry bigint := p_trade.last_entry;
    v_rest bigint := p_payment.applied;
    v_fills boolean := p_trade.state = 'open' and p_payment.applied = p_trade.amount - p_trade.paid;
    v_from_state text := p_from_state;
    v_to_state text := 'succeeded';
    v_lines refcursor;
    v_line record;
    v_share bigint;
    v_refund_no text;
begin
    if v_rest > 0 then
        -- Whoever fills the trade gives each line what it lacks, whatever the rule.
        if v_fills or p_trade.allocation = 'fifo' then
            open v_lines for
            select position, order_no, amount - paid as share from trade_orders
            where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live and paid < amount
            order by position;
        else
            open v_lines for
            select position, order_no, share from _divide(p_trade, v_rest) where share > 0 order by position;
        end if;
        while v_rest > 0 loop
            fetch v_lines into v_line;
            v_share := least(v_rest, v_line.share);
            v_rest := v_rest - v_share;
            v_entry := v_entry + 1;
            if not v_fills then
                update trade_orders set paid = paid + v_share
                where
                    merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and position = v_line.position;
            end if;
            insert into facts (
                merchant_id, trade_no, entry, entity, payment_no, order_no, from_state, to_state,
                from_account, to_account, amount, happened_at
            ) values (
                p_trade.merchant_id, p_trade.trade_no, v_entry, 'payment', p_payment.payment_no, v_line.order_no,
                v_from_state, v_to_state, 'channel', 'order', v_share, p_payment.paid_at
            );
            v_from_state := null;
            v_to_state := null;
        end loop;
        close v_lines;
    end if;
    if p_payment.surplus > 0 then
        v_entry := v_entry + 1;
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, from_state, to_state,
            from_account, to_account, amount, happened_at
        ) values (
            p_trade.merchant_id, p_trade.trade_no, v_entry, 'payment', p_payment.payment_no, v_from_state, v_to_state,
            'channel', 'surplus', p_payment.surplus, p_payment.paid_at
        );
    end if;
    if v_fills then
        update trade_orders set paid = amount, live = false
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live;
        v_entry := v_entry + 1;
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, from_state, to_state, happened_at
        ) values (
            p_trade.merchant_id, p_trade.trade_no, v_entry, 'trade', p_payment.payment_no, 'open', 'paid',
            p_payment.paid_at
        );
    end if;
    update trades
    set
        paid = paid + p_payment.applied, state = case when v_fills then 'paid' else state end,
        last_seq = p_payment.seq, last_entry = v_entry
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    if p_payment.surplus > 0 then
        v_refund_no := _new_number(0);
        insert into refunds (merchant_id, refund_no, kind, amount)
        values (p_trade.merchant_id, v_refund_no, 'surplus', p_payment.surplus);
        perform _reserve_refund(p_trade.merchant_id, v_refund_no, 'surplus', array[row(
            p_payment.payment_no, p_payment.surplus, p_trade.trade_no, null, p_payment.channel, p_payment.paid_at,
            p_payment.surplus
        )::refund_share]);
    end if;
end;
$_apply_payment$;

comment on function mixpay._apply_payment(mixpay.trades, mixpay.payments, text) is $$
Gives a succeeded payment's money to its trade: lines, facts, totals; its surplus goes back.

p_trade is the locked trade as it was before, p_payment the stored payment, p_from_state its state before.
$$;
