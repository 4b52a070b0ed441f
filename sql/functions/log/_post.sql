create function mixpay._post(p_trade mixpay.trades, p_facts mixpay.facts[]) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_post$
declare
    v_trade trades;
    -- Assigned, and not performed: that would be a query of its own.
    v_last_entry bigint := _write_facts(p_facts, p_trade.last_entry);
begin
    update trades
    set
        amount = p_trade.amount, paid = p_trade.paid, refunded = p_trade.refunded, last_seq = p_trade.last_seq,
        last_entry = v_last_entry, fifo_paid_at = p_trade.fifo_paid_at,
        fifo_seq = p_trade.fifo_seq
    where
        merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and state = p_trade.state
        and keeps_paid = p_trade.keeps_paid
    returning * into v_trade;
    if not found then
        -- Its state changes, too, which is looked at by a trigger and moves it in an index.
        update trades
        set
            amount = p_trade.amount, paid = p_trade.paid, refunded = p_trade.refunded, last_seq = p_trade.last_seq,
            last_entry = v_last_entry, fifo_paid_at = p_trade.fifo_paid_at,
            fifo_seq = p_trade.fifo_seq, state = p_trade.state, keeps_paid = p_trade.keeps_paid,
            expires_at = p_trade.expires_at
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no
        returning * into v_trade;
    end if;
    return v_trade;
end;
$_post$;

comment on function mixpay._post(mixpay.trades, mixpay.facts[]) is
$$Writes down a trade as its caller has changed it, with the facts that say why, and returns it.

p_trade is the trade that the caller has locked, with its new totals and state, but last_entry as it was.
$$;
