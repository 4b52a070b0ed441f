-- Takes back 0011.
set role mixpay_owner;

drop index mixpay.facts_of_refunds;

reset role;
