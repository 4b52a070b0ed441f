create function mixpay._payment_items(
    p_merchant_id text, p_channel text, p_from timestamptz, p_until timestamptz
) returns setof mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp
as $_payment_items$
declare
    v_channel channels;
begin
    select * into v_channel from channels where channel = p_channel;
    return query
    select
        'payment', p.payment_no::text, 'payment', p.amount::bigint,
        (select t.currency from trades as t where t.merchant_id = p.merchant_id and t.trade_no = p.trade_no),
        p.paid_at,
        case when v_channel.txn_numbers = 'unique' then p.channel_txn_no::text
            else _channel_key(p.channel_txn_no, v_channel.txn_numbers, v_channel.day_zone, p.paid_at, p.amount) end,
        p.payment_no::text, p.channel_txn_no::text, 'succeeded'
    from payments as p
    where p.merchant_id = p_merchant_id and p.channel = p_channel and p.paid_at >= p_from and p.paid_at < p_until;
end;
$_payment_items$;

comment on function mixpay._payment_items(text, text, timestamptz, timestamptz) is
$$The payments that a channel's statement of a time should show.
$$;
