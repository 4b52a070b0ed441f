create function mixpay._which_came_back(
    p_channel_refund mixpay.channel_refunds, p_channel_txn_no text, p_bounced_at timestamptz
) returns mixpay.transfer_list
language plpgsql stable
set search_path = mixpay, pg_temp
as $_which_came_back$
declare
    v_transfer transfer_list;
begin
    -- Without a number it is the one that came back then, else the one that has its place in the books. With a number
    -- that is not known, it is one that has none.
    select t.* into v_transfer from transfer_list as t
    cross join lateral (
        select
            num_nonnulls(t.came_back_at, p_bounced_at) = 2
            and not _is_another_moment(t.came_back_at, p_bounced_at) as came_back_then
    ) as m
    where
        t.merchant_id = p_channel_refund.merchant_id and t.channel_refund_no = p_channel_refund.channel_refund_no
        and case
            when p_channel_txn_no is not null then coalesce(t.channel_txn_no = p_channel_txn_no, true)
            else p_channel_refund.refunded_at is null or t.nth = p_channel_refund.nth or m.came_back_then
        end
    order by
        coalesce(t.channel_txn_no = p_channel_txn_no, false) desc, m.came_back_then desc,
        t.state = 'succeeded' desc, t.state = 'anomaly' desc, t.nth desc
    limit 1;
    return v_transfer;
end;
$_which_came_back$;

comment on function mixpay._which_came_back(mixpay.channel_refunds, text, timestamptz) is
$$Which transfer of a channel refund the news is about that one came back, by its channel's number if that is named,
or by the moment at which it came back; null if none.

The caller holds the lock of the trade and of the refund.
$$;
