create function mixpay._bank_items(
    p_merchant_id text, p_bank text, p_from timestamptz, p_until timestamptz
) returns setof mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp
as $_bank_items$
begin
    return query
    select
        i.kind, i.number, case when i.amount > 0 then 'in' else 'out' end, i.amount, i.currency, i.at, i.number,
        null::text, null::text, 'succeeded'
    from (
        select
            case when o.amount > 0 then 'payout' else 'payout_reversal' end as kind, o.payout_no::text as number,
            o.amount::bigint as amount, o.currency, o.paid_at as at
        from channel_payouts as o
        where o.merchant_id = p_merchant_id and o.bank = p_bank
        union all
        select 'settlement', s.settlement_no::text, -s.amount, s.currency, s.created_at
        from settlements as s
        where s.merchant_id = p_merchant_id and s.bank = p_bank and s.amount > 0
        union all
        select 'settlement_reversal', s.settlement_no::text, s.amount::bigint, s.currency, s.reversed_at
        from settlements as s
        where s.merchant_id = p_merchant_id and s.bank = p_bank and s.state = 'reversed'
        union all
        select 'repayment', r.repayment_no::text, r.amount::bigint, r.currency, r.repaid_at
        from repayments as r
        where r.merchant_id = p_merchant_id and r.bank = p_bank
    ) as i
    where i.at >= p_from and i.at < p_until;
end;
$_bank_items$;

comment on function mixpay._bank_items(text, text, timestamptz, timestamptz) is
$$What a bank's statement of a time should show: channels' payouts, settlements, repayments.
$$;
