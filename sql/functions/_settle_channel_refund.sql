create function mixpay._settle_channel_refund(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_from_state text, p_moves text[],
    p_succeeded bigint, p_freed bigint
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_settle_channel_refund$
declare
    v_was refunds;
    v_refund refunds;
    v_trade trades;
    v_entry bigint := p_trade.last_entry;
    v_moves text[];
    v_of_surplus boolean;
    v_cause facts;
    v_cleared bigint;
    v_happened_at timestamptz := case p_channel_refund.state
        when 'succeeded' then p_channel_refund.refunded_at else now()
    end;
begin
    select * into v_was from refunds
    where merchant_id = p_channel_refund.merchant_id and refund_no = p_channel_refund.refund_no;
    v_of_surplus := v_was.kind in ('surplus', 'reversal');
    v_moves := array_replace(p_moves, 'home', case when v_of_surplus then 'surplus' else 'order' end);
    v_cause.entity := 'refund';
    v_cause.refund_no := v_was.refund_no;
    v_cause.channel_refund_no := p_channel_refund.channel_refund_no;
    v_cause.happened_at := v_happened_at;
    if p_freed < 0 and not v_of_surplus then
        v_cleared := _clear_line(
            p_trade.merchant_id, p_trade.trade_no, v_was.order_no, 'refund', -p_freed, 0, v_cause
        );
        update channel_refunds set cleared = v_cleared
        where
            merchant_id = p_trade.merchant_id and channel_refund_no = p_channel_refund.channel_refund_no
            and cleared <> v_cleared;
        select last_entry into v_entry from trades
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    end if;
    if p_freed <> 0 then
        update trade_orders set refunded = refunded - p_freed
        where merchant_id = p_trade.merchant_id and order_no = v_was.order_no and trade_no = p_trade.trade_no;
        update payments
        set
            refunded = refunded - p_freed,
            surplus_refunded = surplus_refunded - case when v_of_surplus then p_freed else 0 end
        where merchant_id = p_trade.merchant_id and payment_no = p_channel_refund.payment_no;
        if p_freed > 0 and not v_of_surplus then
            update trades as t set fifo_paid_at = p.paid_at, fifo_seq = p.seq
            from payments as p
            where
                t.merchant_id = p_trade.merchant_id and t.trade_no = p_trade.trade_no
                and p.merchant_id = p_trade.merchant_id and p.payment_no = p_channel_refund.payment_no
                and (p.paid_at, p.seq) < (t.fifo_paid_at, t.fifo_seq);
        end if;
        update refund_details set freed = p_freed > 0
        where
            merchant_id = p_trade.merchant_id and refund_no = p_channel_refund.refund_no
            and payment_no = p_channel_refund.payment_no;
    end if;
    if p_succeeded <> 0 or p_freed <> 0 then
        update refunds as r
        set
            succeeded = n.succeeded, freed = n.freed,
            state = case
                when n.succeeded + n.freed < r.amount then 'processing' when n.freed > 0 then 'failed' else 'succeeded'
            end
        from (select v_was.succeeded + p_succeeded as succeeded, v_was.freed + p_freed as freed) as n
        where r.merchant_id = v_was.merchant_id and r.refund_no = v_was.refund_no
        returning r.* into v_refund;
    else
        v_refund := v_was;
    end if;
    -- The change of state is also the first movement.
    for i in 1 .. greatest(cardinality(v_moves) - 1, 1) loop
        v_entry := v_entry + 1;
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, order_no, refund_no, channel_refund_no,
            from_state, to_state, from_account, to_account, amount, reason, happened_at
        ) values (
            p_trade.merchant_id, p_trade.trade_no, v_entry, 'channel_refund', p_channel_refund.payment_no,
            v_was.order_no, v_was.refund_no, p_channel_refund.channel_refund_no,
            case i when 1 then p_from_state end, case i when 1 then p_channel_refund.state end,
            v_moves[i], v_moves[i + 1], case when v_moves[i] is not null then p_channel_refund.amount end,
            p_channel_refund.reason, v_happened_at
        );
    end loop;
    if v_refund.state <> v_was.state then
        v_entry := v_entry + 1;
        insert into facts (
            merchant_id, trade_no, entry, entity, order_no, refund_no, from_state, to_state, happened_at
        ) values (
            p_trade.merchant_id, p_trade.trade_no, v_entry, 'refund', v_was.order_no, v_was.refund_no,
            v_was.state, v_refund.state, v_happened_at
        );
    end if;
    update trades
    set refunded = refunded - case when v_of_surplus then 0 else p_freed end, last_entry = v_entry
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no
    returning * into v_trade;
    if p_freed > 0 and not v_of_surplus then
        perform _clear_line(
            p_trade.merchant_id, p_trade.trade_no, v_was.order_no, 'free', p_freed, p_channel_refund.cleared, v_cause
        );
        select * into v_trade from trades where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    end if;
    return v_trade;
end;
$_settle_channel_refund$;

comment on function mixpay._settle_channel_refund(
    mixpay.trades, mixpay.channel_refunds, text, text[], bigint, bigint
) is $$
Draws the consequences of a channel refund that has just got its state: facts, totals, the state of its refund.

p_from_state is its state before. p_moves are the accounts that its money goes through, "home" where it was before the
refund. p_succeeded and p_freed are what the refund's succeeded and freed grow by, in the smallest unit; what is freed
counts no longer as refunded. The caller holds the lock of the trade and the refund. Returns the trade as it is then.
$$;
