-- A trade is orders merged to be paid together. Whoever changes anything of a trade (its lines, payments, refunds,
-- channel refunds, facts) locks this row first and updates it.
create table mixpay.trades (
    merchant_id text collate "C" not null,
    trade_no mixpay.number not null,
    currency text collate "C" not null,
    amount mixpay.amount not null,
    paid mixpay.amount not null default 0,
    refunded mixpay.amount not null default 0,
    state mixpay.trade_state not null default 'open',
    allocation mixpay.allocation not null,
    expires_at timestamptz,
    last_seq bigint not null default 0,
    last_entry bigint not null default 0,
    fifo_paid_at timestamptz,
    fifo_seq bigint,
    created_at timestamptz not null default now(),
    keeps_paid boolean not null default false,
    sweep_at timestamptz generated always as (case when state = 'open' then expires_at end) stored,
    primary key (merchant_id, trade_no),
    foreign key (merchant_id) references mixpay.merchants
) with (fillfactor = 85);

-- What is true of every row. One domain of the whole row, and one check that asks it: PostgreSQL reads a domain's rules
-- once in a session, and a table's own from their text with every statement that writes to it.
create domain mixpay.trade_rules as mixpay.trades
constraint paid_is_never_above_amount check ((value).paid <= (value).amount)
constraint refunded_is_never_above_paid check ((value).refunded <= (value).paid)
constraint only_a_closed_trade_keeps_paid check (not (value).keeps_paid or (value).state = 'closed')
constraint open_lacks_something_and_paid_nothing check (
    (value).state = 'closed' or ((value).state = 'paid') = ((value).paid = (value).amount)
);

alter table mixpay.trades
add constraint rules_hold check (not (cast(trades as mixpay.trade_rules) is null));

comment on domain mixpay.trade_rules is 'What is true of every row of trades.';

alter table mixpay.trades alter column merchant_id set (n_distinct = -0.01);

-- expire_trades: what is open and has an end.
create index trades_by_sweep_at on mixpay.trades (merchant_id, sweep_at, trade_no) where sweep_at is not null;

comment on table mixpay.trades is 'Orders merged to be paid together: one unique trade number.';
comment on column mixpay.trades.amount is 'The sum of its lines, in the currency''s smallest unit.';
comment on column mixpay.trades.paid is 'What its succeeded payments applied, which is what its lines are paid.';
comment on column mixpay.trades.refunded is 'The sum of its lines'' refunded.';
comment on column mixpay.trades.allocation is
'How payments are divided among its orders: the merchant''s choice when the orders were merged.';
comment on column mixpay.trades.expires_at is 'No attempt to pay may start after it; money that arrives still counts.';
comment on column mixpay.trades.keeps_paid is 'It was closed, and what was paid stays on its orders.';
comment on column mixpay.trades.sweep_at is
'When expire_trades may close it: expires_at while it is open. A column of its own, so that a payment that fills a '
'trade without an end changes nothing in an index.';
comment on column mixpay.trades.last_seq is 'The seq of the payment that succeeded last.';
comment on column mixpay.trades.last_entry is 'The entry of its last fact.';
comment on column mixpay.trades.fifo_paid_at is
'With fifo_seq, where order refunds begin to look: nothing of the payments before (paid_at, seq) is left to refund; '
'null: they begin at the first one. It only makes them fast: a refund need not read all payments that are spent.';
