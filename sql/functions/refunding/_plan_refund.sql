create function mixpay._plan_refund(
    p_merchant_id text, p_order_no text, p_lines mixpay.trade_orders[], p_trade mixpay.trades, p_amount bigint,
    p_payment_nos text[], p_offline_first boolean
) returns mixpay.refund_share[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_plan_refund$
declare
    v_lines trade_orders[] := p_lines;
    v_line trade_orders;
    v_trade trades := p_trade;
    v_paid bigint := 0;
    v_refunded bigint := 0;
    v_left bigint := p_amount;
    v_offline boolean;
    v_share refund_share;
    v_shares refund_share[] := array[]::refund_share[];
begin
    foreach v_line in array v_lines loop
        v_paid := v_paid + v_line.paid;
        v_refunded := v_refunded + v_line.refunded;
    end loop;
    if p_amount > v_paid - v_refunded then
        raise exception 'cannot refund % of order %', p_amount, p_order_no using
            errcode = 'MX301',
            detail = format('%s is paid and %s is already refunded: %s is left.',
                v_paid, v_refunded, v_paid - v_refunded),
            hint = 'Refund at most what is left. See mixpay.order_balances.';
    end if;
    if p_payment_nos is not null then
        return _take_named(p_merchant_id, p_order_no, p_amount, p_payment_nos, v_lines);
    end if;
    -- The order's first trade first; within a trade the oldest money first, whichever order it once paid. What was paid
    -- out by hand is borne by what came in by hand first, in all trades.
    foreach v_offline in array case when p_offline_first then array[true, false] else array[null::boolean] end loop
        for i in 1 .. cardinality(v_lines) loop
            v_line := v_lines[i];
            continue when v_line.paid = v_line.refunded;
            if v_trade.trade_no is distinct from v_line.trade_no then
                select * into v_trade from trades where merchant_id = p_merchant_id and trade_no = v_line.trade_no;
            end if;
            foreach v_share in array _take_oldest(
                v_trade, least(v_left, v_line.paid - v_line.refunded), v_offline
            ) loop
                v_share.order_no := p_order_no;
                v_shares := v_shares || v_share;
                v_left := v_left - v_share.amount;
                v_line.refunded := v_line.refunded + v_share.amount;
            end loop;
            if v_left = 0 then
                return v_shares;
            end if;
            v_lines[i] := v_line;
        end loop;
    end loop;
    if v_left > 0 then
        raise exception 'of order %, less than that may go back as money', p_order_no using
            errcode = 'MX313',
            detail = format('%s is asked and %s can be handed out: the rest of what is left was paid with vouchers.',
                p_amount, p_amount - v_left),
            hint = 'Give vouchers back with refund_order, or say refund_to_money of their channel.';
    end if;
    return v_shares;
end;
$_plan_refund$;

comment on function mixpay._plan_refund(
    text, text, mixpay.trade_orders[], mixpay.trades, bigint, text[], boolean
) is
$$Which payments a refund takes from, and how much of each: first in, first out, or the payments named, in that order;
with p_offline_first the payments of offline channels before all others, and none that may not go back as money.

p_lines are the order's; p_trade is the trade of one of them, if it has been read. Reads only the payments that it takes
from.
Raises: MX301 if more is asked than is left; MX306 if the named payments have too little of the order or are none of its
payments; MX313 if vouchers would have to go back as money.
$$;
