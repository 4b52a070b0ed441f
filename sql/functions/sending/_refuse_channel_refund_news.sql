create function mixpay._refuse_channel_refund_news(
    p_channel_refund mixpay.channel_refunds, p_news text
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_channel_refund_news$
begin
    raise exception 'channel refund % cannot be %', p_channel_refund.channel_refund_no, p_news using
        errcode = 'MX304',
        detail = format('It is %s%s%s.', p_channel_refund.state,
            coalesce(format(' since %s', p_channel_refund.refunded_at), ''),
            case when p_channel_refund.channel_txn_no is null then ''
                else format(' by channel transaction %s', _shown(p_channel_refund.channel_txn_no)) end),
        hint = 'Its end is on record. Look into the channel''s books before you contradict it.';
end;
$_refuse_channel_refund_news$;

comment on function mixpay._refuse_channel_refund_news(mixpay.channel_refunds, text) is $$
Raises: MX304.
$$;
