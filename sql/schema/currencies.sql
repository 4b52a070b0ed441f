-- ISO 4217.
create table mixpay.currencies (
    currency text collate "C" primary key check (currency ~ '^[A-Z]{3}$'),
    exponent smallint not null check (exponent between 0 and 4)
);
comment on table mixpay.currencies is 'The currencies of ISO 4217.';
insert into mixpay.currencies values ('CNY', 2), ('JPY', 0);
