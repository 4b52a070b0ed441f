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
    channel_txn_no mixpay.channel_number,
    refunded_at timestamptz,
    created_at timestamptz not null default now(),
    not_before timestamptz,
    sent_at timestamptz,
    redirected_from text collate "C",
    cleared mixpay.amount not null default 0,
    nth bigint not null default 1,
    bounced_at timestamptz,
    primary key (merchant_id, channel_refund_no),
    foreign key (merchant_id, refund_no, payment_no) references mixpay.refund_details,
    foreign key (merchant_id, redirected_from) references mixpay.channel_refunds
);

-- What is true of every row: a domain, as in trades.sql.
create domain mixpay.channel_refund_rules as mixpay.channel_refunds
constraint cleared_is_never_above_amount check ((value).cleared <= (value).amount)
constraint work_is_due_some_time check (
    case
        when (value).state in ('pending', 'sent', 'doubt') then (value).due_at is not null
        when (value).state = 'waiting' then (value).due_at is not distinct from (value).not_before
        else (value).due_at is null
    end
)
constraint money_that_went_back_has_its_moment check (
    case
        when (value).state in ('succeeded', 'bounced') then (value).refunded_at is not null
        when (value).state <> 'failed' then (value).refunded_at is null
        else true
    end
)
constraint money_that_came_back_has_its_moment check (
    case
        when (value).state in ('bounced', 'failed') then ((value).bounced_at is null) = ((value).refunded_at is null)
        else (value).bounced_at is null
    end
)
constraint reason_has_no_control_characters check (
    (value).reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);

alter table mixpay.channel_refunds
add constraint rules_hold check (not (cast(channel_refunds as mixpay.channel_refund_rules) is null));

comment on domain mixpay.channel_refund_rules is 'What is true of every row of channel_refunds.';

alter table mixpay.channel_refunds alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to refund_details.
create index channel_refunds_by_detail on mixpay.channel_refunds (refund_no, payment_no, merchant_id)
where refund_no is not null;

create unique index a_detail_has_one_standing_channel_refund
on mixpay.channel_refunds (refund_no, payment_no, merchant_id) where state not in ('failed', 'bounced');

-- The foreign key to what it stands for.
create unique index a_channel_refund_has_one_successor on mixpay.channel_refunds (redirected_from, merchant_id)
where redirected_from is not null;

-- claim_channel_refunds and due_merchants: what is due, or will be.
create index channel_refunds_by_due_at on mixpay.channel_refunds (merchant_id, due_at, channel_refund_no)
where due_at is not null;

-- The work lists: what somebody should look at.
create index channel_refunds_to_look_at on mixpay.channel_refunds (state, merchant_id)
where state in ('waiting', 'doubt', 'bounced');

-- reconcile: what went back in a time.
create index channel_refunds_by_moment on mixpay.channel_refunds (merchant_id, refunded_at)
where refunded_at is not null;

-- reconcile: what came back in a time.
create index channel_refunds_by_bounced_at on mixpay.channel_refunds (merchant_id, bounced_at)
where bounced_at is not null;

-- reconcile: a line that bears only the channel's number.
create index channel_refunds_by_channel_txn_no on mixpay.channel_refunds (channel_txn_no, merchant_id)
where channel_txn_no is not null;

comment on table mixpay.channel_refunds is 'One request to one channel to send money back.';
comment on column mixpay.channel_refunds.channel_refund_no is 'The idempotency key towards the channel.';
comment on column mixpay.channel_refunds.amount is 'In the currency''s smallest unit.';
comment on column mixpay.channel_refunds.reason is
'Why it waits, is in doubt, failed, bounced or goes by another channel than its payment; manual: a person hands it '
'over.';
comment on column mixpay.channel_refunds.due_at is
'When a worker may claim it: pending, at once; waiting, at not_before; sent, when the lease ends; doubt, after the '
'back-off. Null: a person has to see to it, or it has ended.';
comment on column mixpay.channel_refunds.not_before is
'The rules of the channel do not let it be sent earlier; null: they do, or they do not let it be sent at all.';
comment on column mixpay.channel_refunds.sent_at is 'When it was claimed last.';
comment on column mixpay.channel_refunds.redirected_from is
'The channel refund that ended so that this one could go another way, for the same part of the same refund.';
comment on column mixpay.channel_refunds.cleared is
'What of it the payee and receivers gave back, because it was no longer in escrow; if the amount is freed, they get '
'it back.';
comment on column mixpay.channel_refunds.worker is 'Who claimed it last.';
comment on column mixpay.channel_refunds.attempts is 'How many times it was claimed.';
comment on column mixpay.channel_refunds.channel_txn_no is 'The channel''s own number of the transfer.';
comment on column mixpay.channel_refunds.refunded_at is 'When the channel sent the money.';
comment on column mixpay.channel_refunds.nth is
'Which of its transfers channel_txn_no and refunded_at are of, counted from 1: above 1 only if the channel sent it '
'more than once. The others are in bounced_transfers and anomalies.';
comment on column mixpay.channel_refunds.bounced_at is
'When the money of the transfer that channel_txn_no and refunded_at are of came back.';
