-- A period that is closed: what its figures were then, they stay.
create table mixpay.closed_periods (
    merchant_id text collate "C" not null,
    until_at timestamptz not null,
    epoch bigint not null,
    seen pg_snapshot not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, until_at),
    constraint a_period_ends_before_it_is_closed check (until_at <= created_at)
);

alter table mixpay.closed_periods alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.closed_periods is
'The periods whose figures are final: each from the last one''s end to its own.';
comment on column mixpay.closed_periods.until_at is
'The last moment of the period: what was written after it is in a later one.';
comment on column mixpay.closed_periods.seen is
'The snapshot in which the period was closed; epoch says of which epoch. What other transactions wrote, because they '
'ended later, is in a later period, even if its created_at is before until_at.';
