-- A split says how an order's money is divided among receivers. An order has at most one.
create table mixpay.splits (
    merchant_id text collate "C" not null,
    split_no mixpay.number not null,
    order_no text collate "C" not null,
    takes_place text not null,
    divided mixpay.amount not null default 0,
    created_at timestamptz not null default now(),
    primary key (merchant_id, split_no),
    foreign key (merchant_id, order_no) references mixpay.orders,
    constraint takes_place_is_known check (takes_place in ('payment', 'release'))
);

alter table mixpay.splits alter column merchant_id set (n_distinct = -0.01);

create unique index an_order_has_one_split on mixpay.splits (order_no, merchant_id) where order_no is not null;

comment on table mixpay.splits is 'How an order''s money is divided among receivers.';
comment on column mixpay.splits.takes_place is
'payment: as it arrives, and of an order on hold all but the payee''s share; release: when it leaves escrow.';
comment on column mixpay.splits.divided is
'How much of the order was divided so far, in the smallest unit; a refund does not lower it. Whoever divides raises '
'it; that update locks the row, so two trades of the order wait for each other.';
