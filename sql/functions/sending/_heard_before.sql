create function mixpay._heard_before(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_channel_txn_no text, p_refunded_at timestamptz
) returns mixpay.channel_refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_heard_before$
declare
    v_heard channel_refunds := p_channel_refund;
    v_anomaly anomalies;
    v_is_listed boolean := false;
    v_is_settled boolean;
    v_is_other boolean;
    v_is_refused boolean;
    v_sent json;
begin
    select * into v_anomaly from anomalies
    where
        merchant_id = p_channel_refund.merchant_id and channel_refund_no = p_channel_refund.channel_refund_no;
    if found and (v_heard.refunded_at is null or v_anomaly.channel_txn_no = p_channel_txn_no) then
        -- What is listed was heard, too.
        v_is_listed := true;
        v_heard.refunded_at := v_anomaly.happened_at;
        v_heard.channel_txn_no := v_anomaly.channel_txn_no;
    end if;
    if v_heard.refunded_at is null then
        return null;
    end if;
    v_sent := json_build_object('channel_txn_no', p_channel_txn_no, 'refunded_at', p_refunded_at);
    v_is_other := _is_another_moment(v_heard.refunded_at, p_refunded_at);
    v_is_refused := v_is_other and not _was_assumed(
        p_trade, 'channel_refund', p_channel_refund.channel_refund_no, v_heard.refunded_at
    );
    if p_channel_txn_no is null or p_channel_txn_no is not distinct from v_heard.channel_txn_no then
        if v_is_refused then
            perform _refuse_channel_refund_news(v_heard, 'completed at another moment', v_sent);
        end if;
        if v_is_other then
            return _learn_of_transfer(p_trade, p_channel_refund, v_is_listed, null, p_refunded_at);
        end if;
        return p_channel_refund;
    end if;
    -- By this one it went before, and came back.
    if exists (
        select from facts as f
        where
            f.merchant_id = p_trade.merchant_id and f.log = 'trade' and f.log_no = p_trade.trade_no
            and f.channel_refund_no = p_channel_refund.channel_refund_no
            -- No change of state: that would bear somebody's own reason.
            and f.from_state = f.to_state and f.reason = 'came back: channel transaction ' || p_channel_txn_no
    ) then
        return p_channel_refund;
    end if;
    if v_heard.channel_txn_no is null and not v_is_refused then
        return _learn_of_transfer(
            p_trade, p_channel_refund, v_is_listed, p_channel_txn_no, case when v_is_other then p_refunded_at end
        );
    end if;
    -- Of what came back, another transaction is more money.
    v_is_settled := exists (
        select from anomaly_resolutions
        where
            merchant_id = v_anomaly.merchant_id and channel_refund_no = v_anomaly.channel_refund_no
            and resolution in ('booked', 'recovered')
    );
    if v_heard.state = 'succeeded' or (v_anomaly.channel_refund_no is not null and not v_is_settled) then
        perform _refuse_channel_refund_news(v_heard, case
            when v_heard.channel_txn_no is null then 'completed at another moment'
            else 'completed by another transaction'
        end, v_sent);
    end if;
    return null;
end;
$_heard_before$;

comment on function mixpay._heard_before(mixpay.trades, mixpay.channel_refunds, text, timestamptz) is
$$The channel refund if it is on record already that this transfer moved its money; with the channel's number and the
moment, if these come only now. Null if the transfer is news.

The caller holds the lock of the trade and the refund.
Raises: MX304 if the news contradicts what is on record.
$$;
