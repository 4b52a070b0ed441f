-- A channel may send the money of a channel refund more than once, because the first time it came back. Each of these
-- transfers is on record by itself, and each may be an anomaly. What lines name by the channel's number alone, and the
-- lines of a batch, are found by indexes.
-- The log, the channel refunds and the lines of statements are read once. It is one transaction together with its mark,
-- so no index can be built concurrently, and nothing can be left to be validated later.
-- The code stays.
-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint, require-concurrent-index-creation
-- squawk-ignore-file adding-serial-primary-key-field, adding-foreign-key-constraint
set role mixpay_owner;

alter table mixpay.channel_refunds add column nth bigint not null default 1;

comment on column mixpay.channel_refunds.nth is
'Which of its transfers channel_txn_no and refunded_at are of, counted from 1: above 1 only if the channel sent it '
'more than once. The others are in bounced_transfers and anomalies.';

alter type mixpay.channel_refund add attribute nth bigint;

create index channel_refunds_by_channel_txn_no on mixpay.channel_refunds (channel_txn_no, merchant_id)
where channel_txn_no is not null;

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

create index bounced_transfers_by_channel_txn_no on mixpay.bounced_transfers (channel_txn_no, merchant_id)
where channel_txn_no is not null;

comment on table mixpay.bounced_transfers is
'Transfers of channel refunds that came back, where the channel sent the money once more.';
comment on column mixpay.bounced_transfers.nth is 'Which of the channel refund''s transfers it is, counted from 1.';
comment on column mixpay.bounced_transfers.channel_txn_no is 'The channel''s own number of the transfer.';
comment on column mixpay.bounced_transfers.refunded_at is 'When the channel sent the money.';
comment on column mixpay.bounced_transfers.bounced_at is 'When it came back.';

alter table mixpay.anomalies add column nth bigint not null default 1;
alter table mixpay.anomaly_resolutions add column nth bigint not null default 1;
alter table mixpay.anomaly_resolutions
drop constraint anomaly_resolutions_merchant_id_channel_refund_no_fkey,
drop constraint anomaly_resolutions_pkey;
alter table mixpay.anomalies
drop constraint anomalies_pkey,
add primary key (merchant_id, channel_refund_no, nth);

comment on column mixpay.anomalies.nth is 'Which of the channel refund''s transfers it is, counted from 1.';
comment on column mixpay.anomaly_resolutions.nth is 'Which of the channel refund''s transfers the anomaly is.';

create index anomalies_by_channel_txn_no on mixpay.anomalies (channel_txn_no, merchant_id)
where channel_txn_no is not null;

-- What came back and went again has its moments in the log; and the channel's number, if the code of before kept
-- it, or the anomaly that it was.
insert into mixpay.bounced_transfers (merchant_id, channel_refund_no, nth, channel_txn_no, refunded_at, bounced_at)
select
    b.merchant_id, b.number, b.nth, coalesce(n.channel_txn_no, (
        select a.channel_txn_no from mixpay.anomalies as a
        where a.merchant_id = b.merchant_id and a.channel_refund_no = b.number and a.happened_at = s.refunded_at
    )),
    s.refunded_at, b.happened_at
from (
    select
        f.merchant_id, f.log_no, f.number, f.entry, f.happened_at, c.state,
        row_number() over (partition by f.merchant_id, f.number order by f.entry) as nth,
        count(*) over (partition by f.merchant_id, f.number) as bounces
    from mixpay.facts as f
    inner join mixpay.channel_refunds as c on c.merchant_id = f.merchant_id and c.channel_refund_no = f.number
    where f.entity = 'channel_refund' and f.to_state = 'bounced' and f.from_state <> 'bounced'
) as b
cross join lateral (
    select f.happened_at as refunded_at from mixpay.facts as f
    where
        f.merchant_id = b.merchant_id and f.log = 'trade' and f.log_no = b.log_no and f.entry < b.entry
        and f.entity = 'channel_refund' and f.number = b.number and f.to_state = 'succeeded'
    order by f.entry desc
    limit 1
) as s
left join lateral (
    select substr(f.reason, length('came back: channel transaction ') + 1) as channel_txn_no from mixpay.facts as f
    where
        f.merchant_id = b.merchant_id and f.log = 'trade' and f.log_no = b.log_no and f.entry > b.entry
        and f.entity = 'channel_refund' and f.number = b.number and f.from_state = f.to_state
        and f.happened_at = s.refunded_at and f.reason like 'came back: channel transaction %'
    order by f.entry
    limit 1
) as n on true
-- The last one stands on the channel refund, unless it went once more.
where b.nth < b.bounces or b.state = 'succeeded';

update mixpay.channel_refunds as c
set nth = b.nth + 1
from (
    select merchant_id, channel_refund_no, max(nth) as nth from mixpay.bounced_transfers
    group by merchant_id, channel_refund_no
) as b
where c.merchant_id = b.merchant_id and c.channel_refund_no = b.channel_refund_no;

-- One that was booked is what stands on the channel refund, or stood there and came back; another one is a further one.
update mixpay.anomalies as a
set nth = case r.resolution
    when 'booked' then coalesce(
        (
            select b.nth from mixpay.bounced_transfers as b
            where
                b.merchant_id = a.merchant_id and b.channel_refund_no = a.channel_refund_no
                and b.refunded_at = a.happened_at
            order by b.nth
            limit 1
        ), c.nth
    )
    else c.nth + 1
end
from mixpay.channel_refunds as c
left join mixpay.anomaly_resolutions as r
    on r.merchant_id = c.merchant_id and r.channel_refund_no = c.channel_refund_no
where
    c.merchant_id = a.merchant_id and c.channel_refund_no = a.channel_refund_no and c.refunded_at is not null;

update mixpay.anomaly_resolutions as r
set nth = a.nth
from mixpay.anomalies as a
where a.merchant_id = r.merchant_id and a.channel_refund_no = r.channel_refund_no and a.nth > 1;

alter table mixpay.anomaly_resolutions
add primary key (merchant_id, channel_refund_no, nth),
add foreign key (merchant_id, channel_refund_no, nth) references mixpay.anomalies;

create index statement_lines_by_batch on mixpay.statement_lines (batch_no, merchant_id) where batch_no is not null;

create index unmatched_items_by_batch on mixpay.unmatched_items (batch_no, merchant_id) where batch_no is not null;

create index unmatched_items_of_a_line on mixpay.unmatched_items (statement_no, line_no, merchant_id)
where line_no is not null;

reset role;
