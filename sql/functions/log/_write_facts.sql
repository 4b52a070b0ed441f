create function mixpay._write_facts(p_facts mixpay.fact[], p_last_entry bigint) returns bigint
language plpgsql
set search_path = mixpay, pg_temp
as $_write_facts$
begin
    insert into facts (
        merchant_id, log, log_no, entry, epoch, entity, number, from_state, to_state, from_account, from_owner,
        to_account, to_owner, amount, currency, payment_no, order_no, refund_no, channel_refund_no, reason, happened_at,
        order_from_state, order_to_state
    )
    select
        f.merchant_id, f.log, f.log_no, coalesce(f.entry, p_last_entry + f.ordinality),
        (select e.epoch from epochs as e order by e.epoch desc limit 1), f.entity, f.number, f.from_state, f.to_state,
        f.from_account, f.from_owner, f.to_account, f.to_owner, f.amount, f.currency, f.payment_no, f.order_no,
        f.refund_no, f.channel_refund_no, f.reason, coalesce(f.happened_at, now()), f.order_from_state, f.order_to_state
    from unnest(p_facts) with ordinality as f;
    return p_last_entry + cardinality(p_facts);
end;
$_write_facts$;

comment on function mixpay._write_facts(mixpay.fact[], bigint) is
$$Writes facts to their logs, in this order: the only place that does, and that numbers them. Returns the last entry.

Each says its log, entity and number, its currency, and what happened; happened_at left out is now. p_last_entry is the
last entry of the log that all of them are of. Who writes to many logs at once has numbered the facts himself, each from
its own log's last entry. The caller holds the lock of what the logs are of, and counts the facts there.
$$;
