create function mixpay._keep_transfer(p_channel_refund mixpay.channel_refunds) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_keep_transfer$
begin
    if p_channel_refund.bounced_at is not null then
        insert into bounced_transfers (merchant_id, channel_refund_no, nth, channel_txn_no, refunded_at, bounced_at)
        values (
            p_channel_refund.merchant_id, p_channel_refund.channel_refund_no, p_channel_refund.nth,
            p_channel_refund.channel_txn_no, p_channel_refund.refunded_at, p_channel_refund.bounced_at
        );
    end if;
end;
$_keep_transfer$;

comment on function mixpay._keep_transfer(mixpay.channel_refunds) is
$$Writes down by which transfer a channel refund went and came back, if it did, before another one takes its place.

The caller holds the lock of the trade and of the refund.
$$;
