create function mixpay._divide(p_trade mixpay.trades, p_amount bigint) returns setof mixpay.line_share
language plpgsql stable
set search_path = mixpay, pg_temp
as $_divide$
declare
    v_rest bigint := p_amount;
    v_lines refcursor;
    v_share line_share;
begin
    if p_trade.allocation = 'fifo' then
        -- A cursor, so that the lines are read in the order of their key as far as the money reaches, and not sorted.
        open v_lines for
        select position, order_no, amount - paid from trade_orders
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live and paid < amount
        order by position;
        while v_rest > 0 loop
            fetch v_lines into v_share.position, v_share.order_no, v_share.share;
            v_share.share := least(v_rest, v_share.share);
            return next v_share;
            v_rest := v_rest - v_share.share;
        end loop;
        close v_lines;
        return;
    end if;
    return query
    select s.position, s.order_no, s.share
    from (
        select
            array_agg(position order by position) as positions, array_agg(order_no order by position) as order_nos,
            array_agg(amount - paid order by position) as lacking
        from trade_orders
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live and paid < amount
    ) as l
    cross join unnest(l.positions, l.order_nos, _apportion(p_amount, l.lacking)) as s (position, order_no, share)
    where s.share > 0
    order by s.position;
end;
$_divide$;

comment on function mixpay._divide(mixpay.trades, bigint) is $$
Divides an amount among the trade's live lines, as the trade's allocation says: in their order, each what it lacks
(fifo), or by what each still lacks, by largest remainder, ties by position (pro_rata).

p_amount is in the smallest unit, at most what the trade lacks. A line that gets nothing has no row.
$$;
