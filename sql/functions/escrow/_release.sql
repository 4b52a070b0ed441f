create function mixpay._release(p_release mixpay.releases, p_trades mixpay.trades[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_release$
declare
    v_line record;
    v_trade trades;
    v_fact fact;
    v_facts fact[];
    v_clearing clearing;
    v_left bigint := p_release.amount;
    v_part bigint;
begin
    for v_line in
        select l.stored, t as trade, l.in_escrow
        from unnest(p_trades) as t
        cross join lateral (
            select x as stored, x.nth, x.paid - x.refunded - x.cleared as in_escrow from trade_orders as x
            where x.merchant_id = t.merchant_id and x.trade_no = t.trade_no and x.order_no = p_release.order_no
            limit 1
        ) as l
        where l.in_escrow > 0
        order by l.nth
    loop
        v_trade := v_line.trade;
        v_fact := _fact(v_trade, 'release', p_release.release_no, '', 'released', p_order_no => p_release.order_no);
        -- It is said once, in the first trade that it takes from.
        v_facts := case when v_facts is null then array[v_fact] else '{}' end;
        v_part := least(v_left, v_line.in_escrow);
        v_clearing := _clear_line(v_line.stored, 0, 0, v_part);
        update trade_orders set cleared = cleared + v_clearing.cleared
        where
            merchant_id = v_trade.merchant_id and trade_no = v_trade.trade_no
            and position = (v_line.stored).position;
        v_trade := _post(v_trade, v_facts || _clearing_facts(v_fact, v_clearing));
        v_left := v_left - v_part;
        exit when v_left = 0;
    end loop;
end;
$_release$;

comment on function mixpay._release(mixpay.releases, mixpay.trades[]) is
$$Moves what a stored release releases, the order's first trade first.

p_trades are the order's, locked by the caller, who knows that as much is in escrow.
Locks: the order's split.
$$;
