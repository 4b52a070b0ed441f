create function mixpay._heard_before(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_channel_txn_no text, p_refunded_at timestamptz
) returns mixpay.channel_refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_heard_before$
declare
    v_heard channel_refunds := p_channel_refund;
    v_anomaly anomalies;
    v_is_settled boolean;
    v_same_moment boolean;
    v_sent json;
begin
    select * into v_anomaly from anomalies
    where
        merchant_id = p_channel_refund.merchant_id and channel_refund_no = p_channel_refund.channel_refund_no;
    if found and (v_heard.refunded_at is null or v_anomaly.channel_txn_no = p_channel_txn_no) then
        -- What is listed was heard, too.
        v_heard.refunded_at := v_anomaly.happened_at;
        v_heard.channel_txn_no := v_anomaly.channel_txn_no;
    end if;
    if v_heard.refunded_at is null then
        return null;
    end if;
    v_sent := json_build_object('channel_txn_no', p_channel_txn_no, 'refunded_at', p_refunded_at);
    -- A moment that was left out then is not compared: it is the one at which it was written.
    v_same_moment := p_refunded_at is null or _same_moment(p_refunded_at, v_heard.refunded_at) or exists (
        select from facts as f
        where
            f.merchant_id = p_trade.merchant_id and f.log = 'trade' and f.log_no = p_trade.trade_no
            and f.channel_refund_no = p_channel_refund.channel_refund_no
            and f.happened_at = v_heard.refunded_at and f.created_at = v_heard.refunded_at
    );
    if p_channel_txn_no is null or p_channel_txn_no is not distinct from v_heard.channel_txn_no then
        if not v_same_moment then
            perform _refuse_channel_refund_news(v_heard, 'completed at another moment', v_sent);
        end if;
        return p_channel_refund;
    end if;
    if v_heard.channel_txn_no is null and v_same_moment then
        return _name_transfer(p_trade, p_channel_refund, p_channel_txn_no);
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
$$The channel refund if it is on record already that this transfer moved its money; with the channel's number, if that
comes only now. Null if the transfer is news.

The caller holds the lock of the trade and the refund.
Raises: MX304 if the news contradicts what is on record.
$$;
