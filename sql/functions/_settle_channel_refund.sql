create function mixpay._settle_channel_refund(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_was mixpay.channel_refunds
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_settle_channel_refund$
declare
    v_amount bigint := p_channel_refund.amount;
    v_was refunds;
    v_refund refunds;
    v_reserved bigint;
    v_entry bigint := p_trade.last_entry;
    v_home text;
    v_moves text[];
    v_to_state text := p_channel_refund.state;
    v_happened_at timestamptz := coalesce(p_channel_refund.refunded_at, now());
begin
    select * into v_was from refunds
    where merchant_id = p_channel_refund.merchant_id and refund_no = p_channel_refund.refund_no;
    v_home := case when v_was.kind in ('surplus', 'reversal') then 'surplus' else 'order' end;
    if v_to_state = 'failed' then
        v_reserved := -v_amount;
        v_moves := array['refund', v_home];
    elsif p_was.state = 'failed' then
        v_reserved := v_amount;
        v_moves := array[v_home, 'refund', 'channel'];
    else
        v_reserved := 0;
        v_moves := array['refund', 'channel'];
    end if;
    if v_reserved <> 0 then
        update trade_orders set refunded = refunded + v_reserved
        where
            merchant_id = p_trade.merchant_id and order_no = v_was.order_no and trade_no = p_trade.trade_no;
        update payments
        set
            refunded = refunded + v_reserved,
            surplus_refunded = surplus_refunded + case v_home when 'surplus' then v_reserved else 0 end
        where merchant_id = p_trade.merchant_id and payment_no = p_channel_refund.payment_no;
        if v_reserved < 0 and v_home = 'order' then
            update trades as t set fifo_paid_at = p.paid_at, fifo_seq = p.seq
            from payments as p
            where
                t.merchant_id = p_trade.merchant_id and t.trade_no = p_trade.trade_no
                and p.merchant_id = p_trade.merchant_id and p.payment_no = p_channel_refund.payment_no
                and (p.paid_at, p.seq) < (t.fifo_paid_at, t.fifo_seq);
        end if;
        update refund_details set freed = v_reserved < 0
        where
            merchant_id = p_trade.merchant_id and refund_no = p_channel_refund.refund_no
            and payment_no = p_channel_refund.payment_no;
    end if;
    update refunds as r
    set
        succeeded = n.succeeded, freed = n.freed,
        state = case
            when n.succeeded + n.freed < r.amount then 'processing' when n.freed > 0 then 'failed' else 'succeeded'
        end
    from (
        select
            v_was.succeeded + case v_to_state when 'succeeded' then v_amount else 0 end as succeeded,
            v_was.freed - v_reserved as freed
    ) as n
    where r.merchant_id = v_was.merchant_id and r.refund_no = v_was.refund_no
    returning r.* into v_refund;
    for i in 1 .. cardinality(v_moves) - 1 loop
        v_entry := v_entry + 1;
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, order_no, refund_no, channel_refund_no,
            from_state, to_state, from_account, to_account, amount, reason, happened_at
        ) values (
            p_trade.merchant_id, p_trade.trade_no, v_entry, 'channel_refund', p_channel_refund.payment_no,
            v_was.order_no, v_was.refund_no, p_channel_refund.channel_refund_no,
            case i when 1 then p_was.state end, case i when 1 then v_to_state end,
            v_moves[i], v_moves[i + 1], v_amount, p_channel_refund.reason, v_happened_at
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
    set refunded = refunded + case v_home when 'order' then v_reserved else 0 end, last_entry = v_entry
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
end;
$_settle_channel_refund$;

comment on function mixpay._settle_channel_refund(
    mixpay.trades, mixpay.channel_refunds, mixpay.channel_refunds
) is $$
Draws the consequences of a channel refund that was just marked succeeded or failed.

A failure frees the amount: it counts no longer as refunded. A success after a failure reserves it again. The caller
holds the lock of the trade and the refund; p_was is the channel refund before it was marked.
$$;
