-- Where all the money is. A sofa and a table of Oak House; a gift card is nobody's but the mall's, so it has no payee.
\set SHOW_CONTEXT never
select merchant_id from mixpay.register_merchant('mall', 'Willow Furniture Mall');
select payee_no from mixpay.register_payee('mall', 'oakhouse', 'Oak House');
select trade_no, amount from mixpay.merge_orders('mall', '[
    {"order_no": "SOFA", "amount": 600000, "currency": "CNY", "payee_no": "oakhouse"},
    {"order_no": "GIFT-CARD", "amount": 5000, "currency": "CNY"}
]', 'T-1');
select trade_no, amount from mixpay.merge_orders('mall', '[
    {"order_no": "TABLE", "amount": 240000, "currency": "CNY", "payee_no": "oakhouse"}
]', 'T-2');
select applied from mixpay.record_payment('mall', 'T-1', 'P-1', 'card', 605000, '2026-03-30T10:00:00+08:00');

-- Every movement is one row, from one account to another. All money passes through its order's account. A payee's goes
-- on at once, unless it is on hold; what has no payee stays there.
select cause, cause_no, from_account, from_owner, to_account, to_owner, amount from mixpay.journal
where merchant_id = 'mall'
order by number, entry;

-- So the accounts sum to zero. Below zero is the channel: it holds that much for us.
select account, came_in, went_out, balance from mixpay.trial_balance('mall');

-- March is over. The balances of the accounts are written down and stay.
select clock_timestamp() as end_of_march \gset
select until_at = :'end_of_march' as is_it from mixpay.close_period('mall', :'end_of_march');

-- Then somebody finds a payment of 31 March, and half of the sofa is refunded. Both are booked in April.
select state from mixpay.record_payment('mall', 'T-2', 'P-2', 'cash', 240000, '2026-03-31T18:00:00+08:00');
select state from mixpay.refund_order('mall', 'SOFA', 'R-1', 300000);
select account, owner, balance from mixpay.period_list where merchant_id = 'mall' and owner <> '' order by 1, 2;
select balance as at_the_end_of_march from mixpay.account_balance('mall', 'payee:oakhouse', :'end_of_march');
select balance as now from mixpay.account_balance('mall', 'payee:oakhouse');

-- April's statement: the late payment bears its true date, and stands where it was written.
select happened_at::date < '2026-04-01' as in_march, cause, cause_no, other_account, other_owner, amount, balance
from mixpay.account_statement('mall', 'payee:oakhouse', :'end_of_march');
