-- One request to one channel to send money back. Its number is what the channel knows it by, however often it is sent.
create table mixpay.channel_refunds (
    merchant_id text collate "C" not null,
    channel_refund_no mixpay.number not null,
    refund_no text collate "C" not null,
    payment_no text collate "C" not null,
    channel text collate "C" not null,
    amount mixpay.positive_amount not null,
    state mixpay.channel_refund_state not null,
    reason text,
    due_at timestamptz,
    worker text,
    attempts bigint not null default 0,
    channel_txn_no mixpay.number,
    refunded_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (merchant_id, channel_refund_no),
    foreign key (merchant_id, refund_no, payment_no) references mixpay.refund_details,
    constraint work_is_due_some_time check ((state in ('pending', 'sent', 'doubt')) = (due_at is not null)),
    constraint money_that_went_back_has_its_moment check (
        (state in ('succeeded', 'bounced')) = (refunded_at is not null)
    )
);

-- The foreign key to refund_details.
create index channel_refunds_by_detail on mixpay.channel_refunds (refund_no, payment_no, merchant_id);

create unique index a_detail_has_one_standing_channel_refund
on mixpay.channel_refunds (refund_no, payment_no, merchant_id) where state not in ('failed', 'bounced');

-- claim_channel_refunds: what is due.
create index channel_refunds_by_due_at on mixpay.channel_refunds (merchant_id, due_at)
where state in ('pending', 'sent', 'doubt');

comment on table mixpay.channel_refunds is 'One request to one channel to send money back.';
comment on column mixpay.channel_refunds.channel_refund_no is 'The idempotency key towards the channel.';
comment on column mixpay.channel_refunds.amount is 'In the currency''s smallest unit.';
comment on column mixpay.channel_refunds.reason is 'Why it waits, is in doubt or failed; waiting for a person: manual.';
comment on column mixpay.channel_refunds.due_at is
'When a worker may claim it: pending, at once; sent, when the lease ends; doubt, after the back-off.';
comment on column mixpay.channel_refunds.worker is 'Who claimed it last.';
comment on column mixpay.channel_refunds.attempts is 'How many times it was claimed.';
comment on column mixpay.channel_refunds.channel_txn_no is 'The channel''s own number of the transfer.';
comment on column mixpay.channel_refunds.refunded_at is 'When the channel sent the money.';
