create function mixpay._plain_refunds(p_merchant_id text, p_refunds jsonb, p_trade_nos jsonb) returns bigint[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_plain_refunds$
begin
    return array(
        select x.i
        from (
            select
                s.i,
                bool_and(
                    s.times = 1 and s.payment_nos is null and s.refund_no_is_free
                    and s.of_order <= s.refundable and s.split_no is null
                ) over (partition by s.trade_no) as is_plain
            from (
                select
                    j.i, j.payment_nos, n.trade_no, l.refundable, l.split_no,
                    -- An order in several trades counts as often, too.
                    count(*) over (partition by j.refund_no) as times,
                    (
                        select true from refunds as r
                        where r.merchant_id = p_merchant_id and r.refund_no = j.refund_no
                        limit 1
                    ) is null as refund_no_is_free,
                    sum(j.amount) over (partition by n.trade_no, j.order_no) as of_order
                from rows from (
                    jsonb_to_recordset(p_refunds) as (
                        order_no text, refund_no text, amount bigint, payment_nos jsonb
                    ),
                    jsonb_array_elements(p_trade_nos)
                ) with ordinality as j (order_no, refund_no, amount, payment_nos, trade_nos, i)
                cross join lateral jsonb_array_elements_text(j.trade_nos) as n (trade_no)
                cross join lateral (
                    select y.paid - y.refunded as refundable, y.split_no from trade_orders as y
                    where y.merchant_id = p_merchant_id and y.order_no = j.order_no and y.trade_no = n.trade_no
                    limit 1
                ) as l
            ) as s
        ) as x
        where x.is_plain
    );
end;
$_plain_refunds$;

comment on function mixpay._plain_refunds(text, jsonb, jsonb) is
$$The places in the JSON of those refunds of refund_orders that refund_order would write without further ado: new ones
of orders that are in one trade, have as much left and no split; if the call has any other refund in the same trade,
none of it.

p_trade_nos are the trades of each refund's order, which the caller has locked; the JSON is checked.
$$;
