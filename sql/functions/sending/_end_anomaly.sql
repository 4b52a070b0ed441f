create function mixpay._end_anomaly(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_anomaly mixpay.anomalies, p_resolution text,
    p_reason text, p_recovered_at timestamptz
) returns mixpay.anomaly_resolutions
language plpgsql
set search_path = mixpay, pg_temp
as $_end_anomaly$
declare
    v_resolution anomaly_resolutions;
    v_fact fact := _channel_refund_fact(p_trade, p_channel_refund);
begin
    select * into v_resolution from anomaly_resolutions
    where
        merchant_id = p_anomaly.merchant_id and channel_refund_no = p_anomaly.channel_refund_no
        and nth = p_anomaly.nth;
    if found then
        return _same_resolution(p_trade, v_resolution, p_resolution, p_reason, p_recovered_at);
    end if;
    v_fact.reason := coalesce(p_reason, p_resolution);
    v_fact.happened_at := p_recovered_at;
    perform _post(p_trade, array[_movement(
        v_fact, case p_resolution when 'recovered' then 'channel' else 'outside' end, 'anomaly', p_anomaly.amount,
        p_channel_refund.channel
    )]);
    insert into anomaly_resolutions (merchant_id, channel_refund_no, resolution, reason, nth, recovered_at)
    values (
        p_anomaly.merchant_id, p_anomaly.channel_refund_no, p_resolution, p_reason, p_anomaly.nth,
        case p_resolution when 'recovered' then coalesce(p_recovered_at, now()) end
    )
    returning * into v_resolution;
    return v_resolution;
end;
$_end_anomaly$;

comment on function mixpay._end_anomaly(
    mixpay.trades, mixpay.channel_refunds, mixpay.anomalies, text, text, timestamptz
) is
$$Ends an anomaly whose money came back or is borne by the merchant, or says again how it ended.

The caller holds the lock of the trade.
Raises: MX311 if it was resolved otherwise.
$$;
