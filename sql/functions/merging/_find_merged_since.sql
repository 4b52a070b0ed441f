create function mixpay._find_merged_since(
    p_merchant_id text, p_lines mixpay.merge_line[], p_found text[]
) returns text[]
language plpgsql
set search_path = mixpay, pg_temp
as $_find_merged_since$
declare
    v_found text[] := p_found;
    v_since text[];
    v_since_of bigint[];
begin
    v_since := _find_merged(p_merchant_id, array(
        select row(
            dense_rank() over (order by l.trade), l.trade_no, l.expires_at, l.position, l.order_no, l.amount,
            l.currency, l.payee_no, l.pay, l.hold, l.release_due_at, null, null, null
        )::merge_line
        from unnest(p_lines) as l
    ));
    v_since_of := array(select distinct l.trade from unnest(p_lines) as l order by l.trade);
    for i in 1 .. cardinality(v_since) loop
        v_found[v_since_of[i]] := v_since[i];
    end loop;
    -- It must leave no mark on the orders.
    update orders as o set merge_count = o.merge_count - 1
    from (select distinct l.order_no from unnest(p_lines) as l where v_found[l.trade] is not null) as n
    cross join lateral (
        select x.ctid as place from orders as x
        where x.merchant_id = p_merchant_id and x.order_no = n.order_no
        offset 0
    ) as x
    where o.ctid = x.place;
    return v_found;
end;
$_find_merged_since$;

comment on function mixpay._find_merged_since(text, mixpay.merge_line[], text[]) is
$$What _find_merged found, p_found, and what was merged since, now that the orders of these lines are locked.

Raises: MX106 if a trade number was used for something else.
$$;
