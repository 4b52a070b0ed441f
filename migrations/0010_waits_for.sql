-- A settlement that leaves something out says for whose transaction that waits.
-- Two columns that are null; settlements are read once for the check.
-- It is one transaction together with its mark, so nothing in it can be left to be validated later.
-- The code stays.
-- squawk-ignore-file constraint-missing-not-valid
set role mixpay_owner;

alter table mixpay.settlements
add column waits_for text,
add constraint waits_for_has_no_control_characters check (
    waits_for !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);

comment on column mixpay.settlements.waits_for is
'If something is left out: the oldest of those transactions, its session, application, login, database and age.';

alter type mixpay.settlement add attribute waits_for text;

alter type mixpay.settlement_attempt add attribute waits_for text;

reset role;
