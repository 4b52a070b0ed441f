create function mixpay._learn_of_transfer(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_transfer mixpay.transfer_list,
    p_channel_txn_no text, p_refunded_at timestamptz, p_came_back_at timestamptz default null
) returns mixpay.channel_refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_learn_of_transfer$
declare
    v_channel_refund channel_refunds := p_channel_refund;
    v_fact fact := _channel_refund_fact(
        p_trade, p_channel_refund, p_channel_refund.state, p_channel_refund.state
    );
begin
    if p_transfer.state not in ('succeeded', 'bounced') then
        -- It moved out of place: what is known of it stands where that is listed.
        update anomalies
        set
            channel_txn_no = coalesce(channel_txn_no, p_channel_txn_no),
            happened_at = coalesce(p_refunded_at, happened_at)
        where
            merchant_id = p_transfer.merchant_id and channel_refund_no = p_transfer.channel_refund_no
            and nth = p_transfer.nth
        returning happened_at into v_fact.happened_at;
        update anomaly_resolutions set recovered_at = p_came_back_at
        where
            merchant_id = p_transfer.merchant_id and channel_refund_no = p_transfer.channel_refund_no
            and nth = p_transfer.nth and p_came_back_at is not null;
    elsif p_transfer.nth <> p_channel_refund.nth then
        update bounced_transfers
        set
            channel_txn_no = coalesce(channel_txn_no, p_channel_txn_no),
            bounced_at = coalesce(p_came_back_at, bounced_at)
        where
            merchant_id = p_transfer.merchant_id and channel_refund_no = p_transfer.channel_refund_no
            and nth = p_transfer.nth
        returning refunded_at into v_fact.happened_at;
    else
        update channel_refunds
        set
            channel_txn_no = coalesce(channel_txn_no, p_channel_txn_no),
            refunded_at = coalesce(p_refunded_at, refunded_at), bounced_at = coalesce(p_came_back_at, bounced_at)
        where
            merchant_id = p_channel_refund.merchant_id
            and channel_refund_no = p_channel_refund.channel_refund_no
        returning * into v_channel_refund;
        v_fact.happened_at := v_channel_refund.refunded_at;
    end if;
    select order_no into v_fact.order_no from refunds
    where merchant_id = p_channel_refund.merchant_id and refund_no = p_channel_refund.refund_no;
    v_fact.happened_at := coalesce(p_came_back_at, v_fact.happened_at);
    v_fact.reason := concat_ws(
        '; ', 'channel transaction ' || p_channel_txn_no,
        case when num_nonnulls(p_refunded_at, p_came_back_at) > 0 then 'its moment came later' end
    );
    perform _post(p_trade, array[v_fact]);
    return v_channel_refund;
end;
$_learn_of_transfer$;

comment on function mixpay._learn_of_transfer(
    mixpay.trades, mixpay.channel_refunds, mixpay.transfer_list, text, timestamptz, timestamptz
) is
$$Writes down what was not known when a transfer was booked or listed: the channel's number, when it was sent,
and when it came back; null: nothing new. Returns the channel refund.

The caller holds the lock of the trade and the refund, and knows that none of it contradicts what is on record.
$$;
