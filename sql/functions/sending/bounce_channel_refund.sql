create function mixpay.bounce_channel_refund(
    p_merchant_id text, p_channel_refund_no text, p_reason text, p_channel_txn_no text default null,
    p_bounced_at timestamptz default null
) returns mixpay.channel_refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $bounce_channel_refund$
declare
    v_trade trades;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
    v_transfer transfer_list;
begin
    perform
        _check_text('reason', p_reason), _check_channel_txn_no('channel_txn_no', p_channel_txn_no),
        _check_past('bounced_at', p_bounced_at);
    perform _lock_orders_of_loss(p_merchant_id, p_channel_refund_no);
    v_trade := _lock_channel_refund(p_merchant_id, p_channel_refund_no);
    select * into v_was from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    v_transfer := _which_came_back(v_was, p_channel_txn_no, p_bounced_at);
    if v_transfer.nth is null then
        perform _refuse_channel_refund_news(
            v_was, case when v_was.refunded_at is null then 'bounced' else 'bounced by another transaction' end,
            json_build_object('state', 'bounced', 'channel_txn_no', p_channel_txn_no, 'reason', p_reason)
        );
    end if;
    if v_transfer.channel_txn_no is null and p_channel_txn_no is not null then
        v_was := _learn_of_transfer(v_trade, v_was, v_transfer, p_channel_txn_no, null);
        v_trade := _lock_channel_refund(p_merchant_id, p_channel_refund_no);
    end if;
    if v_transfer.state not in ('succeeded', 'bounced') then
        -- It never had its place in the books.
        perform _end_anomaly(v_trade, v_was, a, 'recovered', p_reason, p_bounced_at) from anomalies as a
        where
            a.merchant_id = p_merchant_id and a.channel_refund_no = p_channel_refund_no and a.nth = v_transfer.nth;
        return row(v_was.*)::channel_refund;
    elsif v_transfer.state = 'bounced' then
        if _is_another_moment(v_transfer.came_back_at, p_bounced_at) then
            if not _was_assumed(v_trade, 'channel_refund', p_channel_refund_no, v_transfer.came_back_at) then
                perform _refuse_channel_refund_news(
                    v_was, 'bounced at another moment',
                    json_build_object('state', 'bounced', 'bounced_at', p_bounced_at, 'reason', p_reason)
                );
            end if;
            v_was := _learn_of_transfer(v_trade, v_was, v_transfer, null, null, p_bounced_at);
        end if;
        if v_transfer.nth = v_was.nth then
            v_was := _reason_later(v_was, 'channel_refund_no', p_reason);
        end if;
        return row(v_was.*)::channel_refund;
    end if;
    update channel_refunds set state = 'bounced', reason = p_reason, bounced_at = coalesce(p_bounced_at, now())
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    perform _move_channel_refund(
        v_trade, v_channel_refund, v_was.state, array['channel', 'refund', 'home'], -v_was.amount, v_was.amount
    );
    return row(v_channel_refund.*)::channel_refund;
end;
$bounce_channel_refund$;

comment on function mixpay.bounce_channel_refund(text, text, text, text, timestamptz) is
$$Books that the money of a channel refund that had succeeded came back, for example from a closed account. The amount
is freed: it may be refunded again, or sent another way with redirect_channel_refund.

p_channel_txn_no is the channel's own number of the transfer that came back. If the channel sent the money more than
once, name it: then late news of an earlier transfer changes nothing. If left out, it is the one that came back at
p_bounced_at, else the last one that has its place in the books. Of an anomaly it is the same as resolve_anomaly with
recovered. p_bounced_at is when the money came back; if left out, now.

What has bounced stays as it is. What was left out at first, number, moment or reason, may come later.
Locks: the orders of the trade, in ascending order number, if a return of the payment lost some of it; the trade, then
the refund, then the order's split, then its totals.
Raises: MX101 if there is no such merchant; MX303 if there is no such channel refund; MX304 if it has not succeeded, or
by another transaction, or came back at another moment; MX311 if its anomaly was resolved otherwise; MX321 if a return
or a chargeback took it; MX901; MX905.
$$;
