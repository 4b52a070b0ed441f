-- A transfer of a channel refund that came back, and in whose place on the row another one stands: the channel sent the
-- money again.
create table mixpay.bounced_transfers (
    merchant_id text collate "C" not null,
    channel_refund_no text collate "C" not null,
    nth bigint not null,
    channel_txn_no mixpay.channel_number,
    refunded_at timestamptz not null,
    bounced_at timestamptz not null,
    primary key (merchant_id, channel_refund_no, nth),
    foreign key (merchant_id, channel_refund_no) references mixpay.channel_refunds
);

alter table mixpay.bounced_transfers alter column merchant_id set (n_distinct = -0.01);

-- reconcile: a line that bears only the channel's number.
create index bounced_transfers_by_channel_txn_no on mixpay.bounced_transfers (channel_txn_no, merchant_id)
where channel_txn_no is not null;

comment on table mixpay.bounced_transfers is
'Transfers of channel refunds that came back, where the channel sent the money once more.';
comment on column mixpay.bounced_transfers.nth is 'Which of the channel refund''s transfers it is, counted from 1.';
comment on column mixpay.bounced_transfers.channel_txn_no is 'The channel''s own number of the transfer.';
comment on column mixpay.bounced_transfers.refunded_at is 'When the channel sent the money.';
comment on column mixpay.bounced_transfers.bounced_at is 'When it came back.';
