create view mixpay.payout_list as
select
    s.merchant_id,
    s.settlement_no,
    s.payee_no,
    s.receiver,
    p.title,
    s.currency,
    s.amount,
    round(s.amount / 10::numeric ^ c.exponent, c.exponent) as units,
    s.until_at,
    s.created_at,
    s.bank
from mixpay.settlement_list as s
inner join mixpay.currencies as c on c.currency = s.currency
left join mixpay.payees as p on p.merchant_id = s.merchant_id and p.payee_no = s.payee_no
where s.state = 'settled' and s.amount > 0;

comment on view mixpay.payout_list is
'What a bank is to pay to whom, once per settlement_no. As CSV, for one settlement or one until_at, it is a payout '
'file.';
comment on column mixpay.payout_list.settlement_no is 'The payout''s own number: the bank pays once under it.';
comment on column mixpay.payout_list.title is 'The payee''s title; a receiver has none.';
comment on column mixpay.payout_list.amount is 'In the currency''s smallest unit.';
comment on column mixpay.payout_list.units is
'The same as a decimal amount, with as many decimals as the currency has.';
comment on column mixpay.payout_list.bank is 'The bank account that is to pay; empty: before 0.5.0.';
comment on column mixpay.payout_list.until_at is
'The settlement''s; the same for all settlements that were made until one moment.';
