-- An order is what is to be paid. It comes into being when it is first merged into a trade; only a repricing changes
-- what it costs. What is paid and refunded of it stands on its lines (trade_orders).
create table mixpay.orders (
    merchant_id text collate "C" not null,
    order_no mixpay.number not null,
    payee_no text collate "C",
    currency text collate "C" not null,
    amount mixpay.positive_amount not null,
    merge_count bigint not null default 1,
    created_at timestamptz not null default now(),
    changes_on_record boolean not null default true,
    primary key (merchant_id, order_no),
    foreign key (merchant_id) references mixpay.merchants,
    foreign key (merchant_id, payee_no) references mixpay.payees,
    constraint merge_count_is_positive check (merge_count > 0)
);

alter table mixpay.orders alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to payees. Here and below, an index beside the key has a predicate that only who names its first
-- column fulfils: where the planner expects one row, it may otherwise take it for a look-up by key, and read all rows
-- of the merchant.
create index orders_by_payee on mixpay.orders (payee_no, merchant_id) where payee_no is not null;

comment on table mixpay.orders is 'What is to be paid, named by the caller''s order number.';
comment on column mixpay.orders.amount is 'What it costs now, in the currency''s smallest unit.';
comment on column mixpay.orders.merge_count is
'How many trades it has been merged into. merge_orders and merge_many raise it; that update locks the row, so two '
'merges of the order wait for each other.';
comment on column mixpay.orders.changes_on_record is
'Every change of its state is among the facts; false: it was there before changes of orders were written down.';
