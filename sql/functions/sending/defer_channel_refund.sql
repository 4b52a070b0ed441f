create function mixpay.defer_channel_refund(
    p_merchant_id text, p_channel_refund_no text, p_reason text,
    p_not_before timestamptz default null, p_worker text default null
) returns mixpay.channel_refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $defer_channel_refund$
declare
    v_trade trades;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
begin
    perform _check_text('reason', p_reason);
    perform _check_moment('not_before', p_not_before);
    v_trade := _lock_channel_refund(p_merchant_id, p_channel_refund_no);
    select * into v_was from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    if v_was.state = 'waiting' and (v_was.not_before is null) = (p_not_before is null)
        and not _is_another_moment(v_was.not_before, p_not_before) then
        v_was := _reason_later(v_was, 'channel_refund_no', p_reason);
        return row(v_was.*)::channel_refund;
    end if;
    if v_was.state not in ('waiting', 'pending', 'sent') then
        perform _refuse_channel_refund_news(
            v_was, 'deferred', json_build_object('state', 'waiting', 'not_before', p_not_before, 'reason', p_reason)
        );
    end if;
    if p_not_before is not null and (_check_channel(v_was.channel)).kind = 'offline' then
        raise exception 'no worker sends channel refund %', p_channel_refund_no using
            errcode = 'MX309',
            detail = format('A person hands it out by %s, whenever that is.', v_was.channel),
            hint = 'Leave p_not_before out, or name a channel that sends it with redirect_channel_refund.';
    end if;
    perform _check_lease(v_was, p_worker);
    update channel_refunds
    set state = 'waiting', reason = p_reason, not_before = p_not_before, due_at = p_not_before
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    perform _move_channel_refund(v_trade, v_channel_refund, v_was.state, '{}', 0, 0);
    return row(v_channel_refund.*)::channel_refund;
end;
$defer_channel_refund$;

comment on function mixpay.defer_channel_refund(text, text, text, timestamptz, text) is
$$Leaves a channel refund that was not sent to a person, or to a later moment. The amount stays reserved.

p_not_before is when a worker may claim it again. Null means never: a person sends it, and then completes or fails it.
The same call again changes nothing; the reason may come later. If it may have been sent, use doubt_channel_refund.
p_worker is who claimed it; it is needed if it was claimed more than once.
Locks: the trade, then the refund.
Raises: MX101 if there is no such merchant; MX303 if there is no such channel refund; MX304 if it has ended or is in
doubt; MX305 if the lease is over or another worker has claimed it since; MX309 if a person hands it out and a moment is
named; MX321 if a return or a chargeback took it; MX901; MX905.
$$;
