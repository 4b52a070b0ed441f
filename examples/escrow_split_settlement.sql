-- A sofa of Oak House and a lamp of Lumen, paid once. The lamp's money is in escrow until somebody releases it.
\set SHOW_CONTEXT never
select merchant_id from mixpay.register_merchant('mall', 'Willow Furniture Mall');
select payee_no from mixpay.register_payee('mall', 'oakhouse', 'Oak House');
select payee_no from mixpay.register_payee('mall', 'lumen', 'Lumen');
select trade_no, amount from mixpay.merge_orders('mall', '[
    {"order_no": "SOFA", "amount": 600000, "currency": "CNY", "payee_no": "oakhouse"},
    {"order_no": "LAMP", "amount": 60000, "currency": "CNY", "payee_no": "lumen", "hold": true}
]', 'T-1');

-- Of the sofa 8 % are the mall's and 2 % the card company's, which keeps them when money goes back. Rates are in basis
-- points, rounded down; the order's payee takes what is left.
select position, kind, receiver, rate, takes_remainder, amount from mixpay.split_order('mall', 'SOFA', 'SPLIT-1', '[
    {"kind": "platform_fee", "receiver": "mall", "rate": 800},
    {"kind": "channel_fee", "receiver": "visa", "rate": 200, "kept_on_refund": true}
]');
select state, applied from mixpay.record_payment('mall', 'T-1', 'P-1', 'card', 660000, '2026-03-01T10:00:00+08:00');
select order_no, paid, in_escrow, cleared from mixpay.order_balances where merchant_id = 'mall' order by order_no desc;

-- A dispute holds back the release. When it is decided, a part is released; the rest stays in escrow.
select order_no, state from mixpay.open_dispute('mall', 'LAMP', 'D-1', 'it flickers');
\set VERBOSITY terse
select amount from mixpay.release_order('mall', 'LAMP', 'RELEASE-1', 50000);
select state, outcome from mixpay.close_dispute('mall', 'D-1', 'payee', 'it was the bulb');
select amount from mixpay.release_order('mall', 'LAMP', 'RELEASE-1', 50000);

-- 1000.00 of the sofa go back. Each gives back in proportion; what the card company keeps, Oak House bears.
select state from mixpay.refund_order('mall', 'SOFA', 'R-1', 100000);
select receiver, kept_on_refund, amount, taken_back, balance from mixpay.split_list
where merchant_id = 'mall' and split_no = 'SPLIT-1'
order by position;

-- Oak House is paid out. Its lines say what that is made of.
select carried_in, earned, amount, carried_out from mixpay.settle_payee('mall', 'oakhouse', 'S-1', null);
select kind, order_no, came_in, went_out, amount from mixpay.settlement_lines
where merchant_id = 'mall' and settlement_no = 'S-1';

-- The bank could not pay: the money is Oak House's again, and in the next settlement.
select state, amount from mixpay.reverse_settlement('mall', 'S-1', 'no such account');
select carried_in, earned, amount, carried_out from mixpay.settle_payee('mall', 'oakhouse', 'S-2', null);

-- A refund after the settlement: Oak House owes, until it sells something or brings the money.
select state from mixpay.refund_order('mall', 'SOFA', 'R-2', 50000);
select account, owner, lacking from mixpay.shortfall_list where merchant_id = 'mall';
select carried_in, earned, amount, carried_out from mixpay.settle_payee('mall', 'oakhouse', 'S-3', null);
select repayment_no, amount from mixpay.record_repayment('mall', 'payee:oakhouse', 'B-1', 46000, 'CNY');

-- What a bank is to pay; and each payee's money from end to end.
select settlement_no, payee_no, currency, amount, units from mixpay.payout_list where merchant_id = 'mall';
select payee_no, gross, refunds, fees, net, in_escrow, payable, paid_out, repaid from mixpay.payee_balances
where merchant_id = 'mall' order by payee_no;
