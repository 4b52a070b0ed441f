create view mixpay.settlement_list as
select
    merchant_id,
    settlement_no::text as settlement_no,
    payee_no,
    case when account = 'receiver' then owner end as receiver,
    nth,
    currency,
    until_at,
    carried_in,
    earned,
    amount::bigint as amount,
    carried_out,
    state,
    reason,
    created_at,
    reversed_at,
    account::text as account,
    owner,
    bank::text as bank,
    left_out,
    waits_for
from mixpay.settlements;

comment on view mixpay.settlement_list is
'What payees and receivers were paid out: carried_in plus earned is amount plus carried_out, in the smallest unit.';
comment on column mixpay.settlement_list.bank is 'The bank account that pays it out; empty: before 0.5.0.';
comment on column mixpay.settlement_list.account is 'What was settled: payee or receiver; owner says which.';
comment on column mixpay.settlement_list.waits_for is
'If something is left out, the oldest transaction that ran then: its session, application, login, database and age.';
