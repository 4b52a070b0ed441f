-- Takes back 0010.
set role mixpay_owner;

alter type mixpay.settlement_attempt drop attribute held_back_by;

alter type mixpay.settlement drop attribute held_back_by;

alter table mixpay.settlements drop column held_back_by;

reset role;
