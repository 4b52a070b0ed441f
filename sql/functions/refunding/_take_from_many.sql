create function mixpay._take_from_many(
    p_merchant_id text, p_shares mixpay.refund_share[], p_lines mixpay.trade_orders[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_take_from_many$
begin
    update payments as p
    set refunded = p.refunded + s.amount
    from unnest(p_shares) as s
    cross join lateral (
        select x.ctid as place from payments as x
        where x.merchant_id = p_merchant_id and x.payment_no = s.payment_no
        offset 0
    ) as x
    where p.ctid = x.place;
    update trade_orders as l
    set refunded = n.refunded, cleared = n.cleared
    from unnest(p_lines) as n
    cross join lateral (
        select x.ctid as place from trade_orders as x
        where x.merchant_id = p_merchant_id and x.trade_no = n.trade_no and x.position = n.position
        offset 0
    ) as x
    where l.ctid = x.place;
end;
$_take_from_many$;

comment on function mixpay._take_from_many(text, mixpay.refund_share[], mixpay.trade_orders[]) is
$$Counts as refunded what many payments bear, each of them named once, and stores what their orders' lines are by that.
$$;
