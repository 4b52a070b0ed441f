create function mixpay._store_orders(p_merchant_id text, p_lines mixpay.merge_line[]) returns boolean
language plpgsql
set search_path = mixpay, pg_temp
as $_store_orders$
declare
    v_stored bigint;
begin
    insert into orders (merchant_id, order_no, payee_no, currency, amount)
    select p_merchant_id, l.order_no, l.payee_no, l.currency, l.amount
    from unnest(p_lines) as l
    where
        exists (select from currencies as c where c.currency = l.currency)
        and (l.payee_no is null or exists (
            select from payees as p where p.merchant_id = p_merchant_id and p.payee_no = l.payee_no
            offset 0
        ))
    order by l.order_no collate "C"
    on conflict do nothing;
    get diagnostics v_stored = row_count;
    if v_stored = cardinality(p_lines) then
        return false;
    end if;
    perform _check_merge_lines(p_lines, false);
    -- The update is the lock: of two merges of an order, the second waits here and then sees what the first one made.
    -- What was just stored has no line yet.
    insert into orders as o (merchant_id, order_no, payee_no, currency, amount)
    select p_merchant_id, l.order_no, l.payee_no, l.currency, l.amount
    from unnest(p_lines) as l
    where exists (
        select from trade_orders as t where t.merchant_id = p_merchant_id and t.order_no = l.order_no
        offset 0
    )
    order by l.order_no collate "C"
    on conflict (merchant_id, order_no) do update set merge_count = o.merge_count + 1;
    perform _refuse_wrong_orders(p_merchant_id, p_lines);
    return true;
end;
$_store_orders$;

comment on function mixpay._store_orders(text, mixpay.merge_line[]) is
$$Stores the orders that are new; if any are known, counts one merge more of those, compares them, and says so.

Locks: the orders: what is new, then what is known, each in ascending order number.
Raises: MX102 if there is no such payee; MX105 if a known order has another amount, currency or payee; MX109 if a trade
has orders of different currencies; MX110 if there is no such currency; MX904 if one is named twice; MX901; MX902.
$$;
