create function mixpay.redirect_channel_refund(
    p_merchant_id text, p_channel_refund_no text, p_channel text, p_reason text
) returns mixpay.channel_refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $redirect_channel_refund$
declare
    v_trade trades;
    v_was channel_refunds;
    v_successor channel_refunds;
    v_destination refund_destination;
    v_channel channels;
    v_own channels;
begin
    perform _check_text('reason', p_reason);
    perform _check_channel(p_channel);
    v_trade := _lock_channel_refund(p_merchant_id, p_channel_refund_no);
    select * into v_was from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    select * into v_successor from channel_refunds
    where merchant_id = p_merchant_id and redirected_from = p_channel_refund_no;
    if found then
        -- Of one that bounced after all, its successor was no repetition.
        if v_successor.channel = p_channel and v_was.state in ('failed', 'succeeded') then
            if v_was.state = 'failed' then
                v_successor := _explain_redirect(v_trade, v_was, v_successor, p_reason);
            end if;
            return row(v_successor.*)::channel_refund;
        end if;
        raise exception 'channel refund % goes another way already', p_channel_refund_no using
            errcode = 'MX307',
            detail = _on_record(json_build_object(
                'channel', v_successor.channel, 'channel_refund_no', v_successor.channel_refund_no,
                'state', v_successor.state
            ), json_build_object('channel', p_channel)),
            hint = 'Redirect that one.';
    end if;
    if v_was.state not in ('waiting', 'pending', 'failed', 'bounced') then
        perform _refuse_channel_refund_news(
            v_was, 'redirected', json_build_object('state', 'failed', 'channel', p_channel, 'reason', p_reason)
        );
    end if;
    if exists (
        select from channel_refunds as c
        cross join lateral (
            select from anomalies as x
            where
                x.merchant_id = p_merchant_id and x.channel_refund_no = c.channel_refund_no and not exists (
                    select from anomaly_resolutions as r
                    where
                        r.merchant_id = p_merchant_id and r.channel_refund_no = x.channel_refund_no
                        and r.nth = x.nth
                    offset 0
                )
            limit 1
        ) as a
        where c.merchant_id = p_merchant_id and c.refund_no = v_was.refund_no and c.payment_no = v_was.payment_no
    ) then
        raise exception 'channel refund % is an open anomaly', p_channel_refund_no using
            errcode = 'MX308',
            detail = format('%s moved after the amount had been freed.', v_was.amount),
            hint = 'Resolve it with resolve_anomaly. See mixpay.anomaly_list.';
    end if;
    if v_was.state in ('failed', 'bounced') and not _is_still_free(v_trade, v_was) then
        raise exception 'the amount of channel refund % was given to others', p_channel_refund_no using
            errcode = 'MX301',
            detail = format('%s is asked, and payment and order hold less of it that is not refunded.', v_was.amount),
            hint = 'Refund what is left with refund_order. See mixpay.order_balances.';
    end if;
    select c.* into v_own
    from payments as p
    inner join channels as c on c.channel = p.channel
    where p.merchant_id = p_merchant_id and p.payment_no = v_was.payment_no;
    select * into v_channel from channels where channel = p_channel;
    if v_own.kind = 'voucher' and not v_own.refund_to_money and v_channel.kind <> 'voucher' then
        raise exception 'channel refund % gives back no money', p_channel_refund_no using
            errcode = 'MX313',
            detail = format('Payment %s was made with vouchers, by %s; the kind of %s is %s.',
                v_was.payment_no, v_own.channel, p_channel, v_channel.kind),
            hint = 'Name a channel of vouchers, or say refund_to_money of the one that was paid with.';
    end if;
    v_destination := _find_destination(p_merchant_id, v_was.payment_no, p_channel, v_was.amount, p_channel_refund_no);
    -- What waits neither for a moment nor for the person who hands it out cannot be sent that way.
    if v_destination.channel <> p_channel or (
        v_destination.state = 'waiting' and v_destination.not_before is null and v_destination.reason <> 'manual'
    ) then
        raise exception '% cannot send channel refund %', p_channel, p_channel_refund_no using
            errcode = 'MX309',
            detail = v_destination.reason,
            hint = 'Name another channel. See mixpay.channel_list.';
    end if;
    v_destination.reason := nullif(concat_ws('; ', v_destination.reason, p_reason), '');
    v_was := _redirect(v_trade, v_was, v_destination, p_reason);
    return row(v_was.*)::channel_refund;
end;
$redirect_channel_refund$;

comment on function mixpay.redirect_channel_refund(text, text, text, text) is
$$Sends a part of a refund another way, or once more the same way under a new number, and returns its new channel
refund.

It may be waiting, pending, failed or bounced. The old one ends as failed. An amount that was freed is reserved again,
if it is still refundable. The new channel's rules apply, so the new channel refund may wait for its moment. Repeated
with the same channel it returns the successor; the reason is not compared, and may come later.
Locks: the trade, then the refund, then the order's split, then its totals.
Raises: MX101 if there is no such merchant; MX203 if there is no such channel; MX301 if the amount was given to others;
MX303 if there is no such channel refund; MX304 if it is sent, in doubt or has succeeded; MX307 if it was redirected to
another channel; MX308 if it is an open anomaly; MX309 if the channel cannot send it; MX313 if it would make money of a
voucher; MX321 if a return or a chargeback took it; MX901; MX905.
$$;
