-- No payee and no receiver was paid out more than ever came in for it.
select s.merchant_id, s.account, s.owner, s.currency, s.paid_out, coalesce(i.came_in, 0) as came_in
from (
    select merchant_id, account, owner, currency, sum(amount) as paid_out
    from mixpay.settlements
    where state = 'settled'
    group by 1, 2, 3, 4
) as s
left join (
    select merchant_id, account, owner, currency, sum(came_in) as came_in
    from mixpay.postings
    where account in ('payee', 'receiver') and source <> 'settlement'
    group by 1, 2, 3, 4
) as i on i.merchant_id = s.merchant_id and i.account = s.account and i.owner = s.owner and i.currency = s.currency
where s.paid_out > coalesce(i.came_in, 0);
