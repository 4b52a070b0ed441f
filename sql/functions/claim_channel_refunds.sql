create function mixpay.claim_channel_refunds(
    p_merchant_id text, p_worker text, p_limit bigint default 100, p_lease interval default '1 minute'
) returns setof mixpay.channel_refunds
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $claim_channel_refunds$
declare
    v_due text[];
    v_trade_nos text[];
begin
    perform _check_merchant(p_merchant_id);
    perform _check_number('worker', p_worker);
    if p_limit is null or p_limit not between 1 and 1000 then
        raise exception 'the limit is out of bounds' using
            errcode = 'MX904',
            detail = format('It is %s.', coalesce(p_limit::text, 'null')),
            hint = 'Claim 1 to 1000 channel refunds at a time.';
    end if;
    -- In seconds, because intervals compare as if a month had 30 days.
    if p_lease is null or extract(epoch from p_lease) not between 1 and 86400 then
        raise exception 'the lease is out of bounds' using
            errcode = 'MX905',
            detail = format('It is %s.', coalesce(p_lease::text, 'null')),
            hint = 'Claim for 1 second to 1 day: longer than the channel takes to answer.';
    end if;
    v_due := array(
        select channel_refund_no from channel_refunds
        where merchant_id = p_merchant_id and state in ('pending', 'sent', 'doubt') and due_at <= now()
        order by due_at, channel_refund_no
        limit p_limit
    );
    if v_due = '{}' then
        return;
    end if;
    -- A trade that somebody is at work on is left for the next time.
    v_trade_nos := array(
        select t.trade_no from trades as t
        where
            t.merchant_id = p_merchant_id
            and t.trade_no in (
                select p.trade_no from channel_refunds as c
                inner join payments as p on p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
                where c.merchant_id = p_merchant_id and c.channel_refund_no = any (v_due)
            )
        order by t.trade_no
        for no key update of t skip locked
    );
    return query
    with due as (
        select
            c.channel_refund_no, c.state, p.trade_no,
            row_number() over (partition by p.trade_no order by c.channel_refund_no) as place
        from channel_refunds as c
        inner join payments as p on p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
        where
            c.merchant_id = p_merchant_id and c.channel_refund_no = any (v_due)
            and p.trade_no = any (v_trade_nos)
            and c.state in ('pending', 'sent', 'doubt') and c.due_at <= now()
    ), claimed as (
        update channel_refunds as c
        set state = 'sent', reason = null, worker = p_worker, attempts = c.attempts + 1, due_at = now() + make_interval(secs => extract(epoch from p_lease)::double precision)
        from due as d
        where c.merchant_id = p_merchant_id and c.channel_refund_no = d.channel_refund_no
        returning c.*
    ), noted as (
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, refund_no, channel_refund_no,
            from_state, to_state, reason, happened_at
        )
        select
            p_merchant_id, d.trade_no, t.last_entry + d.place, 'channel_refund', c.payment_no, c.refund_no,
            c.channel_refund_no, d.state, 'sent', p_worker, now()
        from claimed as c
        inner join due as d on d.channel_refund_no = c.channel_refund_no
        inner join trades as t on t.merchant_id = p_merchant_id and t.trade_no = d.trade_no
    ), counted as (
        update trades as t
        set last_entry = t.last_entry + d.entries
        from (select trade_no, count(*) as entries from due group by trade_no) as d
        where t.merchant_id = p_merchant_id and t.trade_no = d.trade_no
    )
    select c.* from claimed as c
    order by c.channel_refund_no;
end;
$claim_channel_refunds$;

comment on function mixpay.claim_channel_refunds(text, text, bigint, interval) is $$
Claims channel refunds that are due, at most p_limit, for one worker and the time of a lease.

Due is what nobody sent yet, what was sent and whose lease ended, and what is in doubt after its back-off. Commit
before you call the channel; send each under its channel_refund_no, which the channel takes as idempotency key; then
complete, doubt or fail it. What waits for a person is never claimed; what somebody else is at work on is left out.
p_lease: longer than the channel takes to answer.
Locks: the trades of what is claimed, skipping those that are locked.
Raises: MX101 if there is no such merchant; MX901; MX904; MX905.
$$;
