create function mixpay._give_back(
    p_trades mixpay.trades[], p_refund mixpay.refunds, p_channel text default null,
    p_refunded_at timestamptz default null
) returns mixpay.refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_give_back$
declare
    v_lines trade_orders[] := _order_lines(p_refund.merchant_id, p_refund.order_no, _trade_nos(p_trades));
    v_shares refund_share[] := _plan_refund(
        p_refund.merchant_id, p_refund.order_no, v_lines, p_trades[1], p_refund.amount, p_refund.payment_nos,
        p_refund.kind = 'offline'
    );
    v_trade trades;
    v_facts fact[];
begin
    if cardinality(p_trades) = 1 then
        v_facts := array[_refund_fact(p_trades[1], p_refund, '', p_refunded_at)];
        v_trade := _reserve_refund(p_trades[1], v_facts, p_refund, v_shares, p_channel, p_refunded_at, v_lines[1]);
        return p_refund;
    end if;
    -- Trade by trade, in the order in which they are taken from. The refund's own fact goes first.
    for v_trade in
        select t.*
        from unnest(p_trades) as t
        inner join (
            select s.trade_no, min(s.ordinality) as place from unnest(v_shares) with ordinality as s group by s.trade_no
        ) as taken on taken.trade_no = t.trade_no
        order by taken.place
    loop
        if v_facts is null then
            v_facts := array[_refund_fact(v_trade, p_refund, '', p_refunded_at)];
        end if;
        v_trade := _reserve_refund(v_trade, v_facts, p_refund, array(
            select v_shares[i] from generate_subscripts(v_shares, 1) as i
            where (v_shares[i]).trade_no = v_trade.trade_no
            order by i
        ), p_channel, p_refunded_at);
        v_facts := array[]::fact[];
    end loop;
    return p_refund;
end;
$_give_back$;

comment on function mixpay._give_back(mixpay.trades[], mixpay.refunds, text, timestamptz) is
$$Takes a stored refund of an order from the payments of these trades, which the caller has locked, and returns it.

p_channel is where all of it was paid out by hand, at p_refunded_at; null: each part is sent back through its channel.
Raises: MX101; MX103; MX301 if more is asked than is left; MX306 if the named payments hold too little of the order or
are none of its payments; MX313 if vouchers would have to go back as money; MX901.
$$;
