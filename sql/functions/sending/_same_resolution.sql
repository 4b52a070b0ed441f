create function mixpay._same_resolution(
    p_trade mixpay.trades, p_resolution mixpay.anomaly_resolutions, p_asked text, p_reason text,
    p_recovered_at timestamptz
) returns mixpay.anomaly_resolutions
language plpgsql
set search_path = mixpay, pg_temp
as $_same_resolution$
declare
    v_resolution anomaly_resolutions;
    v_is_other boolean := _is_another_moment(p_resolution.recovered_at, p_recovered_at);
begin
    if p_resolution.resolution <> p_asked or v_is_other and not _was_assumed(
        p_trade, 'channel_refund', p_resolution.channel_refund_no, p_resolution.recovered_at
    ) then
        raise exception 'the anomaly of channel refund % was resolved otherwise', p_resolution.channel_refund_no using
            errcode = 'MX311',
            detail = _on_record(
                json_build_object(
                    'resolution', p_resolution.resolution, 'at', p_resolution.created_at,
                    'recovered_at', p_resolution.recovered_at
                ),
                json_build_object('resolution', p_asked, 'recovered_at', p_recovered_at)
            ),
            hint = 'What was resolved stays so.';
    end if;
    if v_is_other then
        perform _learn_of_transfer(p_trade, c, t, null, null, p_recovered_at)
        from channel_refunds as c
        inner join transfer_list as t on t.merchant_id = c.merchant_id and t.channel_refund_no = c.channel_refund_no
        where
            c.merchant_id = p_resolution.merchant_id and c.channel_refund_no = p_resolution.channel_refund_no
            and t.nth = p_resolution.nth;
    end if;
    if p_asked = 'booked' then
        perform _reason_later(c, 'channel_refund_no', p_reason) from channel_refunds as c
        where
            c.merchant_id = p_resolution.merchant_id and c.channel_refund_no = p_resolution.channel_refund_no
            and c.state = 'succeeded' and c.nth = p_resolution.nth;
    end if;
    -- By nth, too: _reason_later would explain them all.
    update anomaly_resolutions set reason = p_reason
    where
        merchant_id = p_resolution.merchant_id and channel_refund_no = p_resolution.channel_refund_no
        and nth = p_resolution.nth and reason is null and p_reason is not null;
    select * into v_resolution from anomaly_resolutions
    where
        merchant_id = p_resolution.merchant_id and channel_refund_no = p_resolution.channel_refund_no
        and nth = p_resolution.nth;
    return v_resolution;
end;
$_same_resolution$;

comment on function mixpay._same_resolution(
    mixpay.trades, mixpay.anomaly_resolutions, text, text, timestamptz
) is
$$An anomaly's resolution, after it was resolved once more: if the moment at which its money came back was assumed,
p_recovered_at takes its place; a reason may come later, too.

The caller holds the lock of the trade.
Raises: MX311 if it was resolved otherwise.
$$;
