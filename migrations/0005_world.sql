-- What happened in the world can be told: money that was reserved, returned, charged back, adjusted, repriced or written
-- off, what channels take and pay out, and the bank where books end.
-- It is one transaction together with its mark, so nothing in it can be concurrent or left to be validated later: writes
-- wait until it is done. Payments and channel refunds are written anew, so choose a quiet hour where there are many.
-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-creation
-- squawk-ignore-file adding-foreign-key-constraint, ban-drop-constraint, changing-column-type
-- squawk-ignore-file adding-not-nullable-field, require-concurrent-index-deletion

-- Who watches. The role belongs to the whole cluster, so another database may have made it already; it stays when this
-- is taken back.
do $monitor$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'mixpay_monitor') then
        create role mixpay_monitor nologin;
    end if;
end;
$monitor$;

set role mixpay_owner;

-- Types. In one statement that ends by writing to the catalog: PostgreSQL 18 lets no savepoint follow a change of a domain.
do $domains$
begin
    alter domain mixpay.payment_state drop constraint payment_state_is_known;
    alter domain mixpay.payment_state add constraint payment_state_is_known
    check (value in ('pending', 'authorized', 'succeeded', 'failed', 'closed'));
    alter domain mixpay.channel_refund_state drop constraint channel_refund_state_is_known;
    alter domain mixpay.channel_refund_state add constraint channel_refund_state_is_known check (
        value in ('waiting', 'pending', 'sent', 'doubt', 'succeeded', 'failed', 'bounced', 'written_off')
    );
    alter domain mixpay.log drop constraint log_is_known;
    alter domain mixpay.log add constraint log_is_known check (
        value in ('trade', 'settlement', 'repayment', 'adjustment', 'channel_fee', 'channel_payout')
    );
    alter domain mixpay.entity drop constraint entity_is_known;
    alter domain mixpay.entity add constraint entity_is_known check (
        value in (
            'trade', 'payment', 'refund', 'channel_refund', 'release', 'dispute', 'split', 'settlement', 'repayment',
            'return', 'chargeback', 'order', 'repricing', 'adjustment', 'channel_fee', 'channel_payout'
        )
    );
    alter domain mixpay.account drop constraint account_is_known;
    alter domain mixpay.account add constraint account_is_known check (
        value in (
            'channel', 'order', 'surplus', 'refund', 'anomaly', 'outside', 'payee', 'receiver', 'fee', 'channel_fee',
            'bank', 'loss', 'rounding'
        )
    );
    comment on domain mixpay.payment_state is
    'pending: started; authorized: the channel reserved the money, which is not ours yet; succeeded: the money arrived; '
    'failed: it did not; closed: its trade was closed.';
    comment on domain mixpay.channel_refund_state is
    'waiting: for a person or a moment; pending: to be sent; sent: by a worker; doubt: nobody knows; bounced: came back; '
    'written_off: nobody will hand it over.';
    comment on domain mixpay.account is
    'channel: clearing with a channel; order: in escrow of an order; surplus: of a payment; refund: on its way back; '
    'anomaly: moved without a place in the books; outside: where nothing of ours is; payee, receiver, fee: whose it is; '
    'channel_fee: what channels take; bank: our money at a bank, below zero; loss: what a channel took back and nobody '
    'owes us; rounding: what a till never handed over.';
end;
$domains$;

alter table mixpay.state_transitions
drop constraint entity_is_known,
add constraint entity_is_known check (
    entity in (
        'trade', 'payment', 'refund', 'channel_refund', 'release', 'dispute', 'split', 'settlement', 'repayment',
        'return', 'chargeback', 'order', 'repricing', 'adjustment', 'channel_fee', 'channel_payout'
    )
);

create domain mixpay.channel_number as text collate "C"
constraint channel_number_is_1_to_255_characters check (
    length(value) between 1 and 255 and value !~ E'[\\u0001-\\u001f\\u007f-\\u009f]'
);
comment on domain mixpay.channel_number is
'A channel''s own number of a transaction: 1 to 255 characters of any alphabet, without control characters.';

-- Authorized payments.
alter table mixpay.payments
add column authorized mixpay.positive_amount,
add column authorization_no mixpay.channel_number,
add column authorization_expires_at timestamptz,
add column voided_at timestamptz,
add column captures text collate "C",
add foreign key (merchant_id, captures) references mixpay.payments,
add constraint an_authorization_has_its_amount check (
    case
        when authorized is null
            then state <> 'authorized' and num_nonnulls(authorization_no, authorization_expires_at, voided_at) = 0
        else state <> 'authorized' or voided_at is null
    end
),
add constraint captures_another check (captures <> payment_no);

create index payments_by_captures on mixpay.payments (captures, merchant_id) where captures is not null;
create index payments_authorized on mixpay.payments (merchant_id, authorization_expires_at)
where authorized is not null and voided_at is null and state in ('authorized', 'failed', 'closed');

comment on column mixpay.payments.authorized is
'What the channel reserved for us and we may capture, in the smallest unit; null: it never told of an authorization.';
comment on column mixpay.payments.authorization_no is 'The channel''s own number of the authorization.';
comment on column mixpay.payments.authorization_expires_at is 'Until when it can be captured; null: nobody said.';
comment on column mixpay.payments.voided_at is 'When we heard that nothing of the authorization will be captured.';
comment on column mixpay.payments.captures is 'The payment whose authorization this one captures, too: a further capture.';

insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('payment', 'pending', 'authorized', 'the channel reserved the money'),
    ('payment', 'authorized', 'succeeded', 'it was captured'),
    ('payment', 'authorized', 'failed', 'it was voided, or it expired'),
    ('payment', 'authorized', 'closed', 'its trade was closed, and it is to be voided'),
    ('payment', 'failed', 'failed', 'reserved after all, or voided, or the reason came later'),
    ('payment', 'closed', 'closed', 'reserved after all, or voided, or the reason came later');

-- Returns and chargebacks.
-- A return is money of a payment that its channel took back because it had never been the buyer's to give: a debit, a
-- cheque or a transfer that came back. What it paid is to be paid again.
create table mixpay.returns (
    merchant_id text collate "C" not null,
    return_no mixpay.number not null,
    payment_no text collate "C" not null,
    amount mixpay.positive_amount not null,
    unapplied mixpay.amount not null default 0,
    lost mixpay.amount not null default 0,
    reason text,
    returned_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, return_no),
    foreign key (merchant_id, payment_no) references mixpay.payments,
    constraint parts_are_never_above_amount check (unapplied + lost <= amount),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.returns alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to payments; and what is lost, when money of the payment is free again.
create index returns_by_payment on mixpay.returns (payment_no, merchant_id) where payment_no is not null;

comment on table mixpay.returns is 'Money of a payment that came back: what it paid is to be paid again.';
comment on column mixpay.returns.amount is
'What its channel took back, in the currency''s smallest unit: un-applied, of its surplus, or lost.';
comment on column mixpay.returns.unapplied is 'What was taken from the orders of its trade, which are payable again.';
comment on column mixpay.returns.lost is 'What had been given back before, so that nobody owes it; falls when such money is free again.';
comment on column mixpay.returns.returned_at is 'When the channel took it.';

-- A chargeback is money that a channel took back for a buyer who objected: a refund that the channel made by itself.
create table mixpay.chargebacks (
    merchant_id text collate "C" not null,
    chargeback_no mixpay.number not null,
    payment_no text collate "C" not null,
    order_no text collate "C",
    amount mixpay.positive_amount not null,
    fee mixpay.amount not null default 0,
    lost mixpay.amount not null default 0,
    reversed mixpay.amount not null default 0,
    state text not null default 'charged',
    reason text,
    reversal_reason text,
    charged_at timestamptz not null,
    reversed_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (merchant_id, chargeback_no),
    foreign key (merchant_id, payment_no) references mixpay.payments,
    foreign key (merchant_id, order_no) references mixpay.orders,
    constraint parts_are_never_above_amount check (lost + reversed <= amount),
    constraint state_follows_from_reversed check (
        state = case reversed when 0 then 'charged' when amount then 'reversed' else 'partly_reversed' end
    ),
    constraint reversed_has_its_moment check ((reversed_at is not null) = (reversed > 0)),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    ),
    constraint reversal_reason_has_no_control_characters check (
        reversal_reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.chargebacks alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to payments; and what is lost, when money of the payment is free again.
create index chargebacks_by_payment on mixpay.chargebacks (payment_no, merchant_id) where payment_no is not null;

-- The foreign key to orders.
create index chargebacks_by_order on mixpay.chargebacks (order_no, merchant_id) where order_no is not null;

comment on table mixpay.chargebacks is 'Money of a payment that its channel took back for the buyer.';
comment on column mixpay.chargebacks.order_no is 'The order that it is about, if the caller named it.';
comment on column mixpay.chargebacks.amount is 'What the channel took, in the currency''s smallest unit, its fee aside.';
comment on column mixpay.chargebacks.fee is 'What the channel takes for the chargeback; it stays when that is reversed.';
comment on column mixpay.chargebacks.lost is
'What payment and orders had given back before; falls when such money is free again, and when the chargeback is reversed.';
comment on column mixpay.chargebacks.reversed is 'What of it the channel gave back.';
comment on column mixpay.chargebacks.state is
'charged; partly_reversed: the channel gave a part back; reversed: all of it.';
comment on column mixpay.chargebacks.charged_at is 'When the channel took it; reversed_at is when it gave back the last part.';

alter table mixpay.refunds
add column return_no text collate "C",
add column chargeback_no text collate "C",
drop constraint kind_is_known,
drop constraint order_is_named_by_order_refunds,
add foreign key (merchant_id, return_no) references mixpay.returns,
add foreign key (merchant_id, chargeback_no) references mixpay.chargebacks,
add constraint kind_is_known check (kind in ('order', 'offline', 'surplus', 'reversal', 'return', 'chargeback')),
-- What a chargeback takes of a surplus is of no order.
add constraint order_is_named_by_order_refunds check (
    kind = 'chargeback' or (order_no is not null) = (kind in ('order', 'offline'))
),
add constraint its_cause_is_named check (
    case kind
        when 'return' then return_no is not null and chargeback_no is null
        when 'chargeback' then chargeback_no is not null and return_no is null
        when 'surplus' then return_no is null or chargeback_no is null
        else return_no is null and chargeback_no is null
    end
);

-- The foreign keys to what the channel took back.
create index refunds_by_return on mixpay.refunds (return_no, merchant_id) where return_no is not null;
create index refunds_by_chargeback on mixpay.refunds (chargeback_no, merchant_id) where chargeback_no is not null;

comment on column mixpay.refunds.kind is
'order: by first in, first out; offline: paid out by hand; surplus: what a trade did not need; reversal: un-applied; '
'return, chargeback: taken back by the channel itself.';
comment on column mixpay.refunds.return_no is 'The return that took this money; of a surplus: that left this much of it.';
comment on column mixpay.refunds.chargeback_no is 'The chargeback that took this money; of a surplus: that left this much of it.';

update mixpay.state_transitions set cause = cause || ', or the reason came later'
where entity = 'trade' and from_state = to_state;
update mixpay.state_transitions set cause = 'its channel still cannot send it, or its payment was taken back'
where (entity, from_state, to_state) = ('channel_refund', 'waiting', 'waiting');
update mixpay.state_transitions set cause = 'its channel cannot send it now, or a person is to decide'
where (entity, from_state, to_state) = ('channel_refund', 'pending', 'waiting');
insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('trade', 'paid', 'paid', 'why an order was cancelled came later'),
    ('trade', 'paid', 'open', 'money that paid it was returned'),
    ('trade', 'paid', 'closed', 'all that paid it was returned, and its orders are to be paid elsewhere'),
    ('channel_refund', 'waiting', 'pending', 'what had taken its payment back was reversed'),
    ('return', '', 'returned', 'a channel took a payment back that was not the buyer''s to give'),
    ('chargeback', '', 'charged', 'a channel took money back for a buyer who objected'),
    ('chargeback', 'charged', 'partly_reversed', 'it gave a part back'),
    ('chargeback', 'charged', 'reversed', 'it gave all of it back'),
    ('chargeback', 'partly_reversed', 'partly_reversed', 'it gave one more part back'),
    ('chargeback', 'partly_reversed', 'reversed', 'it gave the rest back');

-- Adjustments, channel fees and payouts, the bank.
create domain mixpay.signed_amount as bigint
constraint amount_is_1_to_1e15_either_way check (
    value <> 0 and value between -1000000000000000 and 1000000000000000
);
comment on domain mixpay.signed_amount is
'An amount in the smallest unit of the currency that the row names, to 10^15; its sign says which way it went.';

-- What settle_all did with an account.
create type mixpay.settlement_attempt as (
    account text,
    owner text,
    currency text,
    settlement_no text,
    amount bigint,
    until_at timestamptz,
    left_out bigint
);
comment on type mixpay.settlement_attempt is
'What settle_all did with one account in one currency: what it paid out and left out, in the smallest unit.';

insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('settlement', 'reversed', 'settled', 'the payout had arrived after all'),
    ('adjustment', '', 'recorded', 'money moves between two accounts because somebody says so'),
    ('channel_fee', '', 'recorded', 'a channel took a fee, or gave one back'),
    ('channel_payout', '', 'recorded', 'a channel paid what it had of ours to a bank');

-- What was paid out and brought in before has no bank: it came from outside and went there.
-- What is beyond the largest payout waits for the next settlement; it could never be settled.
alter table mixpay.settlements
add column bank mixpay.number,
add column left_out bigint not null default 0,
drop constraint only_debts_are_carried,
add constraint what_can_be_paid_is_paid check (
    (carried_out >= 0 or amount = 0) and (carried_out <= 0 or amount = 1000000000000000)
);
comment on column mixpay.settlements.carried_out is
'What is left for the next one: a debt, below zero; or above it what was beyond the largest payout.';
comment on column mixpay.settlements.left_out is
'What had been written to the account by then and is left for the next settlement, because older transactions still ran.';
comment on column mixpay.settlements.bank is
'The bank account that pays it out, by our name for it. Empty: it was paid out before 0.5.0, which had no banks.';

alter table mixpay.repayments add column bank mixpay.number;
alter table mixpay.repayments
drop constraint somebody_owes_it,
add constraint somebody_owes_it check (account in ('payee', 'receiver', 'fee', 'channel_fee'));
comment on column mixpay.repayments.account is 'What it was brought in for: payee, receiver, fee or channel_fee; owner says whose.';
comment on column mixpay.repayments.bank is
'The bank account that it came to, by our name for it. Empty: it came before 0.5.0, which had no banks.';

-- A channel's fee that was agreed before stays in the account where it stands.
alter table mixpay.split_receivers add column account mixpay.account;
update mixpay.split_receivers set account = case when kind in ('payee', 'receiver') then kind::text else 'fee' end;
alter table mixpay.split_receivers
alter column account set not null,
add constraint account_is_its_kinds check (
    case kind
        when 'platform_fee' then account = 'fee' when 'channel_fee' then account in ('channel_fee', 'fee')
        else account = kind
    end
);
drop index mixpay.split_receivers_by_receiver;
create index split_receivers_by_receiver on mixpay.split_receivers (receiver, merchant_id, account)
where receiver is not null;
comment on column mixpay.split_receivers.account is
'Where its share stands: payee, receiver, fee, or channel_fee; a channel''s fee that was agreed before 0.5.0 stands in fee.';

comment on column mixpay.facts.log is 'What the log is of: a trade, settlement, repayment, adjustment, channel fee or channel payout; log_no says which.';
comment on column mixpay.facts.from_owner is
'Whose account: a channel, an order, a payment (surplus), a refund, a channel refund (anomaly), a payee, receiver or fee, '
'a bank; the outside has no name.';

-- An adjustment moves money between two accounts because somebody says so: a fine, a bonus, cash that the seller took.
-- Written once.
create table mixpay.adjustments (
    merchant_id text collate "C" not null,
    adjustment_no mixpay.number not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    against_account mixpay.account not null,
    against_owner text collate "C" not null,
    amount mixpay.signed_amount not null,
    currency text collate "C" not null,
    reason text,
    created_at timestamptz not null default now(),
    primary key (merchant_id, adjustment_no),
    constraint only_accounts_of_somebody_are_adjusted check (
        account in ('payee', 'receiver', 'fee', 'channel_fee', 'channel', 'bank', 'loss', 'rounding')
        and against_account in ('payee', 'receiver', 'fee', 'channel_fee', 'channel', 'bank', 'loss', 'rounding')
    ),
    constraint its_accounts_are_two check ((account, owner) <> (against_account, against_owner)),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.adjustments alter column merchant_id set (n_distinct = -0.01);

-- payee_balances: what was adjusted of an account, from either side.
create index adjustments_by_owner on mixpay.adjustments (owner, merchant_id, account) where owner is not null;
create index adjustments_by_against_owner on mixpay.adjustments (against_owner, merchant_id, against_account)
where against_owner is not null;

comment on table mixpay.adjustments is 'Money that moved between two accounts because somebody said so.';
comment on column mixpay.adjustments.account is 'The account that the amount is about; owner says whose.';
comment on column mixpay.adjustments.against_account is 'The account on the other side; against_owner says whose.';
comment on column mixpay.adjustments.amount is
'In the currency''s smallest unit: above zero, account got it; below zero, against_account did.';

-- A channel fee is what a channel took for its service, or gave back of that. Written once.
create table mixpay.channel_fees (
    merchant_id text collate "C" not null,
    fee_no mixpay.number not null,
    channel text collate "C" not null,
    amount mixpay.signed_amount not null,
    currency text collate "C" not null,
    payment_no text collate "C",
    reason text,
    charged_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, fee_no),
    foreign key (merchant_id, payment_no) references mixpay.payments,
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.channel_fees alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to payments; what a payment cost.
create index channel_fees_by_payment on mixpay.channel_fees (payment_no, merchant_id) where payment_no is not null;

comment on table mixpay.channel_fees is 'What channels took for their service.';
comment on column mixpay.channel_fees.amount is
'In the currency''s smallest unit: above zero, the channel took it; below zero, it gave it back.';
comment on column mixpay.channel_fees.payment_no is 'The payment that it is for, if it is for one.';
comment on column mixpay.channel_fees.charged_at is 'When the channel took it.';

-- A channel payout is money of ours that a channel paid to one of our banks. Written once.
create table mixpay.channel_payouts (
    merchant_id text collate "C" not null,
    payout_no mixpay.number not null,
    channel text collate "C" not null,
    amount mixpay.signed_amount not null,
    currency text collate "C" not null,
    bank mixpay.number not null,
    paid_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, payout_no)
);

alter table mixpay.channel_payouts alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.channel_payouts is 'What channels paid to our banks.';
comment on column mixpay.channel_payouts.amount is
'In the currency''s smallest unit: above zero, the channel paid it; below zero, the bank paid it to the channel.';
comment on column mixpay.channel_payouts.bank is 'The bank account that it went to, by our name for it.';
comment on column mixpay.channel_payouts.paid_at is 'When the channel paid it.';

-- Repricing, writing off, notes.
insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('channel_refund', 'waiting', 'written_off', 'nobody will hand it over'),
    ('channel_refund', 'pending', 'written_off', 'nobody will send it'),
    ('channel_refund', 'written_off', 'succeeded', 'the money was handed back after all'),
    ('repricing', '', 'repriced', 'an order costs something else');
comment on column mixpay.refunds.succeeded is 'What has gone back, or was written off.';

comment on column mixpay.orders.amount is 'What it costs now, in the currency''s smallest unit.';

alter table mixpay.trade_orders
add column raised mixpay.amount not null default 0,
drop constraint amount_is_never_above_asked,
add constraint amount_is_never_above_asked check (amount <= asked + raised);

comment on column mixpay.trade_orders.raised is
'How far above asked a repricing of the order has taken the share, at most.';

create table mixpay.repricings (
    merchant_id text collate "C" not null,
    reprice_no mixpay.number not null,
    order_no text collate "C" not null,
    nth bigint not null,
    merge_count bigint not null,
    from_amount mixpay.positive_amount not null,
    amount mixpay.positive_amount not null,
    reason text,
    created_at timestamptz not null default now(),
    primary key (merchant_id, reprice_no),
    foreign key (merchant_id, order_no) references mixpay.orders,
    constraint counters_are_positive check (nth > 0 and merge_count > 0),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.repricings alter column merchant_id set (n_distinct = -0.01);

-- What an order cost when it was merged; and the foreign key to orders.
create unique index nth_repricing_is_the_orders_own_counter on mixpay.repricings (order_no, merchant_id, nth)
where order_no is not null;

comment on table mixpay.repricings is 'Changes of what an order costs.';
comment on column mixpay.repricings.nth is 'Its place among the repricings of the order, from 1.';
comment on column mixpay.repricings.merge_count is
'How many trades it had been merged into by then: whether a merge came before this, its line''s nth says.';
comment on column mixpay.repricings.from_amount is 'What the order cost before, in the currency''s smallest unit.';
comment on column mixpay.repricings.amount is 'What it costs since, in the currency''s smallest unit.';

create table mixpay.notes (
    merchant_id text collate "C" not null,
    entity text collate "C" not null,
    number text collate "C" not null,
    notes jsonb not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (merchant_id, entity, number),
    constraint notes_are_a_flat_object check (
        jsonb_typeof(notes) = 'object'
        and not jsonb_path_exists(
            notes, 'strict $.* ? (@.type() == "object" || @.type() == "array" || @.type() == "null")', silent => true
        )
    ),
    constraint notes_are_at_most_16_kb check (octet_length(notes::text) <= 16384),
    constraint keys_are_at_most_100 check (jsonb_array_length(jsonb_path_query_array(notes, '$.keyvalue()')) <= 100),
    constraint keys_are_1_to_64_characters check (
        not jsonb_path_exists(notes, '$.keyvalue().key ? (!(@ like_regex "^.{1,64}$" flag "s"))')
    ),
    constraint notes_have_no_control_characters check (
        not jsonb_path_exists(notes, E'$.keyvalue().key ? (@ like_regex "[\\u0001-\\u001f\\u007f-\\u009f]")')
        and not jsonb_path_exists(notes, E'$.* ? (@ like_regex "[\\u0001-\\u001f\\u007f-\\u009f]")')
    )
);

alter table mixpay.notes alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.notes is 'The callers'' own keys and values about things that have a number here.';
comment on column mixpay.notes.entity is 'What it is about: order, trade, payment, ...; number says which.';
comment on column mixpay.notes.notes is 'A flat object of texts, numbers and booleans.';
comment on column mixpay.notes.updated_at is 'When a key was set or removed last.';

-- The channels' own numbers; refunds that went in part.
insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('payment', 'succeeded', 'succeeded', 'the channel''s number came later'),
    ('channel_refund', 'succeeded', 'succeeded', 'the channel''s number came later'),
    ('channel_refund', 'bounced', 'bounced', 'the channel''s number came later'),
    ('channel_refund', 'failed', 'failed', 'the channel''s number came later'),
    ('refund', 'processing', 'partly_failed', 'no part is on its way; some went and some did not get through'),
    ('refund', 'failed', 'partly_failed', 'a part that did not get through was sent after all'),
    ('refund', 'partly_failed', 'succeeded', 'the part that did not get through was sent after all'),
    ('refund', 'partly_failed', 'processing', 'the part that did not get through is sent again'),
    ('refund', 'partly_failed', 'failed', 'the part that went came back'),
    ('refund', 'succeeded', 'partly_failed', 'one of its parts came back');

-- What was said to have failed although a part of it went is said anew, by a fact.
alter table mixpay.refunds drop constraint state_follows_from_the_parts;
with said as (
    update mixpay.refunds set state = 'partly_failed'
    where state = 'failed' and succeeded > 0
    returning merchant_id, refund_no, order_no
), placed as (
    select
        s.*, t.trade_no, t.currency,
        t.last_entry + row_number() over (partition by t.merchant_id, t.trade_no order by s.refund_no) as entry
    from said as s
    cross join lateral (
        select min(p.trade_no) as trade_no
        from mixpay.refund_details as d
        inner join mixpay.payments as p on p.merchant_id = d.merchant_id and p.payment_no = d.payment_no
        where d.merchant_id = s.merchant_id and d.refund_no = s.refund_no
    ) as x
    inner join mixpay.trades as t on t.merchant_id = s.merchant_id and t.trade_no = x.trade_no
), written as (
    insert into mixpay.facts (
        merchant_id, log, log_no, entry, epoch, entity, number, from_state, to_state, currency, order_no, refund_no,
        reason, happened_at
    )
    select
        p.merchant_id, 'trade', p.trade_no, p.entry, (select max(e.epoch) from mixpay.epochs as e), 'refund',
        p.refund_no as number, 'failed', 'partly_failed', p.currency, p.order_no, p.refund_no,
        'a part of it had gone', now()
    from placed as p
)
update mixpay.trades as t set last_entry = p.last_entry
from (
    select x.merchant_id, x.trade_no, max(x.entry) as last_entry from placed as x group by x.merchant_id, x.trade_no
) as p
where t.merchant_id = p.merchant_id and t.trade_no = p.trade_no;
alter table mixpay.refunds
add constraint state_follows_from_the_parts check (
    state = case
        when succeeded + freed < amount then 'processing' when freed = 0 then 'succeeded'
        when succeeded = 0 then 'failed' else 'partly_failed'
    end
);
comment on column mixpay.refunds.state is
'processing: a part is under way; succeeded: all of it went; failed: nothing of it went; partly_failed: some of it went, and '
'the rest may be refunded again.';

alter table mixpay.channels
add column txn_numbers text not null default 'unique',
add column day_zone text not null default 'UTC',
add column refund_to_money boolean not null default false,
add constraint txn_numbers_are_known check (txn_numbers in ('unique', 'daily', 'none'));
comment on column mixpay.channels.txn_numbers is
'Its own numbers of payments: unique, one for ever; daily, one within a day; none, it may use one again at any time.';
comment on column mixpay.channels.day_zone is 'The time zone of that day.';
comment on column mixpay.channels.refund_to_money is
'Of a voucher: what was paid with it may go back as money, by a channel of another kind.';
-- A terminal counts its transactions anew when its batch is closed.
update mixpay.channels set txn_numbers = 'daily' where channel = 'pos' and kind = 'offline';

-- Both in one: the table is written anew once.
drop index mixpay.a_channel_transaction_pays_once;
alter table mixpay.payments add column txn_day date;
alter table mixpay.payments
alter column channel_txn_no type mixpay.channel_number,
alter column txn_day type date using case
    when channel_txn_no is null then null
    when channel = 'pos' then (paid_at at time zone 'UTC')::date
    else date '0001-01-01'
end;
create unique index a_channel_transaction_pays_once on mixpay.payments (merchant_id, channel, channel_txn_no, txn_day)
where txn_day is not null;
comment on column mixpay.payments.channel_txn_no is 'The channel''s own number of the transaction.';
comment on column mixpay.payments.txn_day is
'Within which day that number is unique, by what its channel says when the number is written; 0001-01-01: for ever; null: '
'not at all.';
alter table mixpay.channel_refunds alter column channel_txn_no type mixpay.channel_number;
alter table mixpay.anomalies alter column channel_txn_no type mixpay.channel_number;

-- Titles and reasons have no control characters, which a terminal or a log would obey. What is there is written without
-- them.
do $plain$
declare
    v_pattern text := '[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']';
    v_update text;
begin
    for v_update in
        select format('update mixpay.%1$I set %2$I = regexp_replace(%2$I, $1, $2, $3) where %2$I ~ $1', t.name, t.texts)
        from (
            values
            ('channels', 'title'), ('merchants', 'title'), ('payees', 'title'), ('refunds', 'reason'),
            ('channel_refunds', 'reason'), ('disputes', 'reason'), ('disputes', 'closing_reason'),
            ('settlements', 'reason'), ('repayments', 'reason'), ('anomaly_resolutions', 'reason')
        ) as t (name, texts)
    loop
        execute v_update using v_pattern, ' ', 'g';
    end loop;
end;
$plain$;

-- A title of blanks is none: until it has another, it is the number.
update mixpay.channels set title = channel where title ~ '^ *$';
update mixpay.merchants set title = merchant_id where title ~ '^ *$';
update mixpay.payees set title = payee_no where title ~ '^ *$';
alter table mixpay.channels
drop constraint title_is_not_empty, add constraint title_is_not_blank check (title !~ '^ *$');
alter table mixpay.merchants
drop constraint title_is_not_empty, add constraint title_is_not_blank check (title !~ '^ *$');
alter table mixpay.payees
drop constraint title_is_not_empty, add constraint title_is_not_blank check (title !~ '^ *$');

alter table mixpay.channels
add constraint title_has_no_control_characters check (
    title !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);
alter table mixpay.merchants
add constraint title_has_no_control_characters check (
    title !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);
alter table mixpay.payees
add constraint title_has_no_control_characters check (
    title !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);
alter table mixpay.refunds
add constraint reason_has_no_control_characters check (
    reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);
alter table mixpay.channel_refunds
add constraint reason_has_no_control_characters check (
    reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);
alter table mixpay.disputes
add constraint reason_has_no_control_characters check (
    reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
),
add constraint closing_reason_has_no_control_characters check (
    closing_reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);
alter table mixpay.settlements
add constraint reason_has_no_control_characters check (
    reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);
alter table mixpay.repayments
add constraint reason_has_no_control_characters check (
    reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);
alter table mixpay.anomaly_resolutions
add constraint reason_has_no_control_characters check (
    reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);

-- Orders: their changes of state stand on the facts that make them. Of what was there before, no changes are invented.
create domain mixpay.order_state as text collate "C"
constraint order_state_is_known check (value in ('payable', 'paid', 'partly_refunded', 'refunded'));
comment on domain mixpay.order_state is
'Of an order over all its trades. payable: something of it was never paid; paid: all of it is; partly_refunded: all of it '
'was paid, and some has gone back; refunded: all that was paid of it has gone back.';

alter type mixpay.clearing add attribute order_from_state text;
alter type mixpay.clearing add attribute order_to_state text;
comment on type mixpay.clearing is
'What accounts get out of escrow, or give back (below zero), and what that is together; split_no if the split makes it; '
'and what the change of the line makes of its order, if it changes its state.';

create type mixpay.allotment as (
    payment bigint,
    line bigint,
    share bigint
);

comment on type mixpay.allotment is
'What one of many payments gives to one of many lines, both by their places in a list, in the smallest unit.';

alter type mixpay.split_standing add attribute divided bigint;
alter type mixpay.split_standing add attribute at_payment boolean;
comment on type mixpay.split_standing is
'The receivers of a split by position: as agreed, what each got of one line and gave back, and what of the order''s other '
'lines; rest is who takes the remainder, home the order''s payee; divided is what was divided of the order, over all its '
'lines, and at_payment whether money is divided as it arrives.';

alter table mixpay.facts
add column order_from_state mixpay.order_state,
add column order_to_state mixpay.order_state,
drop constraint a_change_has_two_states,
add constraint a_change_has_two_states check (
    (from_state is null) = (to_state is null) and (order_from_state is null) = (order_to_state is null)
);
comment on column mixpay.facts.order_from_state is
'The state of the order whose money it is before this: of the one that gets it, or else of order_no. Empty unless this '
'changes it.';
comment on column mixpay.facts.order_to_state is 'The state of that order then, over all its trades.';

-- A default that is there when the column comes writes no row anew.
alter table mixpay.orders add column changes_on_record boolean not null default false;
alter table mixpay.orders alter column changes_on_record set default true;
comment on column mixpay.orders.changes_on_record is
'Every change of its state is among the facts; false: it was there before changes of orders were written down.';

alter table mixpay.trade_orders add column alone boolean not null default true;
comment on column mixpay.trade_orders.alone is
'The order''s only line, and its share was all of the order: what it is paid and refunded is what the order is. Else the '
'order has its totals in order_totals.';

create table mixpay.order_totals (
    merchant_id text collate "C" not null,
    order_no text collate "C" not null,
    amount mixpay.positive_amount not null,
    paid mixpay.amount not null,
    refunded mixpay.amount not null,
    primary key (merchant_id, order_no),
    foreign key (merchant_id, order_no) references mixpay.orders,
    constraint refunded_is_never_above_paid check (refunded <= paid)
) with (fillfactor = 85);
alter table mixpay.order_totals alter column merchant_id set (n_distinct = -0.01);
comment on table mixpay.order_totals is
'What an order is paid and refunded over all its trades, if it has had several, or one that did not pay all of it.';
comment on column mixpay.order_totals.amount is 'The order''s amount, in the smallest unit.';
comment on column mixpay.order_totals.paid is 'The sum of its lines'' paid.';
comment on column mixpay.order_totals.refunded is 'The sum of its lines'' refunded.';

insert into mixpay.order_totals (merchant_id, order_no, amount, paid, refunded)
select o.merchant_id, o.order_no, o.amount, l.paid, l.refunded
from mixpay.orders as o
inner join (
    select
        merchant_id, order_no, sum(paid) as paid, sum(refunded) as refunded, count(*) as number, max(asked) as asked,
        bool_or(live) as is_live
    from mixpay.trade_orders
    group by merchant_id, order_no
) as l on l.merchant_id = o.merchant_id and l.order_no = o.order_no
where l.number > 1 or l.asked < o.amount or (not l.is_live and l.paid > 0 and l.paid < o.amount);

update mixpay.trade_orders as l set alone = false
from mixpay.order_totals as t
where t.merchant_id = l.merchant_id and t.order_no = l.order_no;

insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('order', 'payable', 'paid', 'the last of it is paid'),
    ('order', 'payable', 'partly_refunded', 'the last of it is paid, and some has gone back already'),
    ('order', 'payable', 'refunded', 'all that was paid of it goes back, before it was paid in full'),
    ('order', 'paid', 'payable', 'money of it was taken back or given away: it is to be paid again'),
    ('order', 'paid', 'partly_refunded', 'some of it goes back'),
    ('order', 'paid', 'refunded', 'all of it goes back'),
    ('order', 'partly_refunded', 'paid', 'what was to go back did not get through'),
    ('order', 'partly_refunded', 'payable', 'money of it was taken back or given away: it is to be paid again'),
    ('order', 'partly_refunded', 'refunded', 'the rest goes back, too'),
    ('order', 'refunded', 'paid', 'what was to go back did not get through'),
    ('order', 'refunded', 'partly_refunded', 'some of what was to go back did not get through, or the rest is paid'),
    ('order', 'refunded', 'payable', 'what was to go back did not get through, or more is paid of it, but not all');

-- What calls return: the rows of tables, in types that every tool knows.
create type mixpay.merchant as (
    merchant_id text,
    title text,
    allocation text,
    created_at timestamptz
);
comment on type mixpay.merchant is 'A row of merchants, as calls return it: in plain types.';

create type mixpay.payee as (
    merchant_id text,
    payee_no text,
    title text,
    created_at timestamptz
);
comment on type mixpay.payee is 'A row of payees, as calls return it: in plain types.';

create type mixpay."order" as (
    merchant_id text,
    order_no text,
    payee_no text,
    currency text,
    amount bigint,
    merge_count bigint,
    created_at timestamptz,
    changes_on_record boolean
);
comment on type mixpay."order" is 'A row of orders, as calls return it: in plain types.';

create type mixpay.route as (
    merchant_id text,
    method text,
    channel text,
    currency text,
    priority bigint,
    weight bigint,
    min_amount bigint,
    max_amount bigint,
    created_at timestamptz
);
comment on type mixpay.route is 'A row of routes, as calls return it: in plain types.';

create type mixpay.trade as (
    merchant_id text,
    trade_no text,
    currency text,
    amount bigint,
    paid bigint,
    refunded bigint,
    state text,
    allocation text,
    expires_at timestamptz,
    last_seq bigint,
    last_entry bigint,
    fifo_paid_at timestamptz,
    fifo_seq bigint,
    created_at timestamptz,
    keeps_paid boolean,
    sweep_at timestamptz
);
comment on type mixpay.trade is 'A row of trades, as calls return it: in plain types.';

create type mixpay.payment as (
    merchant_id text,
    payment_no text,
    trade_no text,
    channel text,
    method text,
    recorded boolean,
    asked bigint,
    amount bigint,
    applied bigint,
    surplus bigint,
    refunded bigint,
    surplus_refunded bigint,
    state text,
    channel_txn_no text,
    paid_at timestamptz,
    seq bigint,
    created_at timestamptz,
    spent boolean,
    authorized bigint,
    authorization_no text,
    authorization_expires_at timestamptz,
    voided_at timestamptz,
    captures text,
    txn_day date
);
comment on type mixpay.payment is 'A row of payments, as calls return it: in plain types.';

create type mixpay.return as (
    merchant_id text,
    return_no text,
    payment_no text,
    amount bigint,
    unapplied bigint,
    lost bigint,
    reason text,
    returned_at timestamptz,
    created_at timestamptz
);
comment on type mixpay.return is 'A row of returns, as calls return it: in plain types.';

create type mixpay.chargeback as (
    merchant_id text,
    chargeback_no text,
    payment_no text,
    order_no text,
    amount bigint,
    fee bigint,
    lost bigint,
    reversed bigint,
    state text,
    reason text,
    reversal_reason text,
    charged_at timestamptz,
    reversed_at timestamptz,
    created_at timestamptz
);
comment on type mixpay.chargeback is 'A row of chargebacks, as calls return it: in plain types.';

create type mixpay.refund as (
    merchant_id text,
    refund_no text,
    kind text,
    order_no text,
    amount bigint,
    succeeded bigint,
    freed bigint,
    state text,
    payment_nos text[], -- noqa: LT01
    reason text,
    created_at timestamptz,
    return_no text,
    chargeback_no text
);
comment on type mixpay.refund is 'A row of refunds, as calls return it: in plain types.';

create type mixpay.channel_refund as (
    merchant_id text,
    channel_refund_no text,
    refund_no text,
    payment_no text,
    channel text,
    amount bigint,
    state text,
    reason text,
    due_at timestamptz,
    worker text,
    attempts bigint,
    channel_txn_no text,
    refunded_at timestamptz,
    created_at timestamptz,
    not_before timestamptz,
    sent_at timestamptz,
    redirected_from text,
    cleared bigint
);
comment on type mixpay.channel_refund is 'A row of channel_refunds, as calls return it: in plain types.';

create type mixpay.release as (
    merchant_id text,
    release_no text,
    order_no text,
    amount bigint,
    was_due boolean,
    created_at timestamptz
);
comment on type mixpay.release is 'A row of releases, as calls return it: in plain types.';

create type mixpay.dispute as (
    merchant_id text,
    dispute_no text,
    order_no text,
    state text,
    outcome text,
    reason text,
    closing_reason text,
    refund_no text,
    created_at timestamptz,
    closed_at timestamptz
);
comment on type mixpay.dispute is 'A row of disputes, as calls return it: in plain types.';

create type mixpay.settlement as (
    merchant_id text,
    settlement_no text,
    account text,
    owner text,
    currency text,
    nth bigint,
    until_at timestamptz,
    from_epoch bigint,
    from_xid xid8,
    until_epoch bigint,
    until_xid xid8,
    carried_in bigint,
    earned bigint,
    amount bigint,
    carried_out bigint,
    state text,
    reason text,
    created_at timestamptz,
    reversed_at timestamptz,
    last_entry bigint,
    payee_no text,
    bank text,
    left_out bigint
);
comment on type mixpay.settlement is 'A row of settlements, as calls return it: in plain types.';

create type mixpay.repayment as (
    merchant_id text,
    repayment_no text,
    account text,
    owner text,
    amount bigint,
    currency text,
    reason text,
    repaid_at timestamptz,
    created_at timestamptz,
    bank text
);
comment on type mixpay.repayment is 'A row of repayments, as calls return it: in plain types.';

create type mixpay.adjustment as (
    merchant_id text,
    adjustment_no text,
    account text,
    owner text,
    against_account text,
    against_owner text,
    amount bigint,
    currency text,
    reason text,
    created_at timestamptz
);
comment on type mixpay.adjustment is 'A row of adjustments, as calls return it: in plain types.';

create type mixpay.channel_fee as (
    merchant_id text,
    fee_no text,
    channel text,
    amount bigint,
    currency text,
    payment_no text,
    reason text,
    charged_at timestamptz,
    created_at timestamptz
);
comment on type mixpay.channel_fee is 'A row of channel_fees, as calls return it: in plain types.';

create type mixpay.channel_payout as (
    merchant_id text,
    payout_no text,
    channel text,
    amount bigint,
    currency text,
    bank text,
    paid_at timestamptz,
    created_at timestamptz
);
comment on type mixpay.channel_payout is 'A row of channel_payouts, as calls return it: in plain types.';

reset role;
