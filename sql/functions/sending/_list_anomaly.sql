create function mixpay._list_anomaly(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_channel_txn_no text, p_happened_at timestamptz
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_list_anomaly$
declare
    v_fact fact;
begin
    insert into anomalies (merchant_id, channel_refund_no, amount, channel_txn_no, happened_at)
    values (
        p_channel_refund.merchant_id, p_channel_refund.channel_refund_no, p_channel_refund.amount, p_channel_txn_no,
        p_happened_at
    )
    on conflict do nothing;
    if found then
        v_fact := _channel_refund_fact(p_trade, p_channel_refund);
        v_fact.reason := 'it succeeded after its amount was given away';
        v_fact.happened_at := p_happened_at;
        perform _post(p_trade, array[
            _movement(v_fact, 'anomaly', 'channel', p_channel_refund.amount, p_channel_refund.channel)
        ]);
    end if;
end;
$_list_anomaly$;

comment on function mixpay._list_anomaly(mixpay.trades, mixpay.channel_refunds, text, timestamptz) is
$$Lists, once, that a channel sent money whose amount was no longer free.
$$;
