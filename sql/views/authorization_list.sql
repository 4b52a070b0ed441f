-- What channels have reserved for us, and what is to be done about it.
create view mixpay.authorization_list as
select
    p.merchant_id,
    p.payment_no::text as payment_no,
    p.trade_no,
    t.state::text as trade_state,
    p.channel,
    p.state::text as state,
    t.currency,
    p.authorized::bigint as authorized,
    p.authorization_no::text as authorization_no,
    p.authorization_expires_at,
    coalesce(p.authorization_expires_at <= now(), false) as expired,
    case
        when p.state <> 'authorized' then 'void'
        when p.authorization_expires_at <= now() then 'fail'
        else 'capture or void'
    end as to_do,
    p.created_at
from mixpay.payments as p
inner join mixpay.trades as t on t.merchant_id = p.merchant_id and t.trade_no = p.trade_no
where p.authorized is not null and p.voided_at is null and p.state in ('authorized', 'failed', 'closed');

comment on view mixpay.authorization_list is
'Work: what channels have reserved for us and is to be captured (succeed_payment) or voided (at the channel, then '
'fail_payment).';
comment on column mixpay.authorization_list.authorized is
'What the channel has reserved, in the currency''s smallest unit.';
comment on column mixpay.authorization_list.expired is 'The channel reserves it no longer, as far as we were told.';
comment on column mixpay.authorization_list.to_do is
'capture or void: it may be captured; void: its trade was closed or the attempt failed; fail: it has expired, so call '
'fail_payment.';
