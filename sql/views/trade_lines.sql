create view mixpay.trade_lines as
select
    l.merchant_id,
    l.trade_no,
    l.position,
    l.order_no,
    l.nth,
    l.payee_no,
    t.currency,
    l.amount::bigint as amount,
    l.paid::bigint as paid,
    l.refunded::bigint as refunded,
    l.paid - l.refunded as refundable,
    l.paid - l.refunded - l.cleared as in_escrow,
    l.cleared::bigint as cleared,
    l.live,
    l.split_no,
    l.release_at
from mixpay.trade_orders as l
inner join mixpay.trades as t on t.merchant_id = l.merchant_id and t.trade_no = l.trade_no;

comment on view mixpay.trade_lines is
'Each order''s share in each of its trades: what is paid, refunded and in escrow of it there, in the currency''s '
'smallest unit.';
comment on column mixpay.trade_lines.position is
'Its place in the trade, from 1: under fifo, money fills the lines in this order.';
comment on column mixpay.trade_lines.nth is 'Which of the order''s trades it is, counted from 1.';
comment on column mixpay.trade_lines.amount is 'What is to be paid of the order in this trade.';
comment on column mixpay.trade_lines.cleared is 'What is its payee''s, or divided among receivers.';
comment on column mixpay.trade_lines.live is 'Its trade is open, and money that arrives may pay it.';
comment on column mixpay.trade_lines.release_at is
'When what is in escrow is due for release; empty: nothing is in escrow, or no moment was set.';
