create function mixpay._refund_items(
    p_merchant_id text, p_channel text, p_from timestamptz, p_until timestamptz
) returns setof mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refund_items$
declare
    v_channel channels;
begin
    select * into v_channel from channels where channel = p_channel;
    return query
    select
        i.kind, i.number, i.kind, i.amount,
        (select t.currency from trades as t where t.merchant_id = p.merchant_id and t.trade_no = p.trade_no), i.at,
        _channel_key(i.channel_txn_no, v_channel.txn_numbers, v_channel.day_zone, i.at, i.amount),
        i.payment_no, p.channel_txn_no::text, 'succeeded'
    from (
        select
            'refund' as kind, s.number, -s.amount as amount, s.refunded_at as at, s.channel_txn_no, s.payment_no,
            s.refund_no
        from transfer_list as s
        where
            s.merchant_id = p_merchant_id and s.channel = p_channel and s.refunded_at >= p_from
            and s.refunded_at < p_until
        union all
        select
            'refund_reversal', b.number, b.amount, b.came_back_at, b.channel_txn_no, b.payment_no, b.refund_no
        from transfer_list as b
        where
            b.merchant_id = p_merchant_id and b.channel = p_channel and b.came_back_at >= p_from
            and b.came_back_at < p_until
    ) as i
    cross join lateral (
        select * from payments as x where x.merchant_id = p_merchant_id and x.payment_no = i.payment_no limit 1
    ) as p
    -- What a return or a chargeback took is that return or chargeback.
    where i.refund_no not in (
        select r.refund_no from refunds as r
        where r.merchant_id = p_merchant_id and r.refund_no = i.refund_no and r.kind in ('return', 'chargeback')
        offset 0
    );
end;
$_refund_items$;

comment on function mixpay._refund_items(text, text, timestamptz, timestamptz) is
$$The refunds that a channel's statement of a time should show, and those that came back.
$$;
