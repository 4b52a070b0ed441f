-- Where money moves. A reference table: all merchants share it, and no tenant table has a foreign key to it.
create table mixpay.channels (
    channel text collate "C" not null,
    title text not null,
    kind text not null,
    can_refund boolean not null default true,
    can_refund_in_part boolean not null default true,
    refund_window interval,
    max_refunds bigint,
    refund_interval interval,
    min_refund bigint,
    fallback_channel text collate "C",
    source text,
    is_limited boolean not null generated always as (
        not can_refund or not can_refund_in_part
        or num_nonnulls(refund_window, max_refunds, refund_interval, min_refund) > 0
    ) stored,
    txn_numbers text not null default 'unique',
    day_zone text not null default 'UTC',
    refund_to_money boolean not null default false,
    primary key (channel),
    foreign key (fallback_channel) references mixpay.channels,
    constraint channel_is_a_short_lower_case_name check (channel ~ '^[a-z][a-z0-9_.-]{0,63}$'),
    constraint title_is_not_blank check (title !~ '^ *$'),
    constraint title_has_no_control_characters check (
        title !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    ),
    constraint kind_is_known check (kind in ('online', 'wallet', 'voucher', 'offline')),
    constraint limits_are_positive check (
        refund_window > '0' and refund_interval > '0' and max_refunds > 0 and min_refund > 0
    ),
    constraint txn_numbers_are_known check (txn_numbers in ('unique', 'daily', 'none')),
    constraint fallback_is_another_channel check (fallback_channel <> channel)
);

-- The foreign key to the fallback.
create index channels_by_fallback on mixpay.channels (fallback_channel);

comment on table mixpay.channels is 'Where money moves: a channel takes payments and sends refunds back.';
comment on column mixpay.channels.kind is
'How money goes back. online, wallet: the channel is asked to send it; voucher: it gives vouchers back; offline: a '
'person hands the money over.';
comment on column mixpay.channels.can_refund is 'It can send money back at all.';
comment on column mixpay.channels.can_refund_in_part is 'It can send back a part of a payment; else all at once.';
comment on column mixpay.channels.refund_window is
'How long after a payment it still sends its money back; null: for ever.';
comment on column mixpay.channels.max_refunds is 'How many times it sends back parts of one payment; null: any number.';
comment on column mixpay.channels.refund_interval is
'How much time must lie between two refunds of one payment; null: none.';
comment on column mixpay.channels.min_refund is 'The least that it sends back, in the smallest unit; null: 1.';
comment on column mixpay.channels.fallback_channel is
'Where a refund goes that it cannot send; null: it waits for a person.';
comment on column mixpay.channels.source is 'Where these rules are published.';
comment on column mixpay.channels.txn_numbers is
'How often it uses a number for a payment. unique: once for ever; daily: once in a day; none: again at any time.';
comment on column mixpay.channels.day_zone is
'The time zone of the days in which daily numbers (txn_numbers) are used once.';
comment on column mixpay.channels.refund_to_money is
'Of a voucher: what was paid with it may go back as money, by a channel of another kind.';
comment on column mixpay.channels.is_limited is
'It has a rule that limits refunds: can_refund or can_refund_in_part is false, or a limit is set.';

insert into mixpay.channels (channel, title, kind) values
    ('alipay', 'Alipay', 'online'),
    ('card', 'Bank card', 'online'),
    ('bank', 'Bank transfer through a gateway', 'online'),
    ('wallet', 'Balance, points', 'wallet'),
    ('voucher', 'Voucher', 'voucher'),
    ('cash', 'Cash', 'offline'),
    ('transfer', 'Bank transfer by hand', 'offline');

-- A terminal counts its transactions anew when its batch is closed.
insert into mixpay.channels (channel, title, kind, txn_numbers) values
    ('pos', 'Card terminal in the store', 'offline', 'daily');

-- As WeChat Pay publishes them: within a year, 50 parts of a payment, a minute apart; a refund that failed is asked for
-- again under the same number, which is what a worker does with every channel.
insert into mixpay.channels (channel, title, kind, refund_window, max_refunds, refund_interval, source) values
    (
        'wechat', 'WeChat Pay', 'online', '1 year', 50, '1 minute',
        'https://pay.weixin.qq.com/wiki/doc/api_external/en/apis/chapter3_3_3.shtml'
    );
