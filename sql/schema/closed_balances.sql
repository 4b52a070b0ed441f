-- What the accounts had got and given when a period ended. Written once.
create table mixpay.closed_balances (
    merchant_id text collate "C" not null,
    until_at timestamptz not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    currency text collate "C" not null,
    came_in bigint not null,
    went_out bigint not null,
    primary key (merchant_id, until_at, account, owner, currency),
    foreign key (merchant_id, until_at) references mixpay.closed_periods
);

alter table mixpay.closed_balances alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.closed_balances is
'What had come into and gone out of each account, from the beginning until the end of each closed period.';
comment on column mixpay.closed_balances.owner is 'Whose account; empty: all accounts of this kind together.';
comment on column mixpay.closed_balances.came_in is 'All that came in until then, in the currency''s smallest unit.';
comment on column mixpay.closed_balances.went_out is 'All that went out until then.';
