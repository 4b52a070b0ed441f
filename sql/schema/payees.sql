-- A payee is a store or seller under a merchant; an order belongs to one.
create table mixpay.payees (
    merchant_id text collate "C" not null,
    payee_no mixpay.number not null,
    title text not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, payee_no),
    foreign key (merchant_id) references mixpay.merchants,
    constraint title_is_not_empty check (title <> '')
);

comment on table mixpay.payees is 'The stores or sellers under a merchant.';
