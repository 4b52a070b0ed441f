-- What a statement sums to, in each currency, when it is sealed. Written once.
create table mixpay.statement_totals (
    merchant_id text collate "C" not null,
    statement_no text collate "C" not null,
    currency text collate "C" not null,
    line_count bigint not null,
    amount bigint not null,
    fee bigint not null,
    primary key (merchant_id, statement_no, currency),
    foreign key (merchant_id, statement_no) references mixpay.statements
);

alter table mixpay.statement_totals alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.statement_totals is 'What statements sum to.';
comment on column mixpay.statement_totals.amount is 'The sum of its lines, in the smallest unit.';
comment on column mixpay.statement_totals.fee is 'The sum of the fees that its lines name.';
