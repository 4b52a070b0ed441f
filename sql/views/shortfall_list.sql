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
'Work: payees and receivers who owe, because they had to give back more than they have. The next settlement nets it, '
'or record_repayment books that it was paid.';
comment on column mixpay.shortfall_list.lacking is 'What is owed, in the currency''s smallest unit.';
