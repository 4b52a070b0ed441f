-- A trade is orders merged to be paid together. Whoever changes anything of a trade (its lines, payments, refunds,
-- channel refunds, facts) locks this row first and updates it.
create table mixpay.trades (
    merchant_id text collate "C" not null,
    trade_no mixpay.number not null,
    currency text collate "C" not null,
    amount bigint not null,
    paid bigint not null default 0,
    refunded bigint not null default 0,
    state text not null default 'open',
    allocation text not null,
    expires_at timestamptz,
    last_seq bigint not null default 0,
    last_entry bigint not null default 0,
    created_at timestamptz not null default now(),
    primary key (merchant_id, trade_no),
    foreign key (merchant_id) references mixpay.merchants,
    constraint amount_is_0_to_1e15 check (amount between 0 and 1000000000000000),
    constraint paid_is_never_above_amount check (paid between 0 and amount),
    constraint refunded_is_never_above_paid check (refunded between 0 and paid),
    constraint state_follows_from_paid check (
        case state when 'open' then paid < amount when 'paid' then paid = amount else state = 'closed' end
    ),
    constraint allocation_is_known check (allocation in ('fifo', 'pro_rata'))
) with (fillfactor = 85);

comment on table mixpay.trades is 'Orders merged to be paid together: one unique trade number.';
comment on column mixpay.trades.amount is 'The sum of its lines, in the currency''s smallest unit.';
comment on column mixpay.trades.paid is 'What its succeeded payments applied, which is what its lines are paid.';
comment on column mixpay.trades.refunded is 'The sum of its lines'' refunded.';
comment on column mixpay.trades.allocation is 'The merchant''s choice when the orders were merged.';
comment on column mixpay.trades.expires_at is 'No attempt to pay may start after it; money that arrives still counts.';
comment on column mixpay.trades.last_seq is 'The seq of the payment that succeeded last.';
comment on column mixpay.trades.last_entry is 'The entry of its last fact.';
