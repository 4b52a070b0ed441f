create function mixpay._record_plain_payments(
    p_merchant_id text, p_payments jsonb, p_locked text[]
) returns text[]
language plpgsql
set search_path = mixpay, pg_temp
as $_record_plain_payments$
declare
    v_plain text[];
    v_stored text[];
    v_lost jsonb;
    v_payment payments;
begin
    with sent as (
        select
            j.*,
            count(*) over (partition by j.payment_no) as times,
            row_number() over trade as nth,
            row_number() over trade = count(*) over (partition by j.trade_no) as is_last,
            sum(j.amount) over (partition by j.trade_no) as total
        from rows from (jsonb_to_recordset(p_payments) as (
            trade_no text, payment_no text, channel text, amount bigint, paid_at text, channel_txn_no text
        )) with ordinality as j (trade_no, payment_no, channel, amount, paid_at, channel_txn_no, i)
        window trade as (partition by j.trade_no order by j.i)
    ), judged as (
        select
            s.*, t.last_seq, t.last_entry, x.position, x.order_no, x.payee_no, s.is_last and s.total = t.amount - t.paid as fills,
            bool_and(coalesce(
                length(s.payment_no) between 1 and 64 and s.payment_no !~ '[^!-~]' and s.times = 1
                and s.amount between 1 and 1000000000000000
                and length(coalesce(s.channel_txn_no, '-')) between 1 and 64
                and coalesce(s.channel_txn_no, '-') !~ '[^!-~]'
                and c.channel is not null and p.payment_no is null
                and t.state = 'open' and t.fifo_paid_at is null and x.lines = 1 and x.is_whole
                and s.total <= t.amount - t.paid, false
            )) over (partition by s.trade_no) as is_plain
        from sent as s
        inner join unnest(p_locked) as locked (trade_no) on locked.trade_no = s.trade_no
        -- A lateral limit is a look-up by key, whatever the planner believes of a table without statistics.
        cross join lateral (
            select y.state, y.amount, y.paid, y.last_seq, y.last_entry, y.fifo_paid_at from trades as y
            where y.merchant_id = p_merchant_id and y.trade_no = s.trade_no limit 1
        ) as t
        cross join lateral (
            select count(*) as lines, min(l.position) as position, min(l.order_no) as order_no,
                min(case when l.clears_at_once then l.payee_no end) as payee_no, bool_and(l.split_no is null) as is_whole
            from trade_orders as l
            where l.merchant_id = p_merchant_id and l.trade_no = s.trade_no and l.live
        ) as x
        left join channels as c on c.channel = s.channel
        left join lateral (
            select y.payment_no from payments as y
            where y.merchant_id = p_merchant_id and y.payment_no = s.payment_no limit 1
        ) as p on true
    ), plain as materialized (
        select
            j.i, j.trade_no, j.payment_no, j.channel, j.amount, j.channel_txn_no, j.nth, j.is_last, j.fills,
            j.position, j.order_no, j.payee_no, j.last_seq, j.last_entry, j.total::bigint as total,
            case when j.payee_no is null then 1 else 2 end as steps,
            coalesce(
                case when j.paid_at is not null then _parse_moment(format('payment %s: "paid_at"', j.i), j.paid_at) end,
                now()
            ) as moment
        from judged as j
        where j.is_plain
    ), stored as (
        insert into payments (
            merchant_id, payment_no, trade_no, channel, recorded, asked, amount, applied, state, channel_txn_no,
            paid_at, seq
        )
        select
            p_merchant_id, payment_no, trade_no, channel, true, amount, amount, amount, 'succeeded', channel_txn_no,
            moment, last_seq + nth
        from plain
        order by payment_no collate "C"
        on conflict do nothing
        returning payment_no
    ), written as (
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, order_no, from_state, to_state,
            from_account, to_account, amount, happened_at, to_owner
        )
        select
            p_merchant_id, trade_no, last_entry + (nth - 1) * steps + 1, 'payment', payment_no, order_no, '', 'succeeded',
            'channel', 'order', amount, moment, null
        from plain
        union all
        select
            p_merchant_id, trade_no, last_entry + nth * steps, 'payment', payment_no, order_no, null, null,
            'order', 'payee', amount, moment, payee_no
        from plain
        where payee_no is not null
        union all
        select
            p_merchant_id, trade_no, last_entry + nth * steps + 1, 'trade', payment_no, null, 'open', 'paid',
            null, null, null, moment, null
        from plain
        where fills
    ), paid_lines as (
        update trade_orders as l
        set
            paid = l.paid + p.total, live = not p.fills,
            cleared = l.cleared + case when p.payee_no is null then 0 else p.total end
        from plain as p
        where l.merchant_id = p_merchant_id and l.trade_no = p.trade_no and l.position = p.position and p.is_last
    ), paid_trades as (
        update trades as t
        set
            paid = t.paid + p.total, state = case when p.fills then 'paid' else 'open' end,
            last_seq = t.last_seq + p.nth, last_entry = t.last_entry + p.nth * p.steps + p.fills::integer
        from plain as p
        where t.merchant_id = p_merchant_id and t.trade_no = p.trade_no and p.is_last
    )
    select
        coalesce(array_agg(p.payment_no order by p.i), '{}'),
        array(select x.payment_no from stored as x)
    into v_plain, v_stored
    from plain as p;
    if cardinality(v_stored) < cardinality(v_plain) then
        -- A number was taken: meanwhile, or within this call.
        select j.value into v_lost
        from jsonb_array_elements(p_payments) with ordinality as j (value, i)
        where j.value ->> 'payment_no' = any (v_plain) and j.value ->> 'payment_no' <> all (v_stored)
        order by j.i
        limit 1;
        select * into v_payment from payments
        where merchant_id = p_merchant_id and payment_no = v_lost ->> 'payment_no';
        if found then
            perform _refuse_payment_no(v_payment);
        end if;
        perform _refuse_channel_txn_no(p_merchant_id, v_lost ->> 'channel', v_lost ->> 'channel_txn_no');
    end if;
    return v_plain;
end;
$_record_plain_payments$;

comment on function mixpay._record_plain_payments(text, jsonb, text[]) is $$
Records, all at once, those payments that record_payment would record without further ado, and returns their numbers:
new ones into open trades that have one live line and no split, need all of
what is sent and were never refunded. The rest is left to record_payment.

p_locked are the trades that the caller has locked; the JSON is checked.
Raises: MX202 if a payment number was used for something else at the same time; MX207 if a channel transaction is
another payment's; MX903; MX905.
$$;
