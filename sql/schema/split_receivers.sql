-- One receiver of a split, as it was agreed: its rate stays what it was then.
create table mixpay.split_receivers (
    merchant_id text collate "C" not null,
    split_no text collate "C" not null,
    position bigint not null,
    kind mixpay.share_kind not null,
    receiver mixpay.number not null,
    fixed mixpay.amount not null,
    rate bigint not null,
    takes_remainder boolean not null,
    kept_on_refund boolean not null,
    account mixpay.account not null,
    primary key (merchant_id, split_no, position),
    foreign key (merchant_id, split_no) references mixpay.splits,
    constraint a_receiver_stands_once_in_a_split unique (merchant_id, split_no, kind, receiver),
    constraint rate_is_0_to_10000 check (rate between 0 and 10000),
    constraint the_remainder_has_no_rate check (not takes_remainder or (fixed = 0 and rate = 0)),
    constraint the_remainder_is_not_kept check (not (takes_remainder and kept_on_refund)),
    constraint account_is_its_kinds check (
        case kind
            when 'platform_fee' then account = 'fee' when 'channel_fee' then account in ('channel_fee', 'fee')
            else account = kind
        end
    )
);

alter table mixpay.split_receivers alter column merchant_id set (n_distinct = -0.01);

create unique index one_takes_the_remainder on mixpay.split_receivers (split_no, merchant_id) where takes_remainder;

-- settle_receiver: whether there is such a receiver.
create index split_receivers_by_receiver on mixpay.split_receivers (receiver, merchant_id, account)
where receiver is not null;

comment on table mixpay.split_receivers is 'The receivers of each split, with their rates as they were agreed.';
comment on column mixpay.split_receivers.position is
'Its place in the split, from 1: a later one gets what earlier ones leave.';
comment on column mixpay.split_receivers.receiver is 'Whose share it is: a payee''s number if kind is payee, else any.';
comment on column mixpay.split_receivers.fixed is
'Its fixed amount of the whole order, in the currency''s smallest unit; 0: none.';
comment on column mixpay.split_receivers.rate is 'In basis points of what is divided: 250 is 2.5 %; rounded down.';
comment on column mixpay.split_receivers.takes_remainder is
'It gets what the others leave, and bears what receivers with kept_on_refund keep.';
comment on column mixpay.split_receivers.account is
'Where its share stands: payee, receiver, fee, or channel_fee; a channel''s fee that was agreed before 0.5.0 stands '
'in fee.';
comment on column mixpay.split_receivers.kept_on_refund is
'A refund takes nothing back from it; the receiver who takes the remainder bears that.';
