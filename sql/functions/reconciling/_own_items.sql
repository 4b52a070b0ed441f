create function mixpay._own_items(
    p_merchant_id text, p_account text, p_owner text, p_from timestamptz, p_until timestamptz
) returns setof mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp
as $_own_items$
declare
    v_channel channels;
begin
    if p_account = 'bank' then
        return query select * from _bank_items(p_merchant_id, p_owner, p_from, p_until);
        return;
    end if;
    select * into v_channel from channels where channel = p_owner;
    return query
    select
        'payment', p.payment_no::text, 'payment', p.amount::bigint,
        (select t.currency from trades as t where t.merchant_id = p.merchant_id and t.trade_no = p.trade_no),
        p.paid_at,
        case when v_channel.txn_numbers = 'unique' then p.channel_txn_no::text
            else _channel_key(p.channel_txn_no, v_channel.txn_numbers, v_channel.day_zone, p.paid_at, p.amount) end,
        p.payment_no::text, p.channel_txn_no::text, 'succeeded'
    from payments as p
    where p.merchant_id = p_merchant_id and p.channel = p_owner and p.paid_at >= p_from and p.paid_at < p_until;
    return query select * from _refund_items(p_merchant_id, p_owner, p_from, p_until);
    return query
    select
        i.kind, i.number, case i.kind when 'chargeback_fee' then 'fee' else i.kind end, i.amount,
        (select t.currency from trades as t where t.merchant_id = p.merchant_id and t.trade_no = p.trade_no), i.at,
        i.number, i.payment_no, p.channel_txn_no::text, 'succeeded'
    from (
        select 'chargeback' as kind, chargeback_no::text as number, -amount as amount, charged_at as at, payment_no
        from chargebacks
        where merchant_id = p_merchant_id
        union all
        select 'chargeback_fee', chargeback_no::text, -fee, charged_at, payment_no from chargebacks
        where merchant_id = p_merchant_id and fee > 0
        union all
        select 'chargeback_reversal', chargeback_no::text, reversed, reversed_at, payment_no from chargebacks
        where merchant_id = p_merchant_id and reversed > 0
        union all
        select 'return', return_no::text, -amount, returned_at, payment_no from returns
        where merchant_id = p_merchant_id
    ) as i
    cross join lateral (
        select * from payments as x where x.merchant_id = p_merchant_id and x.payment_no = i.payment_no limit 1
    ) as p
    where i.at >= p_from and i.at < p_until and p.channel = p_owner;
    return query
    select
        'fee', f.fee_no::text, 'fee', -f.amount, f.currency, f.charged_at, f.fee_no::text, f.payment_no,
        (
            select p.channel_txn_no::text from payments as p
            where p.merchant_id = f.merchant_id and p.payment_no = f.payment_no
        ),
        'succeeded'
    from channel_fees as f
    where f.merchant_id = p_merchant_id and f.channel = p_owner and f.charged_at >= p_from and f.charged_at < p_until;
    return query
    select
        case when o.amount > 0 then 'payout' else 'payout_reversal' end, o.payout_no::text,
        case when o.amount > 0 then 'payout' else 'payout_reversal' end, -o.amount, o.currency, o.paid_at,
        o.payout_no::text, null::text, null::text, 'succeeded'
    from channel_payouts as o
    where o.merchant_id = p_merchant_id and o.channel = p_owner and o.paid_at >= p_from and o.paid_at < p_until;
end;
$_own_items$;

comment on function mixpay._own_items(text, text, text, timestamptz, timestamptz) is
$$What of ours a statement of an account should cover: what moved money there from p_from and before p_until.
$$;
