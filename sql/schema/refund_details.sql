-- How much of a refund one payment bears. A fact: only freed may change.
create table mixpay.refund_details (
    merchant_id text collate "C" not null,
    refund_no text collate "C" not null,
    payment_no text collate "C" not null,
    amount mixpay.positive_amount not null,
    freed boolean not null default false,
    primary key (merchant_id, refund_no, payment_no),
    foreign key (merchant_id, refund_no) references mixpay.refunds,
    foreign key (merchant_id, payment_no) references mixpay.payments
);

alter table mixpay.refund_details alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to payments.
create index refund_details_by_payment on mixpay.refund_details (payment_no, merchant_id) where payment_no is not null;

comment on table mixpay.refund_details is 'How much of a refund one payment bears: the result of first in, first out.';
comment on column mixpay.refund_details.amount is 'In the currency''s smallest unit.';
comment on column mixpay.refund_details.freed is 'It did not get through: the amount counts no longer as refunded.';
