create function mixpay._split_standing(p_line mixpay.trade_orders) returns mixpay.split_standing
language plpgsql stable
set search_path = mixpay, pg_temp
as $_split_standing$
declare
    v_standing split_standing;
begin
    select
        array_agg(case when r.kind in ('payee', 'receiver') then r.kind::text else 'fee' end order by r.position),
        array_agg(r.receiver::text order by r.position),
        array_agg(r.fixed::bigint order by r.position), array_agg(r.rate order by r.position),
        array_agg(r.kept_on_refund order by r.position),
        array_agg(s.amount order by r.position), array_agg(s.taken_back order by r.position),
        array_agg(s.elsewhere order by r.position),
        min(r.position) filter (where r.takes_remainder),
        min(r.position) filter (where r.kind = 'payee' and r.receiver = p_line.payee_no)
    into
        v_standing.accounts, v_standing.owners, v_standing.fixed, v_standing.rates, v_standing.kept, v_standing.amounts,
        v_standing.taken_back, v_standing.elsewhere, v_standing.rest, v_standing.home
    from split_receivers as r
    cross join lateral (
        select
            coalesce(sum(x.amount) filter (where x.trade_no = p_line.trade_no), 0)::bigint as amount,
            coalesce(sum(x.taken_back) filter (where x.trade_no = p_line.trade_no), 0)::bigint as taken_back,
            coalesce(sum(x.amount) filter (where x.trade_no <> p_line.trade_no), 0)::bigint as elsewhere
        from split_shares as x
        where x.merchant_id = r.merchant_id and x.split_no = r.split_no and x.position = r.position
    ) as s
    where r.merchant_id = p_line.merchant_id and r.split_no = p_line.split_no;
    return v_standing;
end;
$_split_standing$;

comment on function mixpay._split_standing(mixpay.trade_orders) is $$
How the receivers of a line's split stand now.
$$;
