create function mixpay._store_orders(p_merchant_id text, p_lines mixpay.merge_line[]) returns boolean
language plpgsql
set search_path = mixpay, pg_temp
as $_store_orders$
declare
    v_stored bigint;
    v_are_known boolean;
begin
    -- The update is the lock: of two merges of an order, the second waits here and then sees what the first one made.
    with stored as (
        insert into orders as o (merchant_id, order_no, payee_no, currency, amount)
        select p_merchant_id, l.order_no, l.payee_no, l.currency, l.amount
        from unnest(p_lines) as l
        where
            exists (select from currencies as c where c.currency = l.currency)
            and (l.payee_no is null or exists (
                select from payees as p where p.merchant_id = p_merchant_id and p.payee_no = l.payee_no
                offset 0
            ))
        order by l.order_no collate "C"
        on conflict (merchant_id, order_no) do update set merge_count = o.merge_count + 1
        returning o.merge_count
    )
    select count(*), bool_or(s.merge_count > 1) into v_stored, v_are_known from stored as s;
    if v_are_known or v_stored < cardinality(p_lines) then
        perform _refuse_wrong_orders(p_merchant_id, p_lines);
    end if;
    return v_are_known;
end;
$_store_orders$;

comment on function mixpay._store_orders(text, mixpay.merge_line[]) is
$$Stores the orders that are new, counts one merge more of those that are known, and compares them; says whether any is
known.

Locks: the orders, in ascending order number.
Raises: MX102 if there is no such payee; MX105 if a known order has another amount, currency or payee; MX109 if a trade
has orders of different currencies; MX110 if there is no such currency.
$$;
