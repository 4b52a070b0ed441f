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
        i.kind, i.channel_refund_no, i.kind, i.amount,
        (select t.currency from trades as t where t.merchant_id = p.merchant_id and t.trade_no = p.trade_no), i.at,
        _channel_key(i.channel_txn_no, v_channel.txn_numbers, v_channel.day_zone, i.at, i.amount),
        i.payment_no, p.channel_txn_no::text, 'succeeded'
    from (
        select
            'refund' as kind, c.channel_refund_no::text as channel_refund_no, -c.amount as amount, c.refunded_at as at,
            c.channel_txn_no::text as channel_txn_no, c.payment_no, c.refund_no
        from channel_refunds as c
        where
            c.merchant_id = p_merchant_id and c.channel = p_channel and c.refunded_at >= p_from
            and c.refunded_at < p_until
        union all
        -- What a channel sent although it was no longer ours to send.
        select
            'refund', c.channel_refund_no::text, -a.amount, a.happened_at, a.channel_txn_no::text, c.payment_no,
            c.refund_no
        from anomalies as a
        inner join channel_refunds as c
            on c.merchant_id = a.merchant_id and c.channel_refund_no = a.channel_refund_no
        where
            a.merchant_id = p_merchant_id and c.channel = p_channel and a.happened_at >= p_from
            and a.happened_at < p_until and c.refunded_at is null
        union all
        -- And what of that it gave back.
        select
            'refund_reversal', c.channel_refund_no::text, a.amount::bigint, s.created_at, a.channel_txn_no::text,
            c.payment_no, c.refund_no
        from anomaly_resolutions as s
        inner join anomalies as a
            on a.merchant_id = s.merchant_id and a.channel_refund_no = s.channel_refund_no
        inner join channel_refunds as c
            on c.merchant_id = s.merchant_id and c.channel_refund_no = s.channel_refund_no
        where
            s.merchant_id = p_merchant_id and c.channel = p_channel and s.resolution = 'recovered'
            and s.created_at >= p_from and s.created_at < p_until and c.refunded_at is null
        union all
        -- One that bounced, and perhaps was redirected then, went and came back.
        select 'refund_reversal', b.channel_refund_no, b.amount, b.at, b.channel_txn_no, b.payment_no, b.refund_no
        from (
            select
                c.channel_refund_no::text as channel_refund_no, c.amount::bigint as amount, c.payment_no, c.refund_no,
                c.channel_txn_no::text as channel_txn_no, (
                    select max(f.happened_at) from facts as f
                    where
                        f.merchant_id = c.merchant_id and f.log = 'trade' and f.log_no = (
                            select x.trade_no from payments as x
                            where x.merchant_id = c.merchant_id and x.payment_no = c.payment_no
                        )
                        and f.entity = 'channel_refund' and f.number = c.channel_refund_no and f.to_state = 'bounced'
                ) as at
            from channel_refunds as c
            where
                c.merchant_id = p_merchant_id and c.channel = p_channel and c.state in ('bounced', 'failed')
                and c.refunded_at is not null
        ) as b
        where b.at >= p_from and b.at < p_until
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
