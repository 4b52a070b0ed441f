create function mixpay._split_lines(p_split mixpay.splits, p_trades mixpay.trades[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_split_lines$
declare
    v_row record;
    v_line trade_orders;
    v_fact fact;
    v_facts fact[];
    v_clearing clearing;
    v_all bigint;
    v_cleared bigint;
begin
    for v_row in
        select l.line, t as trade
        from unnest(p_trades) as t
        cross join lateral (
            select x as line, x.nth from trade_orders as x
            where x.merchant_id = t.merchant_id and x.trade_no = t.trade_no and x.order_no = p_split.order_no
            limit 1
        ) as l
        order by l.nth
    loop
        v_line := v_row.line;
        v_fact := _fact(v_row.trade, 'split', p_split.split_no, '', 'agreed', p_order_no => p_split.order_no);
        -- It is said once, in the order's first trade.
        v_facts := case when v_line.nth = 1 then array[v_fact] else '{}' end;
        -- What was the payee's is in escrow again, and from there it is divided.
        v_all := v_line.paid - v_line.refunded;
        v_cleared := v_line.cleared;
        v_facts := v_facts || _clearing_facts(v_fact, _clear_line(v_line, 0, 0, -v_cleared));
        v_line.split_no := p_split.split_no;
        v_line.paid := 0;
        v_line.refunded := 0;
        v_line.cleared := 0;
        v_clearing := case
            when p_split.takes_place = 'payment' then _clear_line(v_line, v_all, 0, v_cleared)
            when v_line.hold then _clear_line(v_line, 0, 0, v_cleared)
            else _clear_line(v_line, v_all, 0, 0)
        end;
        update trade_orders set split_no = p_split.split_no, cleared = v_clearing.cleared
        where
            merchant_id = v_line.merchant_id and trade_no = v_line.trade_no and position = v_line.position;
        perform _post(v_row.trade, v_facts || _clearing_facts(v_fact, v_clearing));
    end loop;
end;
$_split_lines$;

comment on function mixpay._split_lines(mixpay.splits, mixpay.trades[]) is
$$Divides by a new split what is there of its order. p_trades are the order's, locked by the caller.

Locks: the split.
$$;
