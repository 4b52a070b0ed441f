create function mixpay.doubt_channel_refund(
    p_merchant_id text, p_channel_refund_no text, p_reason text, p_worker text default null,
    p_retry_after interval default null
) returns mixpay.channel_refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $doubt_channel_refund$
declare
    v_trade trades;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
begin
    perform _check_text('reason', p_reason);
    if extract(epoch from p_retry_after) not between 0 and 86400 then
        raise exception 'the back-off is out of bounds' using
            errcode = 'MX905',
            detail = format('It is %s.', p_retry_after),
            hint = 'Try again within a day, or leave it out.';
    end if;
    v_trade := _lock_channel_refund(p_merchant_id, p_channel_refund_no);
    select * into v_was from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    if v_was.state = 'doubt' then
        v_was := _reason_later(v_was, 'channel_refund_no', p_reason);
        return row(v_was.*)::channel_refund;
    end if;
    if v_was.state not in ('pending', 'sent') then
        perform _refuse_channel_refund_news(
            v_was, 'in doubt', json_build_object('state', 'doubt', 'reason', p_reason)
        );
    end if;
    perform _check_lease(v_was, p_worker);
    update channel_refunds
    set
        state = 'doubt', reason = p_reason,
        -- Who sent it without a claim sent it: the next one asks first.
        attempts = greatest(attempts, 1), sent_at = coalesce(sent_at, now()),
        due_at = now() + coalesce(
            make_interval(secs => extract(epoch from p_retry_after)::double precision),
            least(interval '10 seconds' * 2 ^ (least(greatest(attempts, 1), 20) - 1), interval '1 hour')
        )
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    perform _move_channel_refund(v_trade, v_channel_refund, v_was.state, '{}', 0, 0);
    return row(v_channel_refund.*)::channel_refund;
end;
$doubt_channel_refund$;

comment on function mixpay.doubt_channel_refund(text, text, text, text, interval) is
$$Books that nobody knows whether a channel sent the money: a time-out, a lost answer. The amount stays reserved.

It may be claimed again after a back-off. Then the worker asks the channel about it, or sends it again, under the same
number. p_retry_after is that back-off, at most a day; if left out, it is 10 seconds after the first attempt, twice as
long after each further one, at most an hour. If it is in doubt already, it stays as it is; the reason may come later.
p_worker is who claimed it; it is needed if it was claimed more than once. A call after the lease, or by another worker,
is refused: the refund will be claimed again, and its number keeps the channel from sending twice.
Locks: the trade, then the refund.
Raises: MX101 if there is no such merchant; MX303 if there is no such channel refund; MX304 if it has ended or waits for
a person; MX305 if the lease is over or another worker has claimed it since; MX321 if a return or a chargeback took it;
MX901; MX905.
$$;
