create function mixpay._store_shares(
    p_lines mixpay.trade_orders[], p_were mixpay.split_standing[], p_are mixpay.split_standing[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_store_shares$
begin
    update splits as s
    set divided = n.divided
    from unnest(p_lines) with ordinality as l
    cross join lateral (
        select x.ctid as place, (p_are[l.ordinality::integer]).divided from splits as x
        where
            x.merchant_id = l.merchant_id and x.split_no = l.split_no
            and x.divided <> (p_are[l.ordinality::integer]).divided
        offset 0
    ) as n
    where s.ctid = n.place;
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
