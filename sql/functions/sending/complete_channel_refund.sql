create function mixpay.complete_channel_refund(
    p_merchant_id text, p_channel_refund_no text, p_channel_txn_no text, p_refunded_at timestamptz default null
) returns mixpay.channel_refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $complete_channel_refund$
declare
    v_trade trades;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
    v_successor channel_refunds;
    v_refunded_at timestamptz := coalesce(p_refunded_at, now());
    v_freed bigint := 0;
    v_nth bigint;
    v_fact fact;
begin
    perform
        _check_past('refunded_at', p_refunded_at), _check_channel_txn_no('channel_txn_no', p_channel_txn_no);
    v_trade := _lock_channel_refund(p_merchant_id, p_channel_refund_no);
    select * into v_was from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    if v_was.state in ('succeeded', 'failed', 'bounced') then
        v_channel_refund := _heard_before(v_trade, v_was, p_channel_txn_no, p_refunded_at);
        if v_channel_refund.channel_refund_no is not null then
            return row(v_channel_refund.*)::channel_refund;
        end if;
    end if;
    if v_was.state in ('failed', 'bounced') then
        v_nth := _next_transfer(v_was);
        if _is_still_free(v_trade, v_was) then
            v_freed := -v_was.amount;
        else
            -- It went another way since; if that was not sent yet, it need not be.
            select * into v_successor from channel_refunds
            where
                merchant_id = p_merchant_id and refund_no = v_was.refund_no and payment_no = v_was.payment_no
                and state in ('waiting', 'pending') and attempts = 0;
            if not found then
                insert into anomalies (merchant_id, channel_refund_no, amount, channel_txn_no, happened_at, nth)
                values (p_merchant_id, p_channel_refund_no, v_was.amount, p_channel_txn_no, v_refunded_at, v_nth);
                v_fact := _channel_refund_fact(v_trade, v_was);
                v_fact.reason := 'it succeeded after its amount was given away';
                v_fact.happened_at := v_refunded_at;
                perform _post(v_trade, array[_movement(v_fact, 'anomaly', 'channel', v_was.amount, v_was.channel)]);
                return row(v_was.*)::channel_refund;
            end if;
            update channel_refunds
            set state = 'failed', due_at = null, reason = format('sent by %s after all', p_channel_refund_no)
            where merchant_id = p_merchant_id and channel_refund_no = v_successor.channel_refund_no
            returning * into v_channel_refund;
            v_trade := _move_channel_refund(v_trade, v_channel_refund, v_successor.state, '{}', 0, 0);
        end if;
        perform _keep_transfer(v_was);
    end if;
    update channel_refunds
    set
        state = 'succeeded', reason = case when state in ('pending', 'sent') then reason end, due_at = null,
        channel_txn_no = p_channel_txn_no, refunded_at = v_refunded_at, nth = coalesce(v_nth, nth), bounced_at = null,
        -- What payee and receivers gave back for the successor, they gave back for this one.
        cleared = coalesce(v_successor.cleared, cleared)
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    perform _move_channel_refund(
        v_trade, v_channel_refund, v_was.state,
        case
            when v_was.state = 'written_off' then array['rounding', 'refund', 'channel']
            when v_freed < 0 then array['home', 'refund', 'channel'] else array['refund', 'channel']
        end,
        case v_was.state when 'written_off' then 0 else v_was.amount end, v_freed
    );
    select * into v_channel_refund from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    return row(v_channel_refund.*)::channel_refund;
end;
$complete_channel_refund$;

comment on function mixpay.complete_channel_refund(text, text, text, timestamptz) is
$$Books that a channel, or a person, has sent the money of a channel refund back. You may call it as often as you like.

p_channel_txn_no is the channel's own number of the transfer, null if it has none or is not known yet. p_refunded_at is
when it was sent; if left out, now. What was left out at first may come later by the same call.

A success may come after a failure, or a second one by another transaction after a bounce. If the amount is still free,
it counts as refunded again, and a successor that was not sent yet ends. Otherwise the channel refund stays as it is,
and is listed as an anomaly until resolve_anomaly. Each transaction is in mixpay.transfer_list. The row has the last one
that has its place in the books, and late news of an earlier one changes nothing of it. If the channel refund was
written off, the call books that its money was handed over after all.
Locks: the trade, then the refund, then the order's split, then its totals.
Raises: MX101 if there is no such merchant; MX303 if there is no such channel refund; MX304 if it has succeeded with
another channel transaction or at another moment, or is an anomaly that did not come back; MX321 if a return or a
chargeback took it; MX901; MX905.
$$;
