-- A release gives money of an order that is in escrow to its payee, by call or because it was due.
create table mixpay.releases (
    merchant_id text collate "C" not null,
    release_no mixpay.number not null,
    order_no text collate "C" not null,
    amount mixpay.positive_amount not null,
    was_due boolean not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, release_no),
    foreign key (merchant_id, order_no) references mixpay.orders
);

alter table mixpay.releases alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to orders.
create index releases_by_order on mixpay.releases (order_no, merchant_id) where order_no is not null;

comment on table mixpay.releases is 'Money in escrow that was given to its payee: whole or in part.';
comment on column mixpay.releases.amount is 'In the currency''s smallest unit.';
comment on column mixpay.releases.was_due is 'Its moment came; else somebody called.';
