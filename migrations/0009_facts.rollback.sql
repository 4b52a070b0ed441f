-- Takes back 0009.
set role mixpay_owner;

drop type mixpay.fact;

reset role;
