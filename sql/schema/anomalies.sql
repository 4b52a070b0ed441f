-- Money that moved and has no place in the books: a channel refund that succeeded after its amount had been freed and
-- given to another refund. Somebody has to resolve it with the buyer or the channel.
create table mixpay.anomalies (
    merchant_id text collate "C" not null,
    channel_refund_no text collate "C" not null,
    amount mixpay.positive_amount not null,
    channel_txn_no mixpay.channel_number,
    happened_at timestamptz not null,
    created_at timestamptz not null default now(),
    nth bigint not null default 1,
    primary key (merchant_id, channel_refund_no, nth),
    foreign key (merchant_id, channel_refund_no) references mixpay.channel_refunds
);

alter table mixpay.anomalies alter column merchant_id set (n_distinct = -0.01);

-- reconcile: a line that bears only the channel's number.
create index anomalies_by_channel_txn_no on mixpay.anomalies (channel_txn_no, merchant_id)
where channel_txn_no is not null;

comment on table mixpay.anomalies is
'Money that a channel sent back although its amount had been freed and given to others.';
comment on column mixpay.anomalies.amount is 'In the currency''s smallest unit.';
comment on column mixpay.anomalies.happened_at is 'When the channel sent it.';
comment on column mixpay.anomalies.nth is 'Which of the channel refund''s transfers it is, counted from 1.';
