create view mixpay.channel_list as
select
    channel,
    title,
    kind
from mixpay.channels;

comment on view mixpay.channel_list is 'The channels that payments may name.';
