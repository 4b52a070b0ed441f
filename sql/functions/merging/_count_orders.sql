create function mixpay._count_orders(p_merchant_id text, p_order_nos text[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_count_orders$
begin
    update trade_orders as l set alone = false
    from (select distinct y.order_no from unnest(p_order_nos) as y (order_no)) as n
    cross join lateral (
        select y.ctid as place from trade_orders as y
        where y.merchant_id = p_merchant_id and y.order_no = n.order_no and y.alone
        offset 0
    ) as x
    where l.ctid = x.place;
    insert into order_totals (merchant_id, order_no, amount, paid, refunded)
    select o.merchant_id, o.order_no, o.amount, l.paid, l.refunded
    from unnest(p_order_nos) as n (order_no)
    cross join lateral (
        select x.* from orders as x
        where x.merchant_id = p_merchant_id and x.order_no = n.order_no limit 1
    ) as o
    cross join lateral (
        select sum(x.paid) as paid, sum(x.refunded) as refunded, count(*) as number from trade_orders as x
        where x.merchant_id = p_merchant_id and x.order_no = n.order_no
    ) as l
    where l.number > 0
    on conflict do nothing;
end;
$_count_orders$;

comment on function mixpay._count_orders(text, text[]) is
$$Gives orders their totals, if they have none yet: because they will stand in several trades, or stand in one with a
part of them, or are paid in part by a line that is not live any more.

The caller has locked the trade of each that is alone there, or has locked the order, and nothing is paid of it.
$$;
