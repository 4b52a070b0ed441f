create function mixpay._first_difference(
    p_merchant_id text, p_trade_no text, p_lines mixpay.merge_line[]
) returns text
language plpgsql stable
set search_path = mixpay, pg_temp
as $_first_difference$
begin
    return (
        select _on_record(
            json_build_object(
                'order_no', t.order_no, 'amount', t.cost, 'currency', t.currency, 'payee_no', t.payee_no,
                'pay', t.asked,
                'hold', coalesce(t.release_due_at::text, t.hold::text)
            ),
            json_build_object(
                'order_no', l.order_no, 'amount', l.amount, 'currency', l.currency, 'payee_no', l.payee_no,
                'pay', l.pay,
                'hold', coalesce(l.release_due_at::text, l.hold::text)
            )
        )
        from (
            select x.*, o.currency, o.amount as cost
            from trade_orders as x
            cross join lateral (
                select y.currency, y.amount from orders as y
                where y.merchant_id = x.merchant_id and y.order_no = x.order_no
                limit 1
            ) as o
            where x.merchant_id = p_merchant_id and x.trade_no = p_trade_no
        ) as t
        full join (
            select * from unnest(p_lines) as x where x.trade_no = p_trade_no
        ) as l on l.position = t.position
        where
            (t.order_no, t.currency, t.payee_no) is distinct from (l.order_no, l.currency, l.payee_no)
            or t.cost <> l.amount or t.asked <> l.pay
            or not _is_same_hold(t.hold, t.release_due_at, l.hold, l.release_due_at)
        order by coalesce(t.position, l.position)
        limit 1
    );
end;
$_first_difference$;

comment on function mixpay._first_difference(text, text, mixpay.merge_line[]) is
$$The first order of a trade that was merged otherwise than these lines say, as it is on record and as it was sent.
$$;
