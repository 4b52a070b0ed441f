create function mixpay.record_payments(p_merchant_id text, p_payments jsonb) returns setof mixpay.payment
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $record_payments$
declare
    v_payments payments[] := _read_payments(p_merchant_id, p_payments);
    v_trades trades[];
    v_plain payments[];
    v_payment payments;
begin
    v_trades := _lock_trades(p_merchant_id, array(select p.trade_no from unnest(v_payments) as p));
    perform _lock_shared(p_merchant_id, _trade_nos(v_trades));
    v_plain := _plain_payments(p_merchant_id, v_payments, v_trades);
    if cardinality(v_plain) > 0 then
        perform _store_payments(_apply_payments(v_trades, v_plain, ''), v_plain);
    end if;
    for v_payment in
        select s.* from unnest(v_payments) as s
        where cardinality(v_plain) < cardinality(v_payments) and s.seq not in (select p.seq from unnest(v_plain) as p)
        order by s.seq
    loop
        perform record_payment(
            p_merchant_id, v_payment.trade_no, v_payment.payment_no, v_payment.channel, v_payment.amount,
            v_payment.paid_at, v_payment.channel_txn_no, v_payment.captures
        );
    end loop;
    return query
    select (row(p.*)::payment).*
    from unnest(v_payments) as s
    cross join lateral (
        select * from payments as x where x.merchant_id = p_merchant_id and x.payment_no = s.payment_no limit 1
    ) as p
    order by s.seq;
end;
$record_payments$;

comment on function mixpay.record_payments(text, jsonb) is
$$Records many payments in one call, all or nothing. record_payment says what happens to each.

p_payments is [{"trade_no", "payment_no", "channel", "amount", "paid_at"?, "channel_txn_no"?, "captures"?}, ...], 1 to
10,000 of them; paid_at is a moment with its offset ("2026-01-31T12:00:00+08:00"). Returns the payments in the order of
the call.
Locks: the trades, in ascending trade number; then their orders' splits, then their totals, each in ascending order
number.
Raises: MX101 if there is no such merchant; MX104 if there is no such trade; MX202 if a payment number was used for
something else; MX203 if there is no such channel; MX207 if a channel transaction is another payment's; MX212 if
"captures" names no authorized payment of the trade and the channel; MX901; MX902; MX903; MX904; MX905.
$$;
