-- What a receiver of a split has got of one line. A running total; its facts are in the log.
create table mixpay.split_shares (
    merchant_id text collate "C" not null,
    trade_no text collate "C" not null,
    split_no text collate "C" not null,
    position bigint not null,
    amount mixpay.amount not null,
    taken_back mixpay.amount not null default 0,
    primary key (merchant_id, split_no, position, trade_no),
    foreign key (merchant_id, split_no, position) references mixpay.split_receivers,
    foreign key (merchant_id, trade_no) references mixpay.trades,
    constraint taken_back_is_never_above_amount check (taken_back <= amount)
);

alter table mixpay.split_shares alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to trades.
create index split_shares_by_trade on mixpay.split_shares (trade_no, merchant_id) where trade_no is not null;

comment on table mixpay.split_shares is 'What each receiver of a split has got of each of the order''s trades.';
comment on column mixpay.split_shares.amount is
'Its share of what was divided, in the smallest unit; a refund does not lower it.';
comment on column mixpay.split_shares.taken_back is
'Its part of what was refunded since, in proportion to its share. With kept_on_refund, the receiver keeps this money, '
'and the receiver who takes the remainder gives it back.';
