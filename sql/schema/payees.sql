-- A payee is a store or seller under a merchant; an order belongs to one.
create table mixpay.payees (
    merchant_id text collate "C" not null,
    payee_no mixpay.number not null,
    title text not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, payee_no),
    foreign key (merchant_id) references mixpay.merchants,
    constraint title_is_not_blank check (title !~ '^ *$'),
    constraint title_has_no_control_characters check (
        title !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

-- Here and in every table below: a merchant has many rows, also when ANALYZE has seen the first one only. Without this
-- the planner would then take merchant_id for a key, and read all rows of the merchant.
alter table mixpay.payees alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.payees is 'The stores or sellers under a merchant.';
