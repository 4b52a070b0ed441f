create function mixpay._chargebacks_named(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines
) returns setof text
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = on set jit = off
as $_chargebacks_named$
begin
    return query
    select c.chargeback_no::text
    from (
        select p_line.our_no as number
        union
        select p_line.channel_txn_no
    ) as n
    cross join lateral (
        select * from chargebacks as x where x.merchant_id = p_line.merchant_id and x.chargeback_no = n.number
        limit 1
    ) as c
    where c.reversed > 0
    union
    select c.chargeback_no
    from (
        select p_line.of_our_no as payment_no
        union
        select p.payment_no from payments as p
        where
            p.merchant_id = p_line.merchant_id and p.channel = p_terms.owner
            and p.channel_txn_no = p_line.of_channel_txn_no and p.txn_day is not null
        union
        -- Where such numbers are no key, or were none then.
        select p.payment_no from payments as p
        where
            p.merchant_id = p_line.merchant_id and p.channel = p_terms.owner
            and p.channel_txn_no = p_line.of_channel_txn_no and p.txn_day is null
    ) as n
    cross join lateral (
        select * from chargebacks as x where x.merchant_id = p_line.merchant_id and x.payment_no = n.payment_no
        offset 0
    ) as c
    where c.reversed > 0;
end;
$_chargebacks_named$;

comment on function mixpay._chargebacks_named(mixpay.reconciled_accounts, mixpay.statement_lines) is
$$The chargebacks of which something came back and which a line of a channel names: by their number, or by that of their
payment, ours or the channel's.
$$;
