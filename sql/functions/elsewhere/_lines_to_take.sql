create function mixpay._lines_to_take(p_trade mixpay.trades, p_amount bigint, p_order_no text) returns bigint[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_lines_to_take$
begin
    if p_trade.allocation = 'pro_rata' and p_order_no is null then
        return _apportion(p_amount, array(
            select l.paid - l.refunded from trade_orders as l
            where l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no
            order by l.position
        ));
    end if;
    return array(
        select greatest(0, least(l.refundable, p_amount - (sum(l.refundable) over last_first - l.refundable)))::bigint
        from (
            select
                x.position,
                case when p_order_no is null or x.order_no = p_order_no then x.paid - x.refunded else 0 end
                    as refundable
            from trade_orders as x
            where x.merchant_id = p_trade.merchant_id and x.trade_no = p_trade.trade_no
        ) as l
        window last_first as (order by l.position desc rows unbounded preceding)
        order by l.position
    );
end;
$_lines_to_take$;

comment on function mixpay._lines_to_take(mixpay.trades, bigint, text) is
$$What each line of a trade, by position, loses of an amount that is taken back: in reverse of how money fills them. The
last line that has money is taken from first (fifo), or all by what they have, by largest remainder (pro_rata); or only
the line of p_order_no. Less than the amount if they have less.

In the smallest unit. p_trade is the locked trade.
$$;
