-- Money that moved and has no place in the books: a channel refund that succeeded after its amount had been freed and
-- given to another refund. Somebody has to resolve it with the buyer or the channel.
create table mixpay.anomalies (
    merchant_id text collate "C" not null,
    channel_refund_no text collate "C" not null,
    amount mixpay.positive_amount not null,
    channel_txn_no mixpay.channel_number,
    happened_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, channel_refund_no),
    foreign key (merchant_id, channel_refund_no) references mixpay.channel_refunds
);

alter table mixpay.anomalies alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.anomalies is
'Money that a channel sent back although its amount had been freed and given to others.';
comment on column mixpay.anomalies.amount is 'In the currency''s smallest unit.';
comment on column mixpay.anomalies.happened_at is 'When the channel sent it.';
