create function mixpay._plan_refund(
    p_merchant_id text, p_order_no text, p_amount bigint, p_payment_nos text[], p_trade_nos text[],
    p_offline_first boolean
) returns setof mixpay.refund_share
language plpgsql stable
set search_path = mixpay, pg_temp
as $_plan_refund$
declare
    v_order record;
    v_line record;
    v_stranger text;
    v_offline boolean;
    v_named record;
    v_taken bigint;
    v_taken_of_trades jsonb := '{}'::jsonb;
    v_share refund_share;
    v_left bigint := p_amount;
begin
    select sum(paid) as paid, sum(refunded) as refunded into v_order
    from trade_orders
    where merchant_id = p_merchant_id and order_no = p_order_no and (p_trade_nos is null or trade_no = any (p_trade_nos));
    if v_order.paid is null then
        perform _check_order(p_merchant_id, p_order_no);
    end if;
    if p_amount > v_order.paid - v_order.refunded then
        raise exception 'cannot refund % of order %', p_amount, p_order_no using
            errcode = 'MX301',
            detail = format('%s is paid and %s is already refunded: %s is left.',
                v_order.paid, v_order.refunded, v_order.paid - v_order.refunded),
            hint = 'Refund at most what is left. See mixpay.order_balances.';
    end if;
    select n.payment_no into v_stranger
    from unnest(p_payment_nos) as n (payment_no)
    where not exists (
        select from payments as p
        inner join trade_orders as l on l.merchant_id = p.merchant_id and l.trade_no = p.trade_no
        where p.merchant_id = p_merchant_id and p.payment_no = n.payment_no and l.order_no = p_order_no
    )
    limit 1;
    if found then
        raise exception 'payment % is none of order %', v_stranger, p_order_no using
            errcode = 'MX306',
            detail = 'No trade of the order has a payment of this number.',
            hint = 'Name payments of the order''s trades. See mixpay.payment_balances.';
    end if;
    v_share.order_no := p_order_no;
    if p_payment_nos is not null then
        for v_named in
            select
                p.payment_no, p.channel, p.paid_at, p.seq, p.trade_no,
                p.applied - (p.refunded - p.surplus_refunded) as held, l.paid - l.refunded as refundable
            from unnest(p_payment_nos) with ordinality as n (payment_no, i)
            inner join payments as p on p.merchant_id = p_merchant_id and p.payment_no = n.payment_no
            inner join trade_orders as l
                on l.merchant_id = p.merchant_id and l.trade_no = p.trade_no and l.order_no = p_order_no
            where not p.spent and (p_trade_nos is null or p.trade_no = any(p_trade_nos))
            order by n.i
        loop
            -- In each trade not more than the order has left there.
            v_taken := coalesce((v_taken_of_trades ->> v_named.trade_no)::bigint, 0);
            v_share.amount := least(v_left, v_named.held, v_named.refundable - v_taken);
            continue when v_share.amount = 0;
            v_share.payment_no := v_named.payment_no;
            v_share.trade_no := v_named.trade_no;
            v_share.channel := v_named.channel;
            v_share.paid_at := v_named.paid_at;
            v_share.seq := v_named.seq;
            v_share.held := v_named.held;
            return next v_share;
            v_taken_of_trades := v_taken_of_trades || jsonb_build_object(v_named.trade_no, v_taken + v_share.amount);
            v_left := v_left - v_share.amount;
            exit when v_left = 0;
        end loop;
        if v_left > 0 then
            raise exception 'the named payments hold too little of order %', p_order_no using
                errcode = 'MX306',
                detail = format('%s is asked, and %s of it cannot be taken from %s.',
                    p_amount, v_left, left(array_to_string(p_payment_nos, ', '), 200)),
                hint = 'Name more payments of the order''s trades, or none: then the oldest money is taken first.';
        end if;
        return;
    end if;
    -- The order's first trade first; within a trade the oldest money first, whichever order it once paid. What was paid
    -- out by hand is borne by what came in by hand first, in all trades.
    foreach v_offline in array case when p_offline_first then array[true, false] else array[null::boolean] end loop
        for v_line in
            select l.trade_no, l.paid - l.refunded as refundable
            from trade_orders as l
            where
                l.merchant_id = p_merchant_id and l.order_no = p_order_no and l.paid > l.refunded
                and (p_trade_nos is null or l.trade_no = any(p_trade_nos))
            order by l.nth
        loop
            v_taken := coalesce((v_taken_of_trades ->> v_line.trade_no)::bigint, 0);
            continue when v_line.refundable = v_taken;
            for v_share in
                select * from _take_oldest(
                    p_merchant_id, v_line.trade_no, least(v_left, v_line.refundable - v_taken), v_offline
                )
            loop
                v_share.order_no := p_order_no;
                return next v_share;
                v_taken := v_taken + v_share.amount;
                v_left := v_left - v_share.amount;
            end loop;
            exit when v_left = 0;
            v_taken_of_trades := v_taken_of_trades || jsonb_build_object(v_line.trade_no, v_taken);
        end loop;
        exit when v_left = 0;
    end loop;
end;
$_plan_refund$;

comment on function mixpay._plan_refund(text, text, bigint, text[], text[], boolean) is $$
Which payments a refund takes from, and how much of each: first in, first out, or the payments named, in that order;
with p_offline_first the payments of offline channels before all others.

p_trade_nos are the trades that the caller has locked: one that the order got since then holds money that others may be
taking; null when nothing is locked because nothing will be written. Reads only the payments that it takes from.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX301 if more is asked than is left;
MX306 if the named payments hold too little of the order or are none of its payments; MX901.
$$;
