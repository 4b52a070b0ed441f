create function mixpay._fill_lines(
    p_lines mixpay.trade_orders[], p_trades mixpay.trades[], p_were mixpay.split_standing[],
    p_are mixpay.split_standing[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_fill_lines$
begin
    update trade_orders as l
    set paid = n.paid, cleared = n.cleared, live = t.state = 'open'
    from unnest(p_lines) as n
    inner join unnest(p_trades) as t on t.trade_no = n.trade_no
    cross join lateral (
        select x.ctid as place from trade_orders as x
        where
            x.merchant_id = n.merchant_id and x.trade_no = n.trade_no and x.position = n.position
            and (x.paid <> n.paid or t.state <> 'open')
        offset 0
    ) as x
    where l.ctid = x.place;
    if p_are is null then
        return;
    end if;
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
$_fill_lines$;

comment on function mixpay._fill_lines(
    mixpay.trade_orders[], mixpay.trades[], mixpay.split_standing[], mixpay.split_standing[]
) is
$$Stores many lines as they are paid and cleared now; those of a trade that is paid are not live any more. If some have
splits, which the caller has locked, writes down how much more was divided of these, and among whom, by how their
receivers stood before and stand now.
$$;
