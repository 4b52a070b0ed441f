create function mixpay.fail_channel_refund(
    p_merchant_id text, p_channel_refund_no text, p_reason text, p_worker text default null
) returns mixpay.channel_refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $fail_channel_refund$
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
    if v_was.state = 'failed' then
        v_was := _reason_later(v_was, 'channel_refund_no', p_reason);
        return row(v_was.*)::channel_refund;
    end if;
    if v_was.state in ('succeeded', 'bounced', 'written_off') then
        perform _refuse_channel_refund_news(
            v_was, 'failed', json_build_object('state', 'failed', 'reason', p_reason)
        );
    end if;
    perform _check_lease(v_was, p_worker);
    update channel_refunds
    set state = 'failed', reason = p_reason, due_at = null
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    perform _move_channel_refund(
        v_trade, v_channel_refund, v_was.state, array['refund', 'home'], 0, v_was.amount
    );
    return row(v_channel_refund.*)::channel_refund;
end;
$fail_channel_refund$;

comment on function mixpay.fail_channel_refund(text, text, text, text) is
$$Books that a channel certainly did not send the money of a channel refund: the amount is freed and may be refunded
again. A time-out is no failure: use doubt_channel_refund. A channel refund that has failed stays as it is; the reason
may come later.

p_worker is who claimed it; it is needed if it was claimed more than once. A call after the lease, or by another worker,
is refused: the refund will be claimed again, and its number keeps the channel from sending twice.
Locks: the orders of the trade, in ascending order number, if a return of the payment lost some of it; the trade, then
the refund, then the order's split, then its totals.
Raises: MX101 if there is no such merchant; MX303 if there is no such channel refund; MX304 if it has succeeded
or is written off; MX305 if the lease is over or another worker has claimed it since; MX321 if a return or a chargeback
took it; MX901; MX905.
$$;
