create function mixpay._store_completions(
    p_channel_refunds mixpay.channel_refunds[], p_refunds mixpay.refunds[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_store_completions$
begin
    update channel_refunds as c
    set
        state = n.state, reason = n.reason, due_at = n.due_at, channel_txn_no = n.channel_txn_no,
        refunded_at = n.refunded_at
    from unnest(p_channel_refunds) as n
    cross join lateral (
        select x.ctid as place from channel_refunds as x
        where x.merchant_id = n.merchant_id and x.channel_refund_no = n.channel_refund_no
        offset 0
    ) as x
    where c.ctid = x.place;
    update refunds as r
    set succeeded = n.succeeded, state = n.state
    from unnest(p_refunds) as n
    cross join lateral (
        select x.ctid as place from refunds as x
        where x.merchant_id = n.merchant_id and x.refund_no = n.refund_no
        offset 0
    ) as x
    where r.ctid = x.place;
end;
$_store_completions$;

comment on function mixpay._store_completions(mixpay.channel_refunds[], mixpay.refunds[]) is
$$Stores channel refunds of one merchant that have succeeded, and their refunds as they are by that.
$$;
