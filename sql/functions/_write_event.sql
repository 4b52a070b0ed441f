create function mixpay._write_event(p_event mixpay.facts) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_write_event$
begin
    with counted as (
        update trades set last_entry = last_entry + 1
        where merchant_id = p_event.merchant_id and trade_no = p_event.trade_no
        returning last_entry
    )
    insert into facts (
        merchant_id, trade_no, entry, entity, order_no, cause_no, from_state, to_state, reason, happened_at
    )
    select
        p_event.merchant_id, p_event.trade_no, last_entry, p_event.entity, p_event.order_no, p_event.cause_no,
        p_event.from_state, p_event.to_state, p_event.reason, now()
    from counted;
end;
$_write_event$;

comment on function mixpay._write_event(mixpay.facts) is $$
Writes a change of state of a release, dispute or split of an order into one of the order's trades, which is locked.
$$;
