create function mixpay._carried_over(
    p_merchant_id text, p_account mixpay.account_name, p_settlement mixpay.settlements
) returns bigint
language plpgsql stable
set search_path = mixpay, pg_temp
as $_carried_over$
begin
    -- Earlier settlements earned it and paid out; failed payouts and repayments brought it back, and of those that had
    -- arrived after all it left again.
    return (
        select coalesce(sum(e.amount), 0)
        from (
            select s.earned - s.amount as amount from settlements as s
            where
                s.merchant_id = p_merchant_id and s.account = p_account.account and s.owner = p_account.owner
                and s.currency = p_settlement.currency
            union all
            -- Looked up one by one: a plan that was made when there was nothing would join all that is there now.
            select (
                select sum(case f.to_account when p_account.account then f.amount else -f.amount end) from facts as f
                where
                    f.merchant_id = p_merchant_id and f.log = b.log and f.log_no = b.log_no and f.entry >= b.entry
                    -- A repayment counts when the debt does that it repays.
                    and (f.epoch, f.xid) < (p_settlement.until_epoch, p_settlement.until_xid)
                    and f.created_at <= p_settlement.until_at
            )
            from (
                -- All after its first fact, by which it paid out.
                select 'settlement' as log, s.settlement_no::text as log_no, 2 as entry from settlements as s
                where
                    s.merchant_id = p_merchant_id and s.account = p_account.account and s.owner = p_account.owner
                    and s.currency = p_settlement.currency and s.last_entry > 1
                union all
                select 'repayment', r.repayment_no, 1 from repayments as r
                where
                    r.merchant_id = p_merchant_id and r.account = p_account.account and r.owner = p_account.owner
                    and r.currency = p_settlement.currency
            ) as b
        ) as e
    );
end;
$_carried_over$;

comment on function mixpay._carried_over(text, mixpay.account_name, mixpay.settlements) is
$$What an account had before the stretch that a settlement covers: below zero a debt, above it a payout that failed or a
repayment. p_settlement says in which currency, and where and when the stretch ends.
$$;
