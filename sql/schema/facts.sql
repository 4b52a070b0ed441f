-- The log. A fact is a change of state, a movement of money from one account to another, or both at once; it is
-- written once, under the lock of its trade, and stays. History, allocations and the flow of money are views of it.
create table mixpay.facts (
    merchant_id text collate "C" not null,
    trade_no text collate "C" not null,
    entry bigint not null,
    xid xid8 not null default pg_current_xact_id(),
    entity text not null,
    payment_no text collate "C",
    order_no text collate "C",
    refund_no text collate "C",
    channel_refund_no text collate "C",
    from_state text,
    to_state text,
    from_account text,
    to_account text,
    amount bigint,
    reason text,
    happened_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, trade_no, entry),
    foreign key (merchant_id, trade_no) references mixpay.trades,
    constraint entity_is_known check (
        case entity
            when 'trade' then true
            when 'payment' then payment_no is not null
            when 'refund' then refund_no is not null
            when 'channel_refund' then channel_refund_no is not null and refund_no is not null and payment_no is not null
            else false
        end
    ),
    constraint says_something check (to_state is not null or amount is not null),
    constraint a_change_has_two_states check ((from_state is null) = (to_state is null)),
    constraint a_movement_has_two_accounts check (
        case when amount is null then from_account is null and to_account is null
            else amount > 0 and from_account <> to_account
                and from_account in ('channel', 'order', 'surplus', 'refund', 'anomaly')
                and to_account in ('channel', 'order', 'surplus', 'refund', 'anomaly')
        end
    )
);

comment on table mixpay.facts is
'What happened, once and for all: changes of state and movements of money, in order within their trade.';
comment on column mixpay.facts.entry is 'Its place among the trade''s facts, from 1; grows under the trade''s lock.';
comment on column mixpay.facts.xid is 'The transaction that wrote it.';
comment on column mixpay.facts.entity is 'What the change of state is about: trade, payment, refund or channel_refund.';
comment on column mixpay.facts.from_state is 'Empty where the thing comes into being.';
comment on column mixpay.facts.from_account is
'channel: clearing with the payment''s channel; order: what is paid of the order; surplus: of the payment; refund: on its way back; anomaly: moved without a place in the books.';
comment on column mixpay.facts.amount is 'What moved, in the currency''s smallest unit.';
comment on column mixpay.facts.happened_at is 'When it happened; created_at is when we wrote it.';
