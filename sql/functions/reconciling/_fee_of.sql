create function mixpay._fee_of(
    p_terms mixpay.reconciled_accounts, p_kind text, p_number text, p_amount bigint, p_fee_theirs bigint
) returns bigint
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_fee_of$
begin
    if p_fee_theirs is null or p_terms.account <> 'channel' then
        return null;
    elsif p_kind = 'chargeback' then
        return (select fee from chargebacks where merchant_id = p_terms.merchant_id and chargeback_no = p_number);
    elsif p_kind <> 'payment' then
        return null;
    end if;
    return coalesce(
        (
            select sum(f.amount) from channel_fees as f
            where
                f.merchant_id = p_terms.merchant_id and f.payment_no = p_number and f.channel = p_terms.owner
                and f.amount > 0
        ),
        (p_amount * p_terms.fee_rate + 500000) / 1000000 + p_terms.fee_fixed
    );
end;
$_fee_of$;

comment on function mixpay._fee_of(mixpay.reconciled_accounts, text, text, bigint, bigint) is
$$What a channel took for a payment or a chargeback by our books, or else what was agreed, rounded half up; null:
nothing was, or the line names no fee.
$$;
