-- No payee and no receiver was paid out more than ever came in for it. What was reversed and then had arrived after all
-- may have been paid out twice: that is a debt, not a wrong payout.
create view mixpay._payouts_are_never_above_what_came_in with (security_barrier) as
select s.merchant_id, s.account, s.owner, s.currency, s.paid_out, coalesce(i.came_in, 0) as came_in
from (
    select z.merchant_id, z.account, z.owner, z.currency, sum(z.amount) as paid_out
    from mixpay.settlements as z
    where
        z.state = 'settled' and not exists (
            select from mixpay.facts as f
            where
                f.merchant_id = z.merchant_id and f.log = 'settlement' and f.log_no = z.settlement_no
                and f.from_state = 'reversed'
        )
    group by 1, 2, 3, 4
) as s
left join (
    select merchant_id, account, owner, currency, sum(came_in) as came_in
    from mixpay.postings
    where account in ('payee', 'receiver') and source <> 'settlement'
    group by 1, 2, 3, 4
) as i on i.merchant_id = s.merchant_id and i.account = s.account and i.owner = s.owner and i.currency = s.currency
where s.paid_out > coalesce(i.came_in, 0);
