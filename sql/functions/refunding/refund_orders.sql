create function mixpay.refund_orders(p_merchant_id text, p_refunds jsonb) returns setof mixpay.refunds
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set jit = off
as $refund_orders$
declare
    v_item record;
begin
    perform _check_batch(
        'refund', p_refunds, array['order_no', 'refund_no', 'reason'], array['amount'], array['payment_nos']
    );
    if exists (
        select from jsonb_array_elements(p_refunds) as j (value)
        where
            case jsonb_typeof(j.value -> 'payment_nos')
                when 'array' then jsonb_path_exists(j.value, '$.payment_nos[*] ? (@.type() != "string")')
                else jsonb_typeof(j.value -> 'payment_nos') <> 'null'
            end
    ) then
        raise exception 'the payments of a refund are not named as a list of texts' using
            errcode = 'MX903',
            detail = 'Each is named by its number.',
            hint = 'Write "payment_nos": ["P1", "P2"], or leave it out.';
    end if;
    perform _lock_trades(p_merchant_id, array(
        select l.trade_no
        from jsonb_array_elements(p_refunds) as j (value)
        cross join lateral (
            select x.trade_no from trade_orders as x
            where x.merchant_id = p_merchant_id and x.order_no = j.value ->> 'order_no'
            offset 0
        ) as l
    ));
    for v_item in
        select j.value from jsonb_array_elements(p_refunds) with ordinality as j (value, i) order by j.i
    loop
        return next refund_order(
            p_merchant_id, v_item.value ->> 'order_no', v_item.value ->> 'refund_no',
            (v_item.value ->> 'amount')::bigint, v_item.value ->> 'reason',
            case jsonb_typeof(v_item.value -> 'payment_nos') when 'array' then array(
                select n from jsonb_array_elements_text(v_item.value -> 'payment_nos') as n
            ) end
        );
    end loop;
end;
$refund_orders$;

comment on function mixpay.refund_orders(text, jsonb) is $$
Refunds many orders in one call, all or nothing; for each, refund_order says what happens.

p_refunds is [{"order_no", "refund_no", "amount", "reason"?, "payment_nos"?}, ...], 1 to 10,000 of them; amounts are in the
currency's smallest unit. Returns the refunds in the order of the call.
Locks: the orders' trades, in ascending trade number; then their splits, in ascending order number.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX301 if more is asked than is left;
MX302 if a refund number was used for something else; MX306 if the named payments have too little of the order or are none
of the order's; MX901; MX902; MX903; MX904; MX905.
$$;
