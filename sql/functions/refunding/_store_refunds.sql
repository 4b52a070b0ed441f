create function mixpay._store_refunds(
    p_merchant_id text, p_refunds mixpay.refunds[], p_channel_refunds mixpay.channel_refunds[],
    p_shares mixpay.refund_share[], p_lines mixpay.trade_orders[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_store_refunds$
declare
    v_stored bigint;
    v_refund refunds;
begin
    with stored as (
        insert into refunds (merchant_id, refund_no, kind, order_no, amount, reason)
        select r.merchant_id, r.refund_no, r.kind, r.order_no, r.amount, r.reason
        from unnest(p_refunds) as r
        order by r.refund_no
        on conflict do nothing
        returning refund_no
    )
    select count(*) into v_stored from stored;
    if v_stored < cardinality(p_refunds) then
        -- The refund of another order got the number meanwhile.
        foreach v_refund in array p_refunds loop
            perform _same_refund(
                r.merchant_id, r.refund_no, v_refund.kind, v_refund.order_no, v_refund.amount,
                json_build_object('kind', v_refund.kind, 'order_no', v_refund.order_no, 'amount', v_refund.amount)
            )
            from refunds as r
            where r.merchant_id = v_refund.merchant_id and r.refund_no = v_refund.refund_no;
        end loop;
        raise exception 'could not serialize access: a number of these refunds has just been used'
            using errcode = 'serialization_failure';
    end if;
    insert into refund_details (merchant_id, refund_no, payment_no, amount)
    select c.merchant_id, c.refund_no, c.payment_no, c.amount from unnest(p_channel_refunds) as c;
    insert into channel_refunds (
        merchant_id, channel_refund_no, refund_no, payment_no, channel, amount, state, reason, not_before, due_at,
        cleared
    )
    select
        c.merchant_id, c.channel_refund_no, c.refund_no, c.payment_no, c.channel, c.amount, c.state, c.reason,
        c.not_before, c.due_at, c.cleared
    from unnest(p_channel_refunds) as c;
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
$_store_refunds$;

comment on function mixpay._store_refunds(
    text, mixpay.refunds[], mixpay.channel_refunds[], mixpay.refund_share[], mixpay.trade_orders[]
) is
$$Stores refunds of orders, what each payment bears of them, and the channel refunds that send it back. p_shares are
what payments bear of all of them, each payment named once, and p_lines the orders' lines as they are by that.

Raises: MX302 if a refund number was used meanwhile.
$$;
