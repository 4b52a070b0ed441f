create function mixpay.succeed_payments(p_merchant_id text, p_payments jsonb) returns setof mixpay.payment
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $succeed_payments$
declare
    v_trades trades[];
    v_plain payments[];
    v_item record;
begin
    perform _check_batch(
        'payment', p_payments, array['payment_no', 'channel_txn_no', 'paid_at'], array['amount'],
        p_required => array['payment_no']
    );
    v_trades := _lock_trades(p_merchant_id, array(
        select p.trade_no
        from jsonb_array_elements(p_payments) as j (value)
        cross join lateral (
            select trade_no from payments
            where merchant_id = p_merchant_id and payment_no = j.value ->> 'payment_no' limit 1
        ) as p
    ));
    perform _lock_shared(p_merchant_id, _trade_nos(v_trades));
    v_plain := _plain_successes(p_merchant_id, p_payments, v_trades);
    if cardinality(v_plain) > 0 then
        perform _store_successes(_apply_payments(v_trades, v_plain, 'pending'));
    end if;
    for v_item in
        select j.value, j.i
        from jsonb_array_elements(p_payments) with ordinality as j (value, i)
        where j.i not in (select p.seq from unnest(v_plain) as p)
        order by j.i
    loop
        perform succeed_payment(
            p_merchant_id, v_item.value ->> 'payment_no', v_item.value ->> 'channel_txn_no',
            _parse_moment(format('payment %s: "paid_at"', v_item.i), v_item.value ->> 'paid_at', true),
            (v_item.value ->> 'amount')::bigint
        );
    end loop;
    return query
    select (row(p.*)::payment).*
    from jsonb_array_elements(p_payments) with ordinality as j (value, i)
    cross join lateral (
        select * from payments
        where merchant_id = p_merchant_id and payment_no = j.value ->> 'payment_no' limit 1
    ) as p
    order by j.i;
end;
$succeed_payments$;

comment on function mixpay.succeed_payments(text, jsonb) is
$$Books in one call that the money of many started payments arrived, all or nothing. succeed_payment says what happens
to each.

p_payments is [{"payment_no", "channel_txn_no"?, "paid_at"?, "amount"?}, ...], 1 to 10,000 of them; paid_at is a moment
with its offset ("2026-01-31T12:00:00+08:00"). Returns the payments in the order of the call.
Locks: the trades, in ascending trade number; then their orders' splits, then their totals, each in ascending order
number.
Raises: MX101 if there is no such merchant; MX201 if there is no such payment; MX207 if the channel transaction is
another payment's; MX208 if it has succeeded with another amount or channel transaction; MX901; MX902; MX903; MX904;
MX905.
$$;
