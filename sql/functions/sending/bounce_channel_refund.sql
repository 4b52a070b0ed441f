create function mixpay.bounce_channel_refund(
    p_merchant_id text, p_channel_refund_no text, p_reason text
) returns mixpay.channel_refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $bounce_channel_refund$
declare
    v_trade trades;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
begin
    perform _check_text('reason', p_reason);
    perform _lock_orders_of_loss(p_merchant_id, p_channel_refund_no);
    v_trade := _lock_channel_refund(p_merchant_id, p_channel_refund_no);
    select * into v_was from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    if v_was.state <> 'succeeded' then
        -- One that bounced and was redirected since has failed, but keeps the moment of its success.
        if v_was.state not in ('bounced', 'failed') or v_was.refunded_at is null then
            perform _refuse_channel_refund_news(
                v_was, 'bounced', json_build_object('state', 'bounced', 'reason', p_reason)
            );
        end if;
        v_was := _reason_later(v_was, 'channel_refund_no', p_reason);
        return row(v_was.*)::channel_refund;
    end if;
    update channel_refunds set state = 'bounced', reason = p_reason
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    perform _move_channel_refund(
        v_trade, v_channel_refund, v_was.state, array['channel', 'refund', 'home'], -v_was.amount, v_was.amount
    );
    return row(v_channel_refund.*)::channel_refund;
end;
$bounce_channel_refund$;

comment on function mixpay.bounce_channel_refund(text, text, text) is
$$Books that the money of a channel refund that had succeeded came back, for example from a closed account. The amount
is freed: it may be refunded again, or sent another way with redirect_channel_refund. A channel refund that has bounced
stays as it is; the reason may come later.
Locks: the orders of the trade, in ascending order number, if a return of the payment lost some of it; the trade, then
the refund, then the order's split, then its totals.
Raises: MX101 if there is no such merchant; MX303 if there is no such channel refund; MX304 if it has not succeeded;
MX321 if a return or a chargeback took it; MX901; MX905.
$$;
