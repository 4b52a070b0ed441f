-- A return is money of a payment that its channel took back because it had never been the buyer's to give: a debit, a
-- cheque or a transfer that came back. What it paid is to be paid again.
create table mixpay.returns (
    merchant_id text collate "C" not null,
    return_no mixpay.number not null,
    payment_no text collate "C" not null,
    amount mixpay.positive_amount not null,
    unapplied mixpay.amount not null default 0,
    lost mixpay.amount not null default 0,
    reason text,
    returned_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, return_no),
    foreign key (merchant_id, payment_no) references mixpay.payments,
    constraint parts_are_never_above_amount check (unapplied + lost <= amount),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.returns alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to payments; and what is lost, when money of the payment is free again.
create index returns_by_payment on mixpay.returns (payment_no, merchant_id) where payment_no is not null;

-- reconcile: what happened in a time.
create index returns_by_moment on mixpay.returns (merchant_id, returned_at) where returned_at is not null;

comment on table mixpay.returns is
'Money of a payment that its channel took back, such as a debit that bounced: what it paid is to be paid again.';
comment on column mixpay.returns.amount is
'What the channel took back, in the currency''s smallest unit: the sum of unapplied, lost and what it took of the '
'payment''s surplus.';
comment on column mixpay.returns.unapplied is 'What was taken from the orders of its trade, which are payable again.';
comment on column mixpay.returns.lost is
'What the payment and its orders no longer had, such as money refunded before: a loss, for nobody owes it. It falls '
'when such a refund does not get through.';
comment on column mixpay.returns.returned_at is 'When the channel took it.';
