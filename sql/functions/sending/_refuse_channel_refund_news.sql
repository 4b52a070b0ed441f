create function mixpay._refuse_channel_refund_news(
    p_channel_refund mixpay.channel_refunds, p_news text, p_sent json
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_channel_refund_news$
begin
    raise exception 'channel refund % cannot be %', p_channel_refund.channel_refund_no, p_news using
        errcode = 'MX304',
        detail = _on_record(json_build_object(
            'state', p_channel_refund.state, 'channel_txn_no', p_channel_refund.channel_txn_no,
            'refunded_at', p_channel_refund.refunded_at, 'reason', p_channel_refund.reason
        ), p_sent),
        hint = 'Its end is on record. Look into the channel''s books before you contradict it.';
end;
$_refuse_channel_refund_news$;

comment on function mixpay._refuse_channel_refund_news(mixpay.channel_refunds, text, json) is
$$Says what is on record of a channel refund, and what was sent.

Raises: MX304.
$$;
