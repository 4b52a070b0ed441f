create function mixpay._post(p_trade mixpay.trades, p_facts mixpay.fact[]) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_post$
declare
    v_trade trades := p_trade;
begin
    -- Assigned, and not performed: that would be a query of its own.
    v_trade.last_entry := _write_facts(p_facts, p_trade.last_entry);
    -- Where its state changes, the last fact mostly says so. Else the state is left out of the update, with all that
    -- depends on it: a trigger, an index, and what is computed.
    if (p_facts[cardinality(p_facts)]).entity is distinct from 'trade' then
        update trades
        set
            amount = v_trade.amount, paid = v_trade.paid, refunded = v_trade.refunded, last_seq = v_trade.last_seq,
            last_entry = v_trade.last_entry, fifo_paid_at = v_trade.fifo_paid_at, fifo_seq = v_trade.fifo_seq
        where
            merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and state = v_trade.state
            and keeps_paid = v_trade.keeps_paid;
        if found then
            return v_trade;
        end if;
    end if;
    update trades
    set
        amount = v_trade.amount, paid = v_trade.paid, refunded = v_trade.refunded, last_seq = v_trade.last_seq,
        last_entry = v_trade.last_entry, fifo_paid_at = v_trade.fifo_paid_at, fifo_seq = v_trade.fifo_seq,
        state = v_trade.state, keeps_paid = v_trade.keeps_paid, expires_at = v_trade.expires_at
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no
    returning * into v_trade;
    return v_trade;
end;
$_post$;

comment on function mixpay._post(mixpay.trades, mixpay.fact[]) is
$$Writes down a trade as its caller has changed it, with the facts that say why, and returns it.

p_trade is the trade that the caller has locked, with its new totals and state, but last_entry as it was.
$$;
