create function mixpay._reserve_refund(
    p_merchant_id text, p_refund_no text, p_kind text, p_shares mixpay.refund_share[], p_in_order boolean,
    p_channel text default null, p_refunded_at timestamptz default null
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_reserve_refund$
declare
    v_home text := p_shares[1].trade_no;
    v_at timestamptz := clock_timestamp();
    v_account text := case when p_kind in ('surplus', 'reversal') then 'surplus' else 'order' end;
    v_cause facts;
    v_trade_nos text[] := array(select distinct s.trade_no from unnest(p_shares) as s order by s.trade_no);
    v_cleared bigint[];
    v_steps bigint := case when p_channel is null then 1 else 2 end;
begin
    if v_account = 'order' then
        v_cause.entity := 'refund';
        v_cause.refund_no := p_refund_no;
        v_cause.happened_at := p_refunded_at;
        v_cleared := array(
            select _clear_line(p_merchant_id, t.trade_no, p_shares[1].order_no, 'refund', (
                select sum(s.amount)::bigint from unnest(p_shares) as s where s.trade_no = t.trade_no
            ), 0, v_cause)
            from unnest(v_trade_nos) as t (trade_no)
        );
    end if;
    update payments as p
    set
        refunded = p.refunded + s.amount,
        surplus_refunded = p.surplus_refunded + case when p_kind in ('surplus', 'reversal') then s.amount else 0 end
    from unnest(p_shares) as s
    where p.merchant_id = p_merchant_id and p.payment_no = s.payment_no;
    insert into refund_details (merchant_id, refund_no, payment_no, amount)
    select p_merchant_id, p_refund_no, s.payment_no, s.amount
    from unnest(p_shares) as s;
    -- The refund's own fact goes first, into the first trade that it takes from.
    insert into facts (merchant_id, trade_no, entry, entity, order_no, refund_no, from_state, to_state, happened_at)
    select
        p_merchant_id, v_home, t.last_entry + 1, 'refund', p_shares[1].order_no, p_refund_no, '',
        case when p_channel is null then 'processing' else 'succeeded' end, coalesce(p_refunded_at, now())
    from trades as t
    where t.merchant_id = p_merchant_id and t.trade_no = v_home;
    with share as (
        select
            s.payment_no, s.amount, s.trade_no, s.order_no, _new_number(v_at, s.i) as channel_refund_no, d.channel,
            d.state, d.reason, d.not_before,
            -- What was held went first; the trade's last shares are what payee and receivers gave back.
            greatest(0, least(s.amount, coalesce(c.cleared, 0) - coalesce(sum(s.amount) over (
                partition by s.trade_no order by s.i desc rows between unbounded preceding and 1 preceding
            ), 0))) as cleared,
            -- What was paid out already makes two entries: on its way, and sent.
            (row_number() over (partition by s.trade_no order by s.i) - 1) * v_steps
            + case s.trade_no when v_home then 1 else 0 end as place
        from unnest(p_shares) with ordinality
            as s (payment_no, amount, trade_no, order_no, channel, paid_at, seq, held, i)
        cross join lateral (
            select x.channel, x.state, x.reason, x.not_before
            from _find_destination(p_merchant_id, s.payment_no, s.channel, s.amount, null) as x
            where p_channel is null
            union all
            select p_channel, 'succeeded', null, null where p_channel is not null
        ) as d
        left join unnest(v_trade_nos, v_cleared) as c (trade_no, cleared) on c.trade_no = s.trade_no
    ), sent_back as (
        insert into channel_refunds (
            merchant_id, channel_refund_no, refund_no, payment_no, channel, amount, state, reason, not_before, due_at,
            refunded_at, cleared
        )
        select
            p_merchant_id, channel_refund_no, p_refund_no, payment_no, channel, amount, state, reason, not_before,
            case state when 'pending' then now() when 'waiting' then not_before end,
            case state when 'succeeded' then p_refunded_at end, coalesce(cleared, 0)
        from share
    )
    insert into facts (
        merchant_id, trade_no, entry, entity, payment_no, order_no, refund_no, channel_refund_no,
        from_state, to_state, from_account, to_account, amount, reason, happened_at
    )
    select
        p_merchant_id, s.trade_no, t.last_entry + s.place + x.step, 'channel_refund', s.payment_no, s.order_no,
        p_refund_no, s.channel_refund_no, case x.step when 1 then '' end, case x.step when 1 then s.state end,
        case x.step when 1 then v_account else 'refund' end, case x.step when 1 then 'refund' else 'channel' end,
        s.amount, s.reason, coalesce(p_refunded_at, now())
    from share as s
    inner join trades as t on t.merchant_id = p_merchant_id and t.trade_no = s.trade_no
    cross join generate_series(1, v_steps) as x (step);
    update trades as t
    set
        refunded = t.refunded + case when p_kind in ('surplus', 'reversal') then 0 else s.amount end,
        last_entry = t.last_entry + s.entries,
        -- Whatever stands before the last payment that was taken from in order is spent.
        fifo_paid_at = case when p_in_order then s.paid_at else t.fifo_paid_at end,
        fifo_seq = case when p_in_order then s.seq else t.fifo_seq end
    from (
        select
            x.trade_no, sum(x.amount) as amount,
            count(*) * v_steps + case x.trade_no when v_home then 1 else 0 end as entries,
            max(x.paid_at) as paid_at, (array_agg(x.seq order by x.paid_at desc, x.seq desc))[1] as seq
        from unnest(p_shares) as x
        group by x.trade_no
    ) as s
    where t.merchant_id = p_merchant_id and t.trade_no = s.trade_no;
    if p_kind not in ('surplus', 'reversal') then
        update trade_orders as l
        set refunded = l.refunded + s.amount
        from (select x.trade_no, sum(x.amount) as amount from unnest(p_shares) as x group by x.trade_no) as s
        where l.merchant_id = p_merchant_id and l.order_no = p_shares[1].order_no and l.trade_no = s.trade_no;
    end if;
end;
$_reserve_refund$;

comment on function mixpay._reserve_refund(
    text, text, text, mixpay.refund_share[], boolean, text, timestamptz
) is $$
Writes what each payment bears of a stored refund: details, channel refunds, facts, and every total that grows by it.

Each goes where the rules of its payment's channel let it go; or p_channel is where all of it was paid out by hand,
at p_refunded_at. p_in_order says that the shares were taken first in, first out.
The caller holds the lock of the trades.
$$;
