-- A repricing changes what an order costs. Written once; the order itself says what it costs now.
create table mixpay.repricings (
    merchant_id text collate "C" not null,
    reprice_no mixpay.number not null,
    order_no text collate "C" not null,
    nth bigint not null,
    merge_count bigint not null,
    from_amount mixpay.positive_amount not null,
    amount mixpay.positive_amount not null,
    reason text,
    created_at timestamptz not null default now(),
    primary key (merchant_id, reprice_no),
    foreign key (merchant_id, order_no) references mixpay.orders,
    constraint counters_are_positive check (nth > 0 and merge_count > 0),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.repricings alter column merchant_id set (n_distinct = -0.01);

-- What an order cost when it was merged; and the foreign key to orders.
create unique index nth_repricing_is_the_orders_own_counter on mixpay.repricings (order_no, merchant_id, nth)
where order_no is not null;

comment on table mixpay.repricings is 'Changes of what an order costs.';
comment on column mixpay.repricings.nth is 'Its place among the repricings of the order, from 1.';
comment on column mixpay.repricings.merge_count is
'How many trades the order had been merged into by then. A line of the order whose nth is above this was merged later.';
comment on column mixpay.repricings.from_amount is 'What the order cost before, in the currency''s smallest unit.';
comment on column mixpay.repricings.amount is 'What it costs from then on, in the currency''s smallest unit.';
