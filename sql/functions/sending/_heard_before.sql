create function mixpay._heard_before(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_channel_txn_no text, p_refunded_at timestamptz
) returns mixpay.channel_refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_heard_before$
declare
    v_heard channel_refunds := p_channel_refund;
    v_transfer transfer_list;
    v_is_other boolean;
    v_is_refused boolean;
    v_sent json := json_build_object('channel_txn_no', p_channel_txn_no, 'refunded_at', p_refunded_at);
begin
    -- The one with this number, or with this moment if no number says it; else one that has none; else what did not
    -- come back.
    select * into v_transfer from transfer_list as t
    where
        t.merchant_id = p_channel_refund.merchant_id and t.channel_refund_no = p_channel_refund.channel_refund_no
        -- Of what is past, only what it may be.
        and (
            t.state <> 'bounced' or t.nth = p_channel_refund.nth
            or coalesce(t.channel_txn_no = p_channel_txn_no, not _is_another_moment(t.refunded_at, p_refunded_at))
        )
    order by
        coalesce(
            t.channel_txn_no = p_channel_txn_no,
            p_refunded_at is not null and not _is_another_moment(t.refunded_at, p_refunded_at)
        ) desc,
        t.channel_txn_no is null desc, t.state in ('bounced', 'recovered'), t.nth desc
    limit 1;
    if not found then
        return null;
    elsif v_transfer.state = 'bounced' and v_transfer.nth <> p_channel_refund.nth then
        -- It came back, and another one stands in its place.
        if v_transfer.channel_txn_no is null and p_channel_txn_no is not null then
            return _learn_of_transfer(p_trade, p_channel_refund, v_transfer, p_channel_txn_no, null);
        end if;
        return p_channel_refund;
    end if;
    v_heard.refunded_at := v_transfer.refunded_at;
    v_heard.channel_txn_no := v_transfer.channel_txn_no;
    v_is_other := _is_another_moment(v_heard.refunded_at, p_refunded_at);
    v_is_refused := v_is_other and not _was_assumed(
        p_trade, 'channel_refund', p_channel_refund.channel_refund_no, v_heard.refunded_at
    );
    if p_channel_txn_no is null or p_channel_txn_no is not distinct from v_heard.channel_txn_no then
        if v_is_refused then
            perform _refuse_channel_refund_news(v_heard, 'completed at another moment', v_sent);
        end if;
        if v_is_other then
            return _learn_of_transfer(p_trade, p_channel_refund, v_transfer, null, p_refunded_at);
        end if;
        return p_channel_refund;
    end if;
    if v_heard.channel_txn_no is null and not v_is_refused then
        return _learn_of_transfer(
            p_trade, p_channel_refund, v_transfer, p_channel_txn_no, case when v_is_other then p_refunded_at end
        );
    end if;
    -- Of what came back, another transaction is more money.
    if exists (
        select from transfer_list as t
        where
            t.merchant_id = p_channel_refund.merchant_id
            and t.channel_refund_no = p_channel_refund.channel_refund_no and t.state not in ('bounced', 'recovered')
    ) then
        perform _refuse_channel_refund_news(v_heard, case
            when v_heard.channel_txn_no is null then 'completed at another moment'
            else 'completed by another transaction'
        end, v_sent);
    end if;
    return null;
end;
$_heard_before$;

comment on function mixpay._heard_before(mixpay.trades, mixpay.channel_refunds, text, timestamptz) is
$$The channel refund if it is on record already that this transfer moved its money; with the channel's number and the
moment, if these come only now. Null if the transfer is news.

The caller holds the lock of the trade and the refund.
Raises: MX304 if the news contradicts what is on record.
$$;
