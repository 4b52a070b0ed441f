create function mixpay._store_completions(
    p_channel_refunds mixpay.channel_refunds[], p_refunds mixpay.refunds[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
-- Only a hash of what is stored is never slow, whatever the planner believes of the tables.
set enable_nestloop = off set enable_mergejoin = off set jit = off
as $_store_completions$
begin
    update channel_refunds as c
    set
        state = n.state, reason = n.reason, due_at = n.due_at, channel_txn_no = n.channel_txn_no,
        refunded_at = n.refunded_at
    from unnest(p_channel_refunds) as n
    where
        c.merchant_id = p_channel_refunds[1].merchant_id and c.channel_refund_no = n.channel_refund_no
        and c.channel_refund_no = any (array(select x.channel_refund_no from unnest(p_channel_refunds) as x));
    update refunds as r
    set succeeded = n.succeeded, state = n.state
    from unnest(p_refunds) as n
    where
        r.merchant_id = p_channel_refunds[1].merchant_id and r.refund_no = n.refund_no
        and r.refund_no = any (array(select x.refund_no from unnest(p_refunds) as x));
end;
$_store_completions$;

comment on function mixpay._store_completions(mixpay.channel_refunds[], mixpay.refunds[]) is
$$Stores channel refunds of one merchant that have succeeded, and their refunds as they are by that.
$$;
