create function mixpay.resolve_anomaly(
    p_merchant_id text, p_channel_refund_no text, p_resolution text, p_reason text, p_nth bigint default null,
    p_recovered_at timestamptz default null
) returns mixpay.anomaly_resolutions
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $resolve_anomaly$
declare
    v_trade trades;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
    v_anomaly anomalies;
    v_resolution anomaly_resolutions;
    v_count bigint;
    v_nth bigint;
begin
    perform _check_text('reason', p_reason);
    perform _check_choice('resolution', p_resolution, array['booked', 'recovered', 'written_off']);
    perform _check_past('recovered_at', p_recovered_at);
    v_trade := _lock_channel_refund(p_merchant_id, p_channel_refund_no);
    select count(*), min(nth) into v_count, v_nth from anomalies
    where
        merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no and nth = coalesce(p_nth, nth);
    if v_count = 0 then
        raise exception 'channel refund % is no anomaly', p_channel_refund_no using
            errcode = 'MX310',
            detail = format('Its money did not move after its amount was given away%s.',
                ', by transfer ' || p_nth),
            hint = 'See mixpay.anomaly_list.';
    elsif v_count > 1 then
        raise exception 'channel refund % was an anomaly more than once', p_channel_refund_no using
            errcode = 'MX314',
            detail = format('%s of its transfers were sent after its amount was given away.', v_count),
            hint = 'Say which one is resolved, by p_nth. See mixpay.transfer_list.';
    end if;
    select * into v_anomaly from anomalies
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no and nth = v_nth;
    select * into v_resolution from anomaly_resolutions
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no and nth = v_nth;
    if p_recovered_at is not null and p_resolution <> 'recovered'
        and coalesce(v_resolution.resolution, p_resolution) = p_resolution then
        raise exception 'only what was recovered came back' using
            errcode = 'MX905',
            detail = format('The resolution is %s, and recovered_at %s.', p_resolution, p_recovered_at),
            hint = 'Leave recovered_at out, or resolve it as recovered.';
    end if;
    select * into v_was from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    if v_resolution.nth is not null or p_resolution <> 'booked' then
        return _end_anomaly(v_trade, v_was, v_anomaly, p_resolution, p_reason, p_recovered_at);
    elsif not _is_still_free(v_trade, v_was) then
        raise exception 'the amount of channel refund % was given to others', p_channel_refund_no using
            errcode = 'MX301',
            detail = format('%s is to be booked, and payment and order hold less of it that is not refunded.',
                v_was.amount),
            hint = 'Get the money back (recovered), or bear it (written_off).';
    end if;
    perform _keep_transfer(v_was);
    update channel_refunds
    set
        state = 'succeeded', reason = p_reason, channel_txn_no = v_anomaly.channel_txn_no,
        refunded_at = v_anomaly.happened_at, nth = v_nth, bounced_at = null
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    perform _move_channel_refund(
        v_trade, v_channel_refund, v_was.state, array['home', 'refund', 'anomaly'], v_was.amount, -v_was.amount
    );
    insert into anomaly_resolutions (merchant_id, channel_refund_no, resolution, reason, nth)
    values (p_merchant_id, p_channel_refund_no, p_resolution, p_reason, v_nth)
    returning * into v_resolution;
    return v_resolution;
end;
$resolve_anomaly$;

comment on function mixpay.resolve_anomaly(text, text, text, text, bigint, timestamptz) is
$$Ends an anomaly: money that a channel sent although its amount had been freed and given to others.

p_resolution is booked (its amount is free again and counts as refunded now), recovered (the money came back to the
channel) or written_off (the merchant bears it). p_nth says which of the channel refund's transfers it is about, counted
from 1; it may be left out unless several were anomalies. p_recovered_at is when the money came back; if left out, now.
The same resolution again returns the first one; the reason is not compared. What was left out at first, the reason or
the moment, may come later.
Locks: the trade, then the refund, then the order's split, then its totals.
Raises: MX101 if there is no such merchant; MX301 if it cannot be booked because the amount is not free; MX303 if there
is no such channel refund; MX310 if it is no anomaly; MX311 if it was resolved otherwise, or came back at another
moment; MX314 if several of its transfers were anomalies and p_nth is left out; MX321 if a return or a chargeback took
it; MX901; MX905.
$$;
