-- Closing and undoing, routes, the rules of channels, anomalies that are resolved, events.
-- It is one transaction together with its mark, so nothing in it can be concurrent or left to be validated later: writes
-- wait until it is done. On large tables choose a quiet hour.
-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-creation
-- squawk-ignore-file require-concurrent-index-deletion, adding-foreign-key-constraint
-- squawk-ignore-file adding-field-with-default, ban-drop-constraint
set role mixpay_owner;

-- Types.
-- In one statement that ends by writing to the catalog: PostgreSQL 18 lets no savepoint follow a change of a domain.
do $account$
begin
    alter domain mixpay.account drop constraint account_is_known;
    alter domain mixpay.account add constraint account_is_known
    check (value in ('channel', 'order', 'surplus', 'refund', 'anomaly', 'outside'));
    comment on domain mixpay.account is
    'channel: clearing with a channel; order: what is paid of an order; surplus: of a payment; refund: on its way back; '
    'anomaly: moved without a place in the books; outside: the merchant''s own pocket.';
end;
$account$;

create type mixpay.refund_destination as (
    channel text,
    state text,
    reason text,
    not_before timestamptz
);

comment on type mixpay.refund_destination is
'Where a part of a refund goes by the rules of the channels, in which state it begins, and why.';

create type mixpay.route_choice as (
    channel text,
    priority bigint,
    weight bigint,
    currency text,
    min_amount bigint,
    max_amount bigint,
    problem text,
    stands_from bigint,
    stands_to bigint,
    point bigint,
    chosen boolean
);

comment on type mixpay.route_choice is
'A route as it is judged for one attempt to pay: why it cannot be taken, or the points for which it would be.';

create type mixpay.due_merchant as (
    merchant_id text,
    due_at timestamptz
);

comment on type mixpay.due_merchant is 'A merchant with channel refunds that a worker may claim, and since when.';

-- The rules of channels.
alter table mixpay.channels
add column can_refund boolean not null default true,
add column can_refund_in_part boolean not null default true,
add column refund_window interval,
add column max_refunds bigint,
add column refund_interval interval,
add column min_refund bigint,
add column fallback_channel text collate "C",
add column source text,
add column is_limited boolean not null generated always as (
    not can_refund or not can_refund_in_part
    or num_nonnulls(refund_window, max_refunds, refund_interval, min_refund) > 0
) stored,
add foreign key (fallback_channel) references mixpay.channels,
add constraint limits_are_positive check (
    refund_window > '0' and refund_interval > '0' and max_refunds > 0 and min_refund > 0
),
add constraint fallback_is_another_channel check (fallback_channel <> channel);

create index channels_by_fallback on mixpay.channels (fallback_channel);

comment on column mixpay.channels.can_refund is 'It can send money back at all.';
comment on column mixpay.channels.can_refund_in_part is 'It can send back a part of a payment; else all at once.';
comment on column mixpay.channels.refund_window is 'How long after a payment it still sends its money back; null: for ever.';
comment on column mixpay.channels.max_refunds is 'How many times it sends back parts of one payment; null: any number.';
comment on column mixpay.channels.refund_interval is 'How far apart the refunds of one payment must be; null: at once.';
comment on column mixpay.channels.min_refund is 'The least that it sends back, in the smallest unit; null: 1.';
comment on column mixpay.channels.fallback_channel is 'Where a refund goes that it cannot send; null: it waits for a person.';
comment on column mixpay.channels.source is 'Where these rules are published.';
comment on column mixpay.channels.is_limited is 'It has a rule about refunds; if not, nobody has to ask which.';

update mixpay.channels
set
    refund_window = '1 year', max_refunds = 50, refund_interval = '1 minute',
    source = 'https://pay.weixin.qq.com/wiki/doc/api_external/en/apis/chapter3_3_3.shtml'
where channel = 'wechat';

-- States.
insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('trade', 'open', 'open', 'an order is cancelled and others remain to be paid'),
    ('trade', 'closed', 'closed', 'what was kept goes back after all'),
    ('refund', '', 'succeeded', 'a person has paid it out already'),
    ('refund', 'failed', 'processing', 'the part that did not get through is sent again'),
    ('refund', 'succeeded', 'failed', 'a part came back'),
    ('channel_refund', '', 'succeeded', 'a person has handed the money back already'),
    ('channel_refund', 'waiting', 'sent', 'its moment came and a worker claimed it'),
    ('channel_refund', 'waiting', 'waiting', 'its channel still cannot send it'),
    ('channel_refund', 'pending', 'waiting', 'its channel cannot send it now, or a person is to send it'),
    ('channel_refund', 'sent', 'waiting', 'it was not sent: for a person, or for another moment'),
    ('channel_refund', 'succeeded', 'bounced', 'the money came back'),
    ('channel_refund', 'bounced', 'succeeded', 'the channel sent it once more, and the amount was still free'),
    ('channel_refund', 'bounced', 'failed', 'it goes another way');

-- Routes.
create table mixpay.routes (
    merchant_id text collate "C" not null,
    method text collate "C" not null,
    channel text collate "C" not null,
    currency text collate "C" not null default '*',
    priority bigint not null,
    weight bigint not null,
    min_amount mixpay.positive_amount,
    max_amount mixpay.positive_amount,
    created_at timestamptz not null default now(),
    primary key (merchant_id, method, channel, currency),
    constraint method_is_named check (length(method) between 1 and 64),
    constraint weight_is_0_to_1e6 check (weight between 0 and 1000000),
    constraint range_is_not_empty check (min_amount <= max_amount)
);

comment on table mixpay.routes is 'Which channels a merchant''s payment method may use.';
comment on column mixpay.routes.currency is 'The currency that it is for; *: any.';
comment on column mixpay.routes.priority is 'The smallest goes first.';
comment on column mixpay.routes.weight is 'Its share among routes of the same priority; 0: it is out of use.';
comment on column mixpay.routes.min_amount is 'The least that it takes, in the smallest unit; null: 1.';
comment on column mixpay.routes.max_amount is 'The most that it takes, in the smallest unit; null: any amount.';

-- Trades. The generated column writes the table anew.
alter table mixpay.trades
add column kept boolean not null default false,
add column sweep_at timestamptz generated always as (case when state = 'open' then expires_at end) stored,
add constraint only_a_closed_trade_is_kept check (state = 'closed' or not kept);

create index trades_by_sweep_at on mixpay.trades (merchant_id, sweep_at) where sweep_at is not null;

comment on column mixpay.trades.kept is 'It was closed, and what was paid stays on its orders.';
comment on column mixpay.trades.sweep_at is
'When expire_trades may close it: expires_at while it is open. A column of its own, so that a payment that fills a trade '
'without an end changes nothing in an index.';

alter table mixpay.trade_orders
add column cancelled_at timestamptz,
add constraint a_cancelled_line_needs_nothing check (cancelled_at is null or (not live and amount = paid));

comment on column mixpay.trade_orders.cancelled_at is 'When the order was taken out of the trade.';

-- Channel refunds.
alter table mixpay.channel_refunds
add column not_before timestamptz,
add column sent_at timestamptz,
add column redirected_from text collate "C",
add foreign key (merchant_id, redirected_from) references mixpay.channel_refunds,
drop constraint work_is_due_some_time,
add constraint work_is_due_some_time check (
    case
        when state in ('pending', 'sent', 'doubt') then due_at is not null
        when state = 'waiting' then due_at is not distinct from not_before
        else due_at is null
    end
),
drop constraint money_that_went_back_has_its_moment,
add constraint money_that_went_back_has_its_moment check (
    case
        when state in ('succeeded', 'bounced') then refunded_at is not null
        when state <> 'failed' then refunded_at is null
        else true
    end
);

drop index mixpay.channel_refunds_by_due_at;

create index channel_refunds_by_due_at on mixpay.channel_refunds (merchant_id, due_at) where due_at is not null;

create unique index a_channel_refund_has_one_successor on mixpay.channel_refunds (redirected_from, merchant_id)
where redirected_from is not null;

create index channel_refunds_to_look_at on mixpay.channel_refunds (state, merchant_id)
where state in ('waiting', 'doubt', 'bounced');

comment on column mixpay.channel_refunds.reason is
'Why it waits, is in doubt, failed, bounced or goes by another channel than its payment; manual: a person hands it over.';
comment on column mixpay.channel_refunds.due_at is
'When a worker may claim it: pending, at once; waiting, at not_before; sent, when the lease ends; doubt, after the '
'back-off. Null: a person has to see to it, or it has ended.';
comment on column mixpay.channel_refunds.not_before is
'The rules of the channel do not let it be sent earlier; null: they do, or they do not let it be sent at all.';
comment on column mixpay.channel_refunds.sent_at is 'When it was claimed last.';
comment on column mixpay.channel_refunds.redirected_from is
'The channel refund that ended so that this one could go another way, for the same part of the same refund.';

-- When it was sent nobody wrote down; it cannot have been earlier.
update mixpay.channel_refunds set sent_at = created_at where attempts > 0;

-- Anomalies.
create table mixpay.anomaly_resolutions (
    merchant_id text collate "C" not null,
    channel_refund_no text collate "C" not null,
    resolution text not null,
    reason text,
    created_at timestamptz not null default now(),
    primary key (merchant_id, channel_refund_no),
    foreign key (merchant_id, channel_refund_no) references mixpay.anomalies,
    constraint resolution_is_known check (resolution in ('booked', 'recovered', 'written_off'))
);

comment on table mixpay.anomaly_resolutions is 'What became of an anomaly; one that is not here is open.';
comment on column mixpay.anomaly_resolutions.resolution is
'booked: its amount was free again, and counts as refunded; recovered: the money came back; written_off: the merchant '
'bears it.';

-- Facts.
alter table mixpay.facts
add column to_order_no text collate "C",
add column epoch bigint not null default 1,
add constraint from_one_order_to_another check (
    (from_account = 'order' and to_account = 'order') is true = (to_order_no is not null)
);

create index facts_by_event on mixpay.facts (merchant_id, epoch, xid) where to_state is not null;

comment on column mixpay.facts.to_order_no is 'Where it went, if it went from order_no to another order of the trade.';
comment on column mixpay.facts.epoch is
'Counts the restores: transaction ids begin anew where a backup ends, so after a restore the default is raised by one.';

reset role;
