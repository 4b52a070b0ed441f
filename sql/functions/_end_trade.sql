create function mixpay._end_trade(p_trade mixpay.trades, p_reason text, p_keep_paid boolean) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_end_trade$
declare
    v_trade trades;
    v_closed text[];
    v_positions bigint[];
    v_amounts bigint[];
begin
    with closed as (
        update payments set state = 'closed'
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and state = 'pending'
        returning payment_no
    )
    select array_agg(c.payment_no order by c.payment_no) into v_closed from closed as c;
    update trade_orders set live = false
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live;
    insert into facts (merchant_id, trade_no, entry, entity, payment_no, from_state, to_state, reason, happened_at)
    select
        p_trade.merchant_id, p_trade.trade_no, p_trade.last_entry + 1, 'trade', null,
        p_trade.state, 'closed', p_reason, now()
    union all
    select
        p_trade.merchant_id, p_trade.trade_no, p_trade.last_entry + 1 + u.i, 'payment', u.payment_no,
        'pending', 'closed', p_reason, now()
    from unnest(v_closed) with ordinality as u (payment_no, i);
    update trades
    set state = 'closed', kept = p_keep_paid, last_entry = last_entry + 1 + coalesce(cardinality(v_closed), 0)
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no
    returning * into v_trade;
    if p_keep_paid or v_trade.paid = v_trade.refunded then
        return v_trade;
    end if;
    select array_agg(position order by position), array_agg(paid - refunded order by position)
    into v_positions, v_amounts
    from trade_orders
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and paid > refunded;
    perform _reverse(v_trade, v_positions, v_amounts, p_reason);
    select * into v_trade from trades where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    return v_trade;
end;
$_end_trade$;

comment on function mixpay._end_trade(mixpay.trades, text, boolean) is $$
Closes a trade and its pending attempts; its paid money goes back, or stays on its orders with p_keep_paid.

p_trade is the locked trade as it is. Returns it as it is then.
$$;
