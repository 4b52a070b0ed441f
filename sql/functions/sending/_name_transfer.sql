create function mixpay._name_transfer(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_channel_txn_no text
) returns mixpay.channel_refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_name_transfer$
declare
    v_channel_refund channel_refunds := p_channel_refund;
    v_fact facts := _channel_refund_fact(
        p_trade, p_channel_refund, p_channel_refund.state, p_channel_refund.state
    );
begin
    if p_channel_refund.refunded_at is null then
        -- It moved out of place: its number stands where that is listed.
        update anomalies set channel_txn_no = p_channel_txn_no
        where
            merchant_id = p_channel_refund.merchant_id
            and channel_refund_no = p_channel_refund.channel_refund_no;
    else
        update channel_refunds set channel_txn_no = p_channel_txn_no
        where
            merchant_id = p_channel_refund.merchant_id
            and channel_refund_no = p_channel_refund.channel_refund_no
        returning * into v_channel_refund;
    end if;
    select order_no into v_fact.order_no from refunds
    where merchant_id = p_channel_refund.merchant_id and refund_no = p_channel_refund.refund_no;
    v_fact.reason := format('channel transaction %s', p_channel_txn_no);
    perform _post(p_trade, array[v_fact]);
    return v_channel_refund;
end;
$_name_transfer$;

comment on function mixpay._name_transfer(mixpay.trades, mixpay.channel_refunds, text) is
$$Writes down the channel's number of a transfer that was booked, or listed as an anomaly, without one. Returns the
channel refund.

The caller holds the lock of the trade and the refund.
$$;
