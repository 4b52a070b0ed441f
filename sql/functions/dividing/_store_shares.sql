create function mixpay._store_shares(
    p_lines mixpay.trade_orders[], p_were mixpay.split_standing[], p_are mixpay.split_standing[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
-- Only a hash of what is stored is never slow, whatever the planner believes of the table.
set enable_nestloop = off set enable_mergejoin = off set jit = off
as $_store_shares$
begin
    update splits as s
    set divided = n.divided
    from (
        select l.split_no, (p_are[l.ordinality::integer]).divided as divided
        from unnest(p_lines) with ordinality as l
        where l.split_no is not null
    ) as n
    where
        s.merchant_id = (p_lines[1]).merchant_id and s.split_no = n.split_no
        and s.split_no = any (array(select x.split_no from unnest(p_lines) as x where x.split_no is not null))
        and s.divided <> n.divided;
    insert into split_shares (merchant_id, trade_no, split_no, position, amount, taken_back)
    select l.merchant_id, l.trade_no, l.split_no, u.i, u.amount, u.taken_back
    from unnest(p_lines) with ordinality as l
    cross join lateral unnest(
        (p_were[l.ordinality::integer]).amounts, (p_are[l.ordinality::integer]).amounts,
        (p_are[l.ordinality::integer]).taken_back
    ) with ordinality as u (was, amount, taken_back, i)
    where l.split_no is not null and u.amount <> u.was
    order by l.split_no, u.i
    on conflict (merchant_id, split_no, position, trade_no) do update
    set amount = excluded.amount, taken_back = excluded.taken_back;
end;
$_store_shares$;

comment on function mixpay._store_shares(
    mixpay.trade_orders[], mixpay.split_standing[], mixpay.split_standing[]
) is
$$Writes down how much more was divided of the splits of these lines, and among whom. The caller has locked the splits.
$$;
