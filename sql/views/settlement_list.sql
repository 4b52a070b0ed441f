create view mixpay.settlement_list as
select
    merchant_id,
    settlement_no,
    payee_no,
    receiver,
    nth,
    currency,
    until_at,
    carried_in,
    earned,
    amount,
    carried_out,
    state,
    reason,
    created_at,
    reversed_at
from mixpay.settlements;

comment on view mixpay.settlement_list is
'What payees and receivers were paid out: carried_in plus earned is amount plus carried_out, in the smallest unit.';
