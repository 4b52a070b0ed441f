create function mixpay._lines_of_known_orders(
    p_merchant_id text, p_lines mixpay.merge_line[], p_found text[]
) returns mixpay.merge_line[]
language plpgsql
set search_path = mixpay, pg_temp
as $_lines_of_known_orders$
begin
    perform _abandon_trades(p_merchant_id, array(
        select l.order_no from unnest(p_lines) as l where p_found[l.trade] is null
    ));
    return array(
        select row(
            l.trade, l.trade_no, l.expires_at, l.position, l.order_no, l.amount, l.currency, o.payee_no, l.pay, l.hold,
            l.release_due_at, o.merge_count, _taken_of_order(p_merchant_id, l.order_no, null), s.split_no
        )::merge_line
        from unnest(p_lines) with ordinality as l
        cross join lateral (
            select x.merge_count, x.payee_no from orders as x
            where x.merchant_id = p_merchant_id and x.order_no = l.order_no limit 1
        ) as o
        left join lateral (
            select x.split_no from splits as x
            where x.merchant_id = p_merchant_id and x.order_no = l.order_no limit 1
        ) as s on true
        where p_found[l.trade] is null
        order by l.ordinality
    );
end;
$_lines_of_known_orders$;

comment on function mixpay._lines_of_known_orders(text, mixpay.merge_line[], text[]) is
$$Those lines of which no trade was found, with what is known of their orders, which the caller has locked. The open
trades that they are in are closed, if nothing is paid into them.

Locks: those trades, in ascending trade number.
Raises: MX107 if money was paid into one, or an attempt is pending.
$$;
