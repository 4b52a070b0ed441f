-- What an order is paid and refunded over all its lines, where it has several, or its only one is a part of it or is
-- paid in part and no longer live. Whoever changes such a line changes this row: that update is the lock that keeps
-- apart two trades of the order. Of any other order, its line says it all, and there is no row.
create table mixpay.order_totals (
    merchant_id text collate "C" not null,
    order_no text collate "C" not null,
    amount mixpay.positive_amount not null,
    paid mixpay.amount not null,
    refunded mixpay.amount not null,
    primary key (merchant_id, order_no),
    foreign key (merchant_id, order_no) references mixpay.orders,
    constraint refunded_is_never_above_paid check (refunded <= paid)
) with (fillfactor = 85);

alter table mixpay.order_totals alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.order_totals is
'What an order is paid and refunded over all its trades, if it has had several, or one that did not pay all of it.';
comment on column mixpay.order_totals.amount is 'The order''s amount, in the smallest unit.';
comment on column mixpay.order_totals.paid is 'The sum of its lines'' paid.';
comment on column mixpay.order_totals.refunded is 'The sum of its lines'' refunded.';
