create function mixpay.claim_channel_refunds(
    p_merchant_id text, p_worker text, p_limit bigint default 100, p_lease interval default '1 minute',
    p_channels text[] default null
) returns setof mixpay.channel_refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $claim_channel_refunds$
declare
    v_due text[];
    v_trade_nos text[];
    v_claimed record;
    v_refunds channel_refunds[] := array[]::channel_refunds[];
    v_fact fact;
    v_facts fact[] := array[]::fact[];
begin
    perform _check_merchant(p_merchant_id);
    perform _check_number('worker', p_worker);
    perform _check_limit(p_limit);
    perform _check_channels(p_channels);
    -- In seconds, because intervals compare as if a month had 30 days.
    if p_lease is null or extract(epoch from p_lease) not between 1 and 86400 then
        raise exception 'the lease is out of bounds' using
            errcode = 'MX905',
            detail = format('It is %s.', coalesce(p_lease::text, 'null')),
            hint = 'Claim for 1 second to 1 day: longer than the channel takes to answer.';
    end if;
    -- A trade that somebody is at work on is left for the next time, and does not count; so look further than the
    -- limit, but not at a whole backlog.
    select array_agg(x.channel_refund_no), array_agg(distinct x.trade_no) into v_due, v_trade_nos
    from (
        select c.channel_refund_no, t.trade_no
        from (
            select y.channel_refund_no, y.payment_no, y.due_at from channel_refunds as y
            where
                y.merchant_id = p_merchant_id and y.due_at <= now()
                and (p_channels is null or y.channel = any (p_channels))
            order by y.due_at, y.channel_refund_no
            limit p_limit * 10
        ) as c
        cross join lateral (
            select y.trade_no from payments as y
            where y.merchant_id = p_merchant_id and y.payment_no = c.payment_no
            limit 1
        ) as p
        cross join lateral (
            select y.trade_no from trades as y
            where y.merchant_id = p_merchant_id and y.trade_no = p.trade_no
            for no key update skip locked
        ) as t
        order by c.due_at, c.channel_refund_no
        limit p_limit
    ) as x;
    if v_due is null then
        return;
    end if;
    v_due := _keep_rules(p_merchant_id, v_due);
    for v_claimed in
        with due as (
            select c.place, c.state, p.trade_no
            from unnest(v_due) as n (channel_refund_no)
            cross join lateral (
                select x.ctid as place, x.* from channel_refunds as x
                where x.merchant_id = p_merchant_id and x.channel_refund_no = n.channel_refund_no
                limit 1
            ) as c
            cross join lateral (
                select y.trade_no from payments as y
                where y.merchant_id = p_merchant_id and y.payment_no = c.payment_no
                limit 1
            ) as p
            where p.trade_no = any (v_trade_nos) and c.due_at <= now()
        ), claimed as (
            update channel_refunds as c
            set
                state = 'sent', reason = case c.state when 'pending' then c.reason end, worker = p_worker,
                attempts = c.attempts + 1, sent_at = now(),
                due_at = now() + make_interval(secs => extract(epoch from p_lease)::double precision)
            from due as d
            where c.ctid = d.place
            returning c as refund, d.state as was, d.trade_no
        )
        select x.refund, x.was, t.trade
        from claimed as x
        cross join lateral (
            select y as trade from trades as y
            where y.merchant_id = p_merchant_id and y.trade_no = x.trade_no
            limit 1
        ) as t
        order by x.trade_no, (x.refund).channel_refund_no
    loop
        v_fact := _channel_refund_fact(v_claimed.trade, v_claimed.refund, v_claimed.was, 'sent');
        v_fact.reason := p_worker;
        v_facts := v_facts || v_fact;
        v_refunds := v_refunds || v_claimed.refund;
    end loop;
    perform _post_all(_lock_trades(p_merchant_id, v_trade_nos), v_facts);
    return query
    select (row(c.*)::channel_refund).* from unnest(v_refunds) as c order by c.channel_refund_no;
end;
$claim_channel_refunds$;

comment on function mixpay.claim_channel_refunds(text, text, bigint, interval, text[]) is
$$Claims channel refunds that are due, at most p_limit, for one worker and the time of a lease.

A channel refund is due if nobody sent it yet, if its moment has come, if it was sent and the lease has ended, or if it
is in doubt and the back-off is over. Commit before you call the channel. Send each under its channel_refund_no, which
is the channel's idempotency key. Then complete, doubt, fail or defer it.

What waits for a person is never claimed, and what another call has locked is left out. If the channel's rules do not
let it send now, it waits for its moment or goes to the fallback channel, and the row says why.

Let p_lease be longer than the channel takes to answer. p_channels limits the claim to what goes through these; null
means any.
Locks: the trades of what is claimed, skipping those that are locked; then the refunds of what goes another way.
Raises: MX101 if there is no such merchant; MX203 if there is no such channel; MX901; MX904; MX905.
$$;
