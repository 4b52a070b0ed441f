create function mixpay._learn_of_parts(
    p_trades mixpay.trades[], p_refund_nos text[], p_was timestamptz, p_moment timestamptz,
    p_came_back boolean default false
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_learn_of_parts$
declare
    v_trade trades;
    v_part record;
    v_fact fact;
    v_facts fact[];
begin
    foreach v_trade in array p_trades loop
        v_facts := array[]::fact[];
        for v_part in
            select c.channel_refund, r.order_no
            from unnest(p_refund_nos) as n (refund_no)
            cross join lateral (
                select x.order_no from refunds as x
                where x.merchant_id = v_trade.merchant_id and x.refund_no = n.refund_no
                limit 1
            ) as r
            cross join lateral (
                select x as channel_refund, x.channel_refund_no, x.payment_no from channel_refunds as x
                where
                    x.merchant_id = v_trade.merchant_id and x.refund_no = n.refund_no
                    and case when p_came_back then coalesce(x.bounced_at, x.refunded_at) else x.refunded_at end = p_was
                offset 0
            ) as c
            where v_trade.trade_no = (
                select p.trade_no from payments as p
                where p.merchant_id = v_trade.merchant_id and p.payment_no = c.payment_no
            )
            order by c.channel_refund_no
        loop
            update channel_refunds
            set
                refunded_at = case when p_came_back and bounced_at is not null then refunded_at else p_moment end,
                bounced_at = case when p_came_back and bounced_at is not null then p_moment else bounced_at end
            where
                merchant_id = v_trade.merchant_id
                and channel_refund_no = (v_part.channel_refund).channel_refund_no;
            v_fact := _channel_refund_fact(
                v_trade, v_part.channel_refund, (v_part.channel_refund).state, (v_part.channel_refund).state,
                v_part.order_no
            );
            v_fact.reason := 'its moment came later';
            v_fact.happened_at := p_moment;
            v_facts := v_facts || v_fact;
        end loop;
        if v_facts <> '{}' then
            perform _post(v_trade, v_facts);
        end if;
    end loop;
end;
$_learn_of_parts$;

comment on function mixpay._learn_of_parts(
    mixpay.trades[], text[], timestamptz, timestamptz, boolean
) is
$$Writes down when the parts of some refunds were sent that were booked as sent at once, at a moment that was assumed.

p_came_back: of those that came back then, when they did; and of what was taken anew then, because a part cannot come
back in parts, when it was taken. The caller holds the locks of the trades.
$$;
