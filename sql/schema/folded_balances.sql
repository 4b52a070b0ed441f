-- What an account had got and given at the end of a fold that moved it. Without an owner: all accounts of the kind.
create table mixpay.folded_balances (
    merchant_id text collate "C" not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    currency text collate "C" not null,
    fold bigint not null,
    came_in bigint not null,
    went_out bigint not null,
    is_last boolean not null,
    primary key (merchant_id, account, owner, currency, fold)
) with (fillfactor = 90);

alter table mixpay.folded_balances alter column merchant_id set (n_distinct = -0.01);

create unique index an_account_has_one_last_balance
on mixpay.folded_balances (merchant_id, account, owner, currency) where is_last;

comment on table mixpay.folded_balances is
'What had come into and gone out of accounts at the end of each fold that has movements of them.';
comment on column mixpay.folded_balances.owner is 'Whose account; empty: all accounts of this kind together.';
comment on column mixpay.folded_balances.came_in is 'All that came in so far, in the currency''s smallest unit.';
comment on column mixpay.folded_balances.went_out is 'All that went out so far.';
comment on column mixpay.folded_balances.is_last is 'No later fold has movements of this account in this currency.';
