create function mixpay._reserve_refund(
    p_trade mixpay.trades, p_facts mixpay.fact[], p_refund mixpay.refunds, p_shares mixpay.refund_share[],
    p_channel text, p_refunded_at timestamptz, p_line mixpay.trade_orders default null
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_reserve_refund$
declare
    v_trade trades := p_trade;
    v_fact fact;
    v_facts fact[] := p_facts;
    v_total bigint := 0;
    v_clearing clearing;
    v_in_escrow bigint;
    v_at timestamptz := clock_timestamp();
    v_share refund_share;
    v_destination refund_destination := row(p_channel, 'succeeded', null, null);
    v_channel_refund_no text;
    v_ordinal bigint := 0;
begin
    foreach v_share in array p_shares loop
        v_total := v_total + v_share.amount;
    end loop;
    v_clearing := _count_refunded(p_trade, p_refund.order_no, p_line, p_shares, 0);
    if v_clearing.accounts is not null then
        v_facts := v_facts || _clearing_facts(_refund_fact(p_trade, p_refund, null, p_refunded_at), v_clearing);
    end if;
    -- What is in escrow goes first; the last shares are what payee and receivers gave back.
    v_in_escrow := v_total + coalesce(v_clearing.cleared, 0);
    foreach v_share in array p_shares loop
        if p_channel is null then
            v_destination := _find_destination(
                p_refund.merchant_id, v_share.payment_no, v_share.channel, v_share.amount, null
            );
        end if;
        v_channel_refund_no := _new_number(v_at, v_ordinal);
        v_ordinal := v_ordinal + 1;
        insert into refund_details (merchant_id, refund_no, payment_no, amount)
        values (p_trade.merchant_id, p_refund.refund_no, v_share.payment_no, v_share.amount);
        insert into channel_refunds (
            merchant_id, channel_refund_no, refund_no, payment_no, channel, amount, state, reason, not_before, due_at,
            refunded_at, cleared
        ) values (
            p_trade.merchant_id, v_channel_refund_no, p_refund.refund_no, v_share.payment_no, v_destination.channel,
            v_share.amount, v_destination.state, v_destination.reason, v_destination.not_before,
            case v_destination.state when 'pending' then now() else v_destination.not_before end, p_refunded_at,
            greatest(0, v_share.amount - v_in_escrow)
        );
        v_in_escrow := greatest(0, v_in_escrow - v_share.amount);
        v_fact := _fact(
            p_trade, 'channel_refund', v_channel_refund_no, '', v_destination.state,
            case when p_refund.order_no is null then 'surplus' else 'order' end,
            coalesce(p_refund.order_no, v_share.payment_no), 'refund', p_refund.refund_no, v_share.amount,
            v_share.payment_no, p_refund.order_no, p_refund.refund_no, v_channel_refund_no,
            v_destination.reason, p_refunded_at, v_clearing.order_from_state, v_clearing.order_to_state
        );
        v_facts := v_facts || v_fact;
        v_clearing.order_from_state := null;
        v_clearing.order_to_state := null;
        if p_channel is not null then
            -- What was paid out already makes two movements: on its way, and sent.
            v_fact.from_state := null;
            v_fact.to_state := null;
            v_fact.order_from_state := null;
            v_fact.order_to_state := null;
            v_facts := v_facts || _movement(v_fact, 'refund', 'channel', v_share.amount, p_channel);
        end if;
    end loop;
    if p_refund.order_no is not null then
        v_trade.refunded := v_trade.refunded + v_total;
    end if;
    if p_refund.kind = 'order' and p_refund.payment_nos is null then
        -- First in, first out: whatever stands before the last payment that was taken from is spent.
        v_trade.fifo_paid_at := v_share.paid_at;
        v_trade.fifo_seq := v_share.seq;
    end if;
    return _post(v_trade, v_facts);
end;
$_reserve_refund$;

comment on function mixpay._reserve_refund(
    mixpay.trades, mixpay.fact[], mixpay.refunds, mixpay.refund_share[], text, timestamptz,
    mixpay.trade_orders
) is
$$Writes what each payment of one trade bears of a stored refund: details, channel refunds, facts, and every total that
grows by it.

Each goes where the rules of its payment's channel let it go; or p_channel is where all of it was paid out by hand, at
p_refunded_at. p_facts are what goes before, and are written with it. The caller holds the lock of the trade, which is
returned as it is then, and p_line is the order's line in it, if it has been read.
$$;
