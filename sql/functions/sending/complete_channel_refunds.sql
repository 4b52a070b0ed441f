create function mixpay.complete_channel_refunds(p_merchant_id text, p_completions jsonb)
returns setof mixpay.channel_refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $complete_channel_refunds$
declare
    v_trade_nos text[];
    v_refund_nos text[];
    v_trades trades[];
    v_plain bigint[];
    v_item record;
begin
    perform _check_batch(
        'completion', p_completions, array['channel_refund_no', 'channel_txn_no', 'refunded_at'], '{}',
        p_required => array['channel_refund_no']
    );
    select array_agg(p.trade_no), array_agg(c.refund_no) into v_trade_nos, v_refund_nos
    from jsonb_array_elements(p_completions) as j (value)
    cross join lateral (
        select refund_no, payment_no from channel_refunds
        where merchant_id = p_merchant_id and channel_refund_no = j.value ->> 'channel_refund_no' limit 1
    ) as c
    cross join lateral (
        select trade_no from payments where merchant_id = p_merchant_id and payment_no = c.payment_no limit 1
    ) as p;
    v_trades := _lock_trades(p_merchant_id, v_trade_nos);
    -- Before the splits, for so does whoever books a failure: it may need the split of an order whose refund it has.
    perform r.refund_no
    from (select distinct n collate "C" as n from unnest(v_refund_nos) as n order by n) as d
    cross join lateral (
        select x.refund_no from refunds as x
        where x.merchant_id = p_merchant_id and x.refund_no = d.n
        for no key update
    ) as r;
    v_plain := _complete_plain(p_merchant_id, p_completions, v_trades);
    if cardinality(v_plain) < jsonb_array_length(p_completions) then
        perform _lock_shared(p_merchant_id, v_trade_nos);
        for v_item in
            select j.value, j.i
            from jsonb_array_elements(p_completions) with ordinality as j (value, i)
            where j.i not in (select u.i from unnest(v_plain) as u (i))
            order by j.i
        loop
            perform complete_channel_refund(
                p_merchant_id, v_item.value ->> 'channel_refund_no', v_item.value ->> 'channel_txn_no',
                _parse_moment(format('completion %s: "refunded_at"', v_item.i), v_item.value ->> 'refunded_at', true)
            );
        end loop;
    end if;
    return query
    select (row(c.*)::channel_refund).*
    from jsonb_array_elements(p_completions) with ordinality as j (value, i)
    cross join lateral (
        select * from channel_refunds
        where merchant_id = p_merchant_id and channel_refund_no = j.value ->> 'channel_refund_no' limit 1
    ) as c
    order by j.i;
end;
$complete_channel_refunds$;

comment on function mixpay.complete_channel_refunds(text, jsonb) is
$$Books in one call that channels, or people, have sent the money of many channel refunds back, all or nothing.
complete_channel_refund says what happens to each.

p_completions is [{"channel_refund_no", "channel_txn_no"?, "refunded_at"?}, ...], 1 to 10,000 of them; refunded_at is a
moment with its offset ("2026-01-31T12:00:00+08:00"). Returns the channel refunds in the order of the call.
Locks: the trades, in ascending trade number; then the refunds, in ascending refund number; then, if one of them is more
than an ordinary success, the splits of the trades' orders, then their totals, each in ascending order number.
Raises: MX101 if there is no such merchant; MX303 if there is no such channel refund; MX304 if one has succeeded with
another channel transaction or at another moment, or is an anomaly; MX321 if a return or a chargeback took it; MX901;
MX903; MX904; MX905.
$$;
