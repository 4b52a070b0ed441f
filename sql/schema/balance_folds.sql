-- A fold sums up a stretch of the journal, so that a balance need not add it up again. A matter of speed only: every
-- balance is the same with and without.
create table mixpay.balance_folds (
    merchant_id text collate "C" not null,
    fold bigint not null,
    from_epoch bigint not null,
    from_xid xid8 not null,
    until_epoch bigint not null,
    until_xid xid8 not null,
    movements bigint not null,
    earliest_at timestamptz,
    latest_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (merchant_id, fold),
    constraint range_goes_forward check ((from_epoch, from_xid) <= (until_epoch, until_xid)),
    constraint movements_have_their_time check (movements = 0 or (earliest_at is not null and latest_at is not null))
);

alter table mixpay.balance_folds alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.balance_folds is
'Stretches of the journal that are summed up in folded_balances, so that balances need not read them again.';
comment on column mixpay.balance_folds.fold is
'Its place among the merchant''s folds, from 1: each begins where the last one ended.';
comment on column mixpay.balance_folds.until_xid is
'With until_epoch, the first transaction that it does not cover: all before had ended.';
comment on column mixpay.balance_folds.earliest_at is 'When the first of its own movements was written.';
comment on column mixpay.balance_folds.latest_at is
'When the last of its movements was written, or of any fold before it.';
