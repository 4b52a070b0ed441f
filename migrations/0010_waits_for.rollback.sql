-- Takes back 0010.
set role mixpay_owner;

alter type mixpay.settlement_attempt drop attribute waits_for;

alter type mixpay.settlement drop attribute waits_for;

alter table mixpay.settlements drop column waits_for;

reset role;
