create function mixpay._explain_later(
    p_trade mixpay.trades, p_fact mixpay.fact, p_reason text
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_explain_later$
declare
    v_fact fact := p_fact;
    v_told facts;
begin
    if p_reason is null then
        return p_trade;
    end if;
    select * into v_told from facts as f
    where
        f.merchant_id = p_trade.merchant_id and f.log = 'trade' and f.log_no = p_trade.trade_no
        and f.entity = p_fact.entity and f.number = p_fact.number and f.to_state is not null
        and case
            when p_fact.order_no is not null then f.order_no = p_fact.order_no
            -- Not what came later of one of its orders.
            else f.to_state = p_fact.to_state and (f.order_no is null or f.from_state <> f.to_state)
        end
    order by f.entry desc
    limit 1;
    if v_told.reason is not null then
        return p_trade;
    end if;
    -- What it reversed stands behind it, before what the trade did next in that transaction.
    update refunds as r set reason = p_reason
    from facts as f
    where
        f.merchant_id = p_trade.merchant_id and f.log = 'trade' and f.log_no = p_trade.trade_no
        and f.entry > v_told.entry and (f.epoch, f.xid) = (v_told.epoch, v_told.xid)
        and f.entity = 'refund' and f.from_state = ''
        and r.merchant_id = f.merchant_id and r.refund_no = f.refund_no and r.kind = 'reversal' and r.reason is null
        and not exists (
            select from facts as x
            where
                x.merchant_id = f.merchant_id and x.log = 'trade' and x.log_no = f.log_no
                and x.entry > v_told.entry and x.entry < f.entry and x.entity = 'trade' and x.from_state is not null
        );
    v_fact.reason := p_reason;
    return _post(p_trade, array[v_fact]);
end;
$_explain_later$;

comment on function mixpay._explain_later(mixpay.trades, mixpay.fact, text) is
$$Writes down why something ended whose row bears no reason, if that comes later than the end. The first one stays.

p_fact says what ended, with the state that it is in as both of its states, and of which order, if it is about one of a
trade's. The caller holds the lock of the trade.
$$;
