-- Where money moves. A reference table: all merchants share it, and no tenant table has a foreign key to it.
create table mixpay.channels (
    channel text collate "C" not null,
    title text not null,
    kind text not null,
    primary key (channel),
    constraint channel_is_a_short_lower_case_name check (channel ~ '^[a-z][a-z0-9_.-]{0,63}$'),
    constraint title_is_not_empty check (title <> ''),
    constraint kind_is_known check (kind in ('online', 'wallet', 'voucher', 'offline'))
);

comment on table mixpay.channels is 'Where money moves: a channel takes payments and sends refunds back.';
comment on column mixpay.channels.kind is
'online and wallet: asked to send money back; voucher: gives back what it was; offline: a person hands the money over.';

insert into mixpay.channels (channel, title, kind) values
    ('wechat', 'WeChat Pay', 'online'),
    ('alipay', 'Alipay', 'online'),
    ('card', 'Bank card', 'online'),
    ('bank', 'Bank transfer through a gateway', 'online'),
    ('wallet', 'Balance, points', 'wallet'),
    ('voucher', 'Voucher', 'voucher'),
    ('cash', 'Cash', 'offline'),
    ('pos', 'Card terminal in the store', 'offline'),
    ('transfer', 'Bank transfer by hand', 'offline');
