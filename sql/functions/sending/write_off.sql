create function mixpay.write_off(
    p_merchant_id text, p_channel_refund_no text, p_reason text
) returns mixpay.channel_refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $write_off$
declare
    v_trade trades;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
begin
    perform _check_text('reason', p_reason);
    v_trade := _lock_channel_refund(p_merchant_id, p_channel_refund_no);
    select * into v_was from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    if v_was.state = 'written_off' then
        v_was := _reason_later(v_was, 'channel_refund_no', p_reason);
        return row(v_was.*)::channel_refund;
    end if;
    if v_was.state = 'succeeded' and exists (
        select from facts as f
        where
            f.merchant_id = p_merchant_id and f.log = 'trade' and f.log_no = v_trade.trade_no
            and f.channel_refund_no = p_channel_refund_no and f.to_state = 'written_off'
    ) then
        -- It was handed over after all.
        return row(v_was.*)::channel_refund;
    end if;
    if v_was.state not in ('waiting', 'pending') then
        perform _refuse_channel_refund_news(
            v_was, 'written off', json_build_object('state', 'written_off', 'reason', p_reason)
        );
    end if;
    update channel_refunds
    set state = 'written_off', reason = p_reason, due_at = null
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    perform _move_channel_refund(
        v_trade, v_channel_refund, v_was.state, array['refund', 'rounding'], v_was.amount, 0
    );
    return row(v_channel_refund.*)::channel_refund;
end;
$write_off$;

comment on function mixpay.write_off(text, text, text) is
$$Books that the money of a channel refund will never be handed over, for example 0.02 that a till cannot pay out. The
channel refund leaves the work lists for good, and the money moves to the account rounding of its channel.

Only a channel refund that nobody has sent can be written off: one that is waiting or pending. It counts as gone back,
so nothing of it may be refunded again, and its refund may succeed by that. If it is handed over after all,
complete_channel_refund books that, and takes it out of rounding. What is written off already, or was handed over since,
stays as it is; the reason is not compared, and may come later.
Locks: the trade, then the refund.
Raises: MX101 if there is no such merchant; MX303 if there is no such channel refund; MX304 if it is sent, in doubt or
has ended; MX321 if a return or a chargeback took it; MX901; MX905.
$$;
