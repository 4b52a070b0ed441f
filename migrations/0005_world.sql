-- What happened in the world can be told: money that was reserved, returned, charged back, adjusted, repriced or written
-- off, what channels take and pay out, and the bank where books end.
-- It is one transaction together with its mark, so nothing in it can be concurrent or left to be validated later.
-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-creation
-- squawk-ignore-file adding-foreign-key-constraint, ban-drop-constraint

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
            'return', 'chargeback', 'order', 'adjustment', 'channel_fee', 'channel_payout'
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
        'return', 'chargeback', 'order', 'adjustment', 'channel_fee', 'channel_payout'
    )
);

-- Authorized payments.
alter table mixpay.payments
add column authorized mixpay.positive_amount,
add column authorization_no mixpay.number,
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
    ('payment', 'failed', 'failed', 'the channel had reserved the money after all, or that was voided'),
    ('payment', 'closed', 'closed', 'the channel had reserved the money after all, or that was voided');

-- Returns and chargebacks.

-- Adjustments, channel fees and payouts, the bank.

-- Repricing, writing off, notes.

-- The channels' own numbers; refunds that went in part.
insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('payment', 'succeeded', 'succeeded', 'the channel''s number came later'),
    ('channel_refund', 'succeeded', 'succeeded', 'the channel''s number came later'),
    ('channel_refund', 'bounced', 'bounced', 'the channel''s number came later'),
    ('channel_refund', 'failed', 'failed', 'the channel''s number came later');

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

reset role;
