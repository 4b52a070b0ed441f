-- A route leads from a payment method, as the merchant's shop calls it, to a channel. No foreign keys: see
-- merchants.sql and channels.sql.
create table mixpay.routes (
    merchant_id text collate "C" not null,
    method text collate "C" not null,
    channel text collate "C" not null,
    currency text collate "C" not null default '*',
    priority bigint not null,
    weight bigint not null,
    min_amount mixpay.positive_amount,
    max_amount mixpay.positive_amount,
    created_at timestamptz not null default now(),
    primary key (merchant_id, method, channel, currency),
    constraint method_is_named check (length(method) between 1 and 64),
    constraint weight_is_0_to_1e6 check (weight between 0 and 1000000),
    constraint range_is_not_empty check (min_amount <= max_amount)
);

alter table mixpay.routes alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.routes is 'Which channels a merchant''s payment method may use.';
comment on column mixpay.routes.currency is 'The currency that it is for; *: any.';
comment on column mixpay.routes.priority is 'The smallest goes first.';
comment on column mixpay.routes.weight is 'Its share among routes of the same priority; 0: it is out of use.';
comment on column mixpay.routes.min_amount is 'The least that it takes, in the smallest unit; null: 1.';
comment on column mixpay.routes.max_amount is 'The most that it takes, in the smallest unit; null: any amount.';
