create function mixpay._move_channel_refund(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_from_state text, p_path text[],
    p_succeeded bigint, p_freed bigint
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_move_channel_refund$
declare
    v_trade trades := p_trade;
    v_refund refunds;
    v_was_state text;
    v_clearing clearing;
    v_fact fact;
    v_clearing_fact fact;
    v_facts fact[] := array[]::fact[];
    v_path text[];
    v_paid_at timestamptz;
    v_seq bigint;
    v_happened_at timestamptz := case p_channel_refund.state
        when 'succeeded' then p_channel_refund.refunded_at when 'bounced' then p_channel_refund.bounced_at
    end;
begin
    select * into v_refund from refunds
    where merchant_id = p_channel_refund.merchant_id and refund_no = p_channel_refund.refund_no;
    v_was_state := v_refund.state;
    if p_succeeded <> 0 or p_freed <> 0 then
        v_refund := _count_parts(v_refund, p_succeeded, p_freed);
        update refunds
        set succeeded = v_refund.succeeded, freed = v_refund.freed, state = v_refund.state
        where merchant_id = v_refund.merchant_id and refund_no = v_refund.refund_no;
    end if;
    v_clearing_fact := _refund_fact(p_trade, v_refund, null, v_happened_at);
    v_clearing_fact.to_state := null;
    v_clearing_fact.channel_refund_no := p_channel_refund.channel_refund_no;
    if p_freed > 0 and v_refund.order_no is not null then
        -- What covers a loss divides the order's money when its totals are locked already, and the split goes first.
        perform _lock_shared(p_trade.merchant_id, array[p_trade.trade_no::text], array[v_refund.order_no]);
    end if;
    if p_freed <> 0 then
        v_clearing := _count_refunded(
            p_trade, v_refund.order_no, null,
            array[row(p_channel_refund.payment_no, -p_freed, null, null, null, null, null, null)::refund_share],
            case when p_freed > 0 then p_channel_refund.cleared else 0 end
        );
        update refund_details set freed = p_freed > 0
        where
            merchant_id = p_trade.merchant_id and refund_no = p_channel_refund.refund_no
            and payment_no = p_channel_refund.payment_no;
        if v_refund.order_no is not null then
            v_trade.refunded := v_trade.refunded - p_freed;
        end if;
    end if;
    if p_freed > 0 and v_trade.fifo_paid_at is not null and v_refund.order_no is not null then
        select paid_at, seq into v_paid_at, v_seq from payments
        where merchant_id = p_trade.merchant_id and payment_no = p_channel_refund.payment_no;
        if (v_paid_at, v_seq) < (v_trade.fifo_paid_at, v_trade.fifo_seq) then
            v_trade.fifo_paid_at := v_paid_at;
            v_trade.fifo_seq := v_seq;
        end if;
    end if;
    if p_freed < 0 and v_refund.order_no is not null then
        update channel_refunds set cleared = -v_clearing.cleared
        where
            merchant_id = p_trade.merchant_id and channel_refund_no = p_channel_refund.channel_refund_no
            and cleared <> -v_clearing.cleared;
        v_facts := _clearing_facts(v_clearing_fact, v_clearing);
    end if;
    -- The change of state is also the first movement.
    v_fact := _channel_refund_fact(
        p_trade, p_channel_refund, p_from_state, p_channel_refund.state, v_refund.order_no
    );
    v_fact.happened_at := v_happened_at;
    v_path := array_replace(p_path, 'home', case when v_refund.order_no is null then 'surplus' else 'order' end);
    for i in 1 .. greatest(cardinality(v_path) - 1, 1) loop
        if cardinality(v_path) > 0 then
            v_fact := _movement(v_fact, v_path[i], v_path[i + 1], p_channel_refund.amount, p_channel_refund.channel);
        end if;
        if v_path[i] = 'order' or v_path[i + 1] = 'order' then
            v_fact.order_from_state := v_clearing.order_from_state;
            v_fact.order_to_state := v_clearing.order_to_state;
        end if;
        v_facts := v_facts || v_fact;
        v_fact.from_state := null;
        v_fact.to_state := null;
        v_fact.order_from_state := null;
        v_fact.order_to_state := null;
    end loop;
    if v_refund.state <> v_was_state then
        v_facts := v_facts || _refund_fact(p_trade, v_refund, v_was_state, v_happened_at);
    end if;
    if p_freed > 0 and v_refund.order_no is not null then
        v_facts := v_facts || _clearing_facts(v_clearing_fact, v_clearing);
    end if;
    v_trade := _post(v_trade, v_facts);
    if p_freed > 0 then
        return _cover_losses(v_trade, p_channel_refund.payment_no, v_refund.order_no, p_freed);
    end if;
    return v_trade;
end;
$_move_channel_refund$;

comment on function mixpay._move_channel_refund(
    mixpay.trades, mixpay.channel_refunds, text, text[], bigint, bigint
) is
$$Draws the consequences of a channel refund that has just got its state: facts, totals, the state of its refund.

p_from_state is its state before. p_path are the accounts that its money goes through, "home" where it was before the
refund. p_succeeded and p_freed are what the refund's succeeded and freed grow by, in the smallest unit; what is freed
counts no longer as refunded, and is reserved again where p_freed is below zero; what its payment had lost, because it
was returned or charged back, is covered by it at once. The caller holds the lock of the trade and the refund. Returns
the trade as it is then.
Locks: the order's split, then its totals, if money is freed or reserved again.
$$;
