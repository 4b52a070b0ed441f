create view mixpay.return_list as
select
    r.merchant_id,
    r.return_no::text as return_no,
    r.payment_no,
    p.trade_no,
    p.channel,
    t.currency,
    r.amount::bigint as amount,
    r.unapplied::bigint as unapplied,
    r.amount - r.unapplied - r.lost as of_surplus,
    r.lost::bigint as lost,
    t.state::text as trade_state,
    r.reason,
    r.returned_at,
    r.created_at
from mixpay.returns as r
inner join mixpay.payments as p on p.merchant_id = r.merchant_id and p.payment_no = r.payment_no
inner join mixpay.trades as t on t.merchant_id = p.merchant_id and t.trade_no = p.trade_no;

comment on view mixpay.return_list is
'Each return: what of the payment is to be paid again, what went from its surplus, and what is lost, in the smallest '
'unit.';
comment on column mixpay.return_list.unapplied is 'What was taken from its orders, which are to be paid again.';
comment on column mixpay.return_list.lost is 'What had been given back before; see loss_list.';
comment on column mixpay.return_list.trade_state is 'The state of its trade now; open: it is to be paid again there.';
