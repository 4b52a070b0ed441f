create function mixpay._find_merged(p_merchant_id text, p_lines mixpay.merge_line[]) returns text[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_find_merged$
declare
    v_found text[];
    v_other record;
begin
    -- By number: the stored lines are what was sent then.
    with sent as (
        select l.trade_no, count(*) as sent, count(t.order_no) as same
        from unnest(p_lines) as l
        left join lateral (
            select * from trade_orders as x
            where x.merchant_id = p_merchant_id and x.trade_no = l.trade_no and x.position = l.position
            limit 1
        ) as t
            on
                t.order_no = l.order_no and t.asked = coalesce(l.pay, t.asked)
                and _is_same_hold(t.hold, t.release_due_at, l.hold, l.release_due_at)
                and exists (
                    select from orders as o
                    where
                        o.merchant_id = p_merchant_id and o.order_no = l.order_no
                        and o.currency = l.currency
                        -- What it cost then, if it has been repriced since.
                        and l.amount = coalesce((
                            select r.from_amount from repricings as r
                            where r.merchant_id = p_merchant_id and r.order_no = l.order_no and r.merge_count >= t.nth
                            order by r.nth
                            limit 1
                        ), o.amount)
                        and coalesce(o.payee_no = l.payee_no, l.payee_no is null)
                    offset 0
                )
        where l.trade_no is not null
        group by l.trade_no
    )
    select s.trade_no, s.sent, s.same, m.stored into v_other
    from sent as s
    cross join lateral (
        select count(*) as stored from trade_orders as x where x.merchant_id = p_merchant_id and x.trade_no = s.trade_no
    ) as m
    where m.stored > 0 and (s.sent <> s.same or s.sent <> m.stored)
    order by s.trade_no
    limit 1;
    if found then
        raise exception 'trade number % was used for something else', v_other.trade_no using
            errcode = 'MX106',
            detail = format('It merged %s orders then; of the %s sent now, %s agree.%s',
                v_other.stored, v_other.sent, v_other.same,
                ' ' || _first_difference(p_merchant_id, v_other.trade_no, p_lines)),
            hint = 'A repeated number must come with the same orders, amounts, currencies, payees and shares.';
    end if;
    -- Without a number: the open trade of the same orders with the same shares.
    with sent as (
        select l.*, t.trade_no as open_trade_no
        from (
            select x.*, first_value(x.order_no) over (partition by x.trade order by x.position) as first_order_no
            from unnest(p_lines) as x
            where x.trade_no is null
        ) as l
        cross join lateral (
            select y.trade_no from trade_orders as y
            where y.merchant_id = p_merchant_id and y.order_no = l.first_order_no and y.live
            limit 1
        ) as t
    ), standing as (
        select
            s.trade, t.trade_no, t.order_no, t.amount, t.hold, t.release_due_at,
            row_number() over (partition by s.trade order by t.position) as place
        from (select distinct x.trade, x.open_trade_no from sent as x) as s
        cross join lateral (
            select * from trade_orders as y
            where y.merchant_id = p_merchant_id and y.trade_no = s.open_trade_no and y.live is not false
            offset 0
        ) as t
    ), open_trades as (
        select coalesce(s.trade, t.trade) as trade, min(t.trade_no) as trade_no
        from sent as s
        full join standing as t on t.trade = s.trade and t.place = s.position and t.order_no = s.order_no
        left join lateral (
            select * from orders as x where x.merchant_id = p_merchant_id and x.order_no = s.order_no limit 1
        ) as o
            on
                o.amount = s.amount and o.currency = s.currency
                and coalesce(o.payee_no = s.payee_no, s.payee_no is null)
        group by coalesce(s.trade, t.trade)
        having bool_and(coalesce(
            _is_same_hold(t.hold, t.release_due_at, s.hold, s.release_due_at)
            and t.amount = coalesce(s.pay, o.amount - _taken_of_order(p_merchant_id, t.order_no, t.trade_no)), false
        ))
    )
    select array_agg(coalesce(t.trade_no, x.trade_no) order by n.trade) into v_found
    from generate_series(1, (p_lines[cardinality(p_lines)]).trade) as n (trade)
    left join (select distinct y.trade, y.trade_no from unnest(p_lines) as y) as l on l.trade = n.trade
    left join lateral (
        select y.trade_no from trades as y where y.merchant_id = p_merchant_id and y.trade_no = l.trade_no limit 1
    ) as t on true
    left join open_trades as x on x.trade = l.trade;
    return v_found;
end;
$_find_merged$;

comment on function mixpay._find_merged(text, mixpay.merge_line[]) is
$$For each trade up to that of the last line, in order, the number of the trade that an earlier call made of its lines,
or null. The lines stand in the order of their trades; some trades may have none.

Raises: MX106 if a trade number was used for something else.
$$;
