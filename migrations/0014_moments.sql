-- What came back has its moment beside it, which a caller may name: a channel refund that bounced, an anomaly that was
-- recovered. What a statement of a time should show is found by that time, not by going through all of a merchant's.
-- Payments, channel refunds and channel fees are read once. It is one transaction together with its mark, so no index
-- can be built concurrently, and nothing can be left to be validated later.
-- The code stays.
-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-creation, ban-drop-constraint
-- squawk-ignore-file require-concurrent-index-deletion, ban-alter-domain-with-add-constraint
set role mixpay_owner;

alter table mixpay.channel_refunds add column bounced_at timestamptz;

comment on column mixpay.channel_refunds.bounced_at is
'When the money of the transfer that channel_txn_no and refunded_at are of came back.';

alter type mixpay.channel_refund add attribute bounced_at timestamptz;

update mixpay.channel_refunds as c
set bounced_at = (
    select f.happened_at from mixpay.facts as f
    where
        f.merchant_id = c.merchant_id and f.log = 'trade' and f.log_no = (
            select p.trade_no from mixpay.payments as p
            where p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
        )
        and f.entity = 'channel_refund' and f.number = c.channel_refund_no and f.to_state = 'bounced'
        and f.from_state <> 'bounced'
    order by f.entry desc
    limit 1
)
where c.refunded_at is not null and c.state <> 'succeeded';

alter table mixpay.channel_refunds drop constraint rules_hold;
alter domain mixpay.channel_refund_rules add constraint money_that_came_back_has_its_moment check (
    case
        when (value).state in ('bounced', 'failed') then ((value).bounced_at is null) = ((value).refunded_at is null)
        else (value).bounced_at is null
    end
);
alter table mixpay.channel_refunds
add constraint rules_hold check (not (cast(channel_refunds as mixpay.channel_refund_rules) is null));

alter table mixpay.anomaly_resolutions add column recovered_at timestamptz;

comment on column mixpay.anomaly_resolutions.recovered_at is 'When the money came back, if it did.';

-- Nobody could name it, unless this was taken back meanwhile: then the log says what somebody named.
update mixpay.anomaly_resolutions as r
set recovered_at = coalesce(
    (
        select f.happened_at from mixpay.facts as f
        where
            f.merchant_id = r.merchant_id and f.log = 'trade' and f.log_no = (
                select p.trade_no from mixpay.channel_refunds as c
                inner join mixpay.payments as p on p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
                where c.merchant_id = r.merchant_id and c.channel_refund_no = r.channel_refund_no
            )
            and f.entity = 'channel_refund' and f.number = r.channel_refund_no
            and f.from_account = 'channel' and f.to_account = 'anomaly' and f.created_at = r.created_at
        order by f.entry desc
        limit 1
    ),
    r.created_at
)
where r.resolution = 'recovered';

alter table mixpay.anomaly_resolutions
add constraint recovered_has_its_moment check ((resolution = 'recovered') = (recovered_at is not null));

create index channel_refunds_by_bounced_at on mixpay.channel_refunds (merchant_id, bounced_at)
where bounced_at is not null;

-- By ranges of blocks, a merchant's statement met what all merchants wrote at that time.
drop index mixpay.payments_by_moment;
drop index mixpay.channel_refunds_by_moment;
drop index mixpay.channel_fees_by_moment;
create index payments_by_moment on mixpay.payments (merchant_id, paid_at) where paid_at is not null;
create index channel_refunds_by_moment on mixpay.channel_refunds (merchant_id, refunded_at)
where refunded_at is not null;
create index channel_fees_by_moment on mixpay.channel_fees (merchant_id, charged_at) where charged_at is not null;

create index payments_numbered_without_a_day on mixpay.payments (channel_txn_no, merchant_id)
where txn_day is null and channel_txn_no is not null;

create index chargebacks_by_moment on mixpay.chargebacks (merchant_id, charged_at) where charged_at is not null;
create index chargebacks_by_reversed_at on mixpay.chargebacks (merchant_id, reversed_at)
where reversed_at is not null;
create index returns_by_moment on mixpay.returns (merchant_id, returned_at) where returned_at is not null;
create index channel_payouts_by_moment on mixpay.channel_payouts (merchant_id, paid_at) where paid_at is not null;
create index settlements_by_moment on mixpay.settlements (merchant_id, created_at) where created_at is not null;
create index settlements_by_reversed_at on mixpay.settlements (merchant_id, reversed_at)
where reversed_at is not null;
create index repayments_by_moment on mixpay.repayments (merchant_id, repaid_at) where repaid_at is not null;

insert into mixpay.state_transitions (entity, from_state, to_state, cause)
values ('settlement', 'reversed', 'reversed', 'its moment came later');

-- Nothing goes by it any more.
drop index mixpay.unmatched_items_in_a_sum;

reset role;
