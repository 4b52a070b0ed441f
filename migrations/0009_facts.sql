-- A fact that is still to be written has a type of its own.
-- The code stays.
set role mixpay_owner;

create type mixpay.fact as (
    merchant_id text collate "C",
    log text collate "C",
    log_no text collate "C",
    entry bigint,
    entity text collate "C",
    number text collate "C",
    from_state text,
    to_state text,
    from_account text collate "C",
    from_owner text collate "C",
    to_account text collate "C",
    to_owner text collate "C",
    amount bigint,
    currency text collate "C",
    payment_no text collate "C",
    order_no text collate "C",
    refund_no text collate "C",
    channel_refund_no text collate "C",
    reason text,
    happened_at timestamptz,
    order_from_state text collate "C",
    order_to_state text collate "C"
);

comment on type mixpay.fact is 'A fact that is still to be written: a row of facts, but for what _write_facts adds.';

reset role;
