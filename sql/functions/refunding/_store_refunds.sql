create function mixpay._store_refunds(
    p_refunds mixpay.refunds[], p_channel_refunds mixpay.channel_refunds[]
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
end;
$_store_refunds$;

comment on function mixpay._store_refunds(mixpay.refunds[], mixpay.channel_refunds[]) is
$$Stores refunds of orders, what each payment bears of them, and the channel refunds that send it back.

Raises: MX302 if a refund number was used meanwhile.
$$;
