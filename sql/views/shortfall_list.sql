create view mixpay.shortfall_list as
select
    b.merchant_id,
    b.account,
    b.owner,
    b.currency,
    -b.balance as lacking,
    p.title
from mixpay.account_balances as b
left join mixpay.payees as p on b.account = 'payee' and p.merchant_id = b.merchant_id and p.payee_no = b.owner
where b.account in ('payee', 'receiver', 'fee') and b.balance < 0;

comment on view mixpay.shortfall_list is
'Work: who owes, for he had to give back more than he has. The next settlement nets it, or record_repayment pays it.';
comment on column mixpay.shortfall_list.lacking is 'What he owes, in the currency''s smallest unit.';
