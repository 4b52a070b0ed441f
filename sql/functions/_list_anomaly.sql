create function mixpay._list_anomaly(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_channel_txn_no text, p_happened_at timestamptz
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_list_anomaly$
begin
    insert into anomalies (merchant_id, channel_refund_no, amount, channel_txn_no, happened_at)
    values (
        p_channel_refund.merchant_id, p_channel_refund.channel_refund_no, p_channel_refund.amount, p_channel_txn_no,
        p_happened_at
    )
    on conflict do nothing;
    if found then
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, refund_no, channel_refund_no,
            from_account, to_account, amount, reason, happened_at
        ) values (
            p_trade.merchant_id, p_trade.trade_no, p_trade.last_entry + 1, 'channel_refund',
            p_channel_refund.payment_no, p_channel_refund.refund_no, p_channel_refund.channel_refund_no,
            'anomaly', 'channel', p_channel_refund.amount, 'it succeeded after its amount was given away', p_happened_at
        );
        update trades set last_entry = last_entry + 1
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    end if;
end;
$_list_anomaly$;

comment on function mixpay._list_anomaly(mixpay.trades, mixpay.channel_refunds, text, timestamptz) is $$
Lists, once, that a channel sent money whose amount was no longer free.
$$;
