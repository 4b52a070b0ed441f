-- A dispute holds back the release of an order's money until it is decided.
create table mixpay.disputes (
    merchant_id text collate "C" not null,
    dispute_no mixpay.number not null,
    order_no text collate "C" not null,
    state text not null default 'open',
    outcome text,
    reason text,
    closing_reason text,
    refund_no text collate "C",
    created_at timestamptz not null default now(),
    closed_at timestamptz,
    primary key (merchant_id, dispute_no),
    foreign key (merchant_id, order_no) references mixpay.orders,
    foreign key (merchant_id, refund_no) references mixpay.refunds,
    constraint state_is_known check (state in ('open', 'closed')),
    constraint outcome_is_known check (outcome in ('buyer', 'payee')),
    constraint closed_has_its_outcome_and_moment check (
        (outcome is not null) = (state = 'closed') and (closed_at is not null) = (state = 'closed')
    ),
    constraint refund_is_the_buyers check (refund_no is null or outcome = 'buyer'),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    ),
    constraint closing_reason_has_no_control_characters check (
        closing_reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.disputes alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to orders.
create index disputes_by_order on mixpay.disputes (order_no, merchant_id) where order_no is not null;

create unique index an_order_has_one_open_dispute on mixpay.disputes (order_no, merchant_id) where state = 'open';

-- The foreign key to refunds.
create index disputes_by_refund on mixpay.disputes (refund_no, merchant_id) where refund_no is not null;

comment on table mixpay.disputes is 'Objections to giving an order''s money to its payee.';
comment on column mixpay.disputes.outcome is 'In whose favour it was closed: buyer or payee.';
comment on column mixpay.disputes.refund_no is
'The refund that gave the buyer money back, if the dispute ended with one.';
