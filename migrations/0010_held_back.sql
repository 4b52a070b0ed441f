-- A settlement that leaves something out says whose transaction held it back.
-- Two columns that are null; settlements are read once for the check.
-- It is one transaction together with its mark, so nothing in it can be left to be validated later.
-- The code stays.
-- squawk-ignore-file constraint-missing-not-valid
set role mixpay_owner;

alter table mixpay.settlements
add column held_back_by text,
add constraint held_back_by_has_no_control_characters check (
    held_back_by !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);

comment on column mixpay.settlements.held_back_by is
'If something is left out: the oldest of those transactions, its session, application, login, database and age.';

alter type mixpay.settlement add attribute held_back_by text;

alter type mixpay.settlement_attempt add attribute held_back_by text;

reset role;
