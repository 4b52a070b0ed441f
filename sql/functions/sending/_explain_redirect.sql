create function mixpay._explain_redirect(
    p_trade mixpay.trades, p_was mixpay.channel_refunds, p_successor mixpay.channel_refunds, p_reason text
) returns mixpay.channel_refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_explain_redirect$
declare
    v_successor channel_refunds := p_successor;
    v_fact fact := _channel_refund_fact(p_trade, p_was, 'failed', 'failed');
    v_why text := format('goes on as %s: ', p_successor.channel_refund_no);
    v_has_ended boolean;
    v_is_told boolean;
begin
    if p_reason is null then
        return p_successor;
    end if;
    -- What the redirect itself ended moved no money, and failed when its successor was made.
    select
        bool_or(x.is_end),
        bool_or(coalesce((x.is_end and x.reason is not null) or starts_with(x.reason, v_why), false))
    into v_has_ended, v_is_told
    from (
        select
            f.reason,
            f.from_state <> 'failed' and f.amount is null and f.created_at = p_successor.created_at as is_end
        from facts as f
        where
            f.merchant_id = p_trade.merchant_id and f.log = 'trade' and f.log_no = p_trade.trade_no
            and f.channel_refund_no = p_was.channel_refund_no and f.to_state = 'failed'
    ) as x;
    if v_is_told then
        return p_successor;
    end if;
    if v_has_ended then
        perform _reason_later(p_was, 'channel_refund_no', p_reason);
    end if;
    -- What it bears once it was sent is said of that.
    update channel_refunds set reason = concat_ws('; ', reason, p_reason)
    where
        merchant_id = p_successor.merchant_id and channel_refund_no = p_successor.channel_refund_no
        and state in ('waiting', 'pending') and attempts = 0
    returning * into v_successor;
    select order_no into v_fact.order_no from refunds
    where merchant_id = p_was.merchant_id and refund_no = p_was.refund_no;
    v_fact.reason := v_why || p_reason;
    perform _post(p_trade, array[v_fact]);
    return case when v_successor.channel_refund_no is null then p_successor else v_successor end;
end;
$_explain_redirect$;

comment on function mixpay._explain_redirect(
    mixpay.trades, mixpay.channel_refunds, mixpay.channel_refunds, text
) is
$$Writes down why a channel refund goes another way, if that comes later than the redirect; the first reason stays.
Returns the successor, which bears it, too, unless it has been sent.

The caller holds the lock of the trade and the refund.
$$;
