create view mixpay.dispute_list as
select
    d.merchant_id,
    d.dispute_no::text as dispute_no,
    d.order_no,
    d.state,
    d.outcome,
    b.payee_no,
    b.in_escrow,
    b.currency,
    d.reason,
    d.closing_reason,
    d.refund_no,
    d.created_at,
    d.closed_at
from mixpay.disputes as d
inner join mixpay.order_balances as b on b.merchant_id = d.merchant_id and b.order_no = d.order_no;

comment on view mixpay.dispute_list is
'Disputes about the release of orders'' money; the open ones are work: close_dispute.';
comment on column mixpay.dispute_list.in_escrow is
'What of the order is in escrow now, in the currency''s smallest unit.';
