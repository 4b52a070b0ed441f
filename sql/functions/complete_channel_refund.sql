create function mixpay.complete_channel_refund(
    p_merchant_id text, p_channel_refund_no text, p_channel_txn_no text, p_refunded_at timestamptz default null
) returns mixpay.channel_refunds
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $complete_channel_refund$
declare
    v_trade trades;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
    v_anomaly anomalies;
    v_refunded_at timestamptz := coalesce(p_refunded_at, now());
begin
    perform _check_moment('refunded_at', p_refunded_at);
    if p_channel_txn_no is not null then
        perform _check_number('channel_txn_no', p_channel_txn_no);
    end if;
    v_trade := _lock_channel_refund(p_merchant_id, p_channel_refund_no);
    select * into v_was from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    if v_was.state in ('succeeded', 'bounced') then
        if v_was.state = 'bounced' or p_refunded_at <> v_was.refunded_at
            or (p_channel_txn_no is not null and p_channel_txn_no is distinct from v_was.channel_txn_no) then
            perform _refuse_channel_refund_news(v_was, 'completed with other news');
        end if;
        return v_was;
    end if;
    if v_was.state = 'failed' then
        select * into v_anomaly from anomalies
        where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
        if found then
            if p_refunded_at <> v_anomaly.happened_at
                or (p_channel_txn_no is not null and p_channel_txn_no is distinct from v_anomaly.channel_txn_no) then
                v_was.refunded_at := v_anomaly.happened_at;
                v_was.channel_txn_no := v_anomaly.channel_txn_no;
                perform _refuse_channel_refund_news(v_was, 'completed with other news');
            end if;
            return v_was;
        end if;
        if not _is_still_free(v_trade, v_was) then
            perform _list_anomaly(v_trade, v_was, p_channel_txn_no, v_refunded_at);
            return v_was;
        end if;
    end if;
    update channel_refunds
    set
        state = 'succeeded', reason = null, due_at = null,
        channel_txn_no = p_channel_txn_no, refunded_at = v_refunded_at
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    perform _settle_channel_refund(v_trade, v_channel_refund, v_was);
    return v_channel_refund;
end;
$complete_channel_refund$;

comment on function mixpay.complete_channel_refund(text, text, text, timestamptz) is $$
Books that a channel, or a person, has sent the money of a channel refund back. May be called again and again.

p_channel_txn_no is the channel's own number of the transfer, null if it has none; p_refunded_at when it was sent, left
out: now. A success after a failure takes the amount back in if it is still free; else the money moved without a place
in the books: the channel refund stays failed, and an anomaly is listed until somebody settles it.
Locks: the trade, then the refund.
Raises: MX101 if there is no such merchant; MX303 if there is no such channel refund; MX304 if it has succeeded with
another channel transaction or moment; MX901; MX905.
$$;
