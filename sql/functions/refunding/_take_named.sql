create function mixpay._take_named(
    p_merchant_id text, p_order_no text, p_amount bigint, p_payment_nos text[], p_lines mixpay.trade_orders[]
) returns mixpay.refund_share[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_take_named$
declare
    v_stranger text;
    v_named record;
    v_taken jsonb := '{}'::jsonb;
    v_taken_of_trade bigint;
    v_left bigint := p_amount;
    v_share refund_share;
    v_shares refund_share[] := array[]::refund_share[];
begin
    select n.payment_no into v_stranger
    from unnest(p_payment_nos) as n (payment_no)
    where (
        select p.trade_no from payments as p
        where p.merchant_id = p_merchant_id and p.payment_no = n.payment_no
        limit 1
    ) in (
        select l.trade_no from trade_orders as l where l.merchant_id = p_merchant_id and l.order_no = p_order_no
    ) is not true
    limit 1;
    if found then
        raise exception 'payment % is none of order %', v_stranger, p_order_no using
            errcode = 'MX306',
            detail = 'No trade of the order has a payment of this number.',
            hint = 'Name payments of the order''s trades. See mixpay.payment_balances.';
    end if;
    for v_named in
        select
            row(
                p.payment_no, null, p.trade_no, p_order_no, p.channel, p.paid_at, p.seq,
                p.applied - (p.refunded - p.surplus_refunded)
            )::refund_share as share, l.paid - l.refunded as of_order
        from unnest(p_payment_nos) with ordinality as n (payment_no, i)
        cross join lateral (
            select * from payments as x
            where x.merchant_id = p_merchant_id and x.payment_no = n.payment_no
            limit 1
        ) as p
        inner join unnest(p_lines) as l on l.trade_no = p.trade_no
        where not p.spent
        order by n.i
    loop
        -- In each trade not more than the order has left there.
        v_share := v_named.share;
        v_taken_of_trade := coalesce((v_taken ->> v_share.trade_no)::bigint, 0);
        v_share.amount := least(v_left, v_share.refundable, v_named.of_order - v_taken_of_trade);
        continue when v_share.amount = 0;
        v_shares := v_shares || v_share;
        v_taken := v_taken || jsonb_build_object(v_share.trade_no, v_taken_of_trade + v_share.amount);
        v_left := v_left - v_share.amount;
        exit when v_left = 0;
    end loop;
    if v_left > 0 then
        raise exception 'the named payments hold too little of order %', p_order_no using
            errcode = 'MX306',
            detail = format('%s is asked, and %s of it cannot be taken from %s.',
                p_amount, v_left, _shown(array_to_string(p_payment_nos, ', '))),
            hint = 'Name more payments of the order''s trades, or none: then the oldest money is taken first.';
    end if;
    return v_shares;
end;
$_take_named$;

comment on function mixpay._take_named(text, text, bigint, text[], mixpay.trade_orders[]) is
$$What a refund takes of the payments that an operator named, in that order. p_lines are the order's.

Raises: MX306 if they have too little of the order or are none of its payments.
$$;
