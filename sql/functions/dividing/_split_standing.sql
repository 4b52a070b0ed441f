create function mixpay._split_standing(p_line mixpay.trade_orders) returns mixpay.split_standing
language plpgsql stable
set search_path = mixpay, pg_temp
as $_split_standing$
declare
    v_standing split_standing;
begin
    select
        array_agg(r.account), array_agg(r.owner), array_agg(r.fixed), array_agg(r.rate), array_agg(r.kept_on_refund),
        array_agg(r.amount), array_agg(r.taken_back), array_agg(r.elsewhere),
        min(r.position) filter (where r.takes_remainder), min(r.position) filter (where r.is_home)
    into
        v_standing.accounts, v_standing.owners, v_standing.fixed, v_standing.rates, v_standing.kept_on_refund,
        v_standing.amounts, v_standing.taken_back, v_standing.elsewhere, v_standing.rest, v_standing.home
    from (
        select
            x.position, x.account::text as account,
            x.receiver::text as owner, x.fixed::bigint as fixed, x.rate, x.kept_on_refund, x.takes_remainder,
            x.kind = 'payee' and x.receiver = p_line.payee_no as is_home, s.amount, s.taken_back, s.elsewhere
        from split_receivers as x
        cross join lateral (
            select
                coalesce(sum(y.amount) filter (where y.trade_no = p_line.trade_no), 0)::bigint as amount,
                coalesce(sum(y.taken_back) filter (where y.trade_no = p_line.trade_no), 0)::bigint as taken_back,
                coalesce(sum(y.amount) filter (where y.trade_no <> p_line.trade_no), 0)::bigint as elsewhere
            from split_shares as y
            where y.merchant_id = x.merchant_id and y.split_no = x.split_no and y.position = x.position
        ) as s
        where x.merchant_id = p_line.merchant_id and x.split_no = p_line.split_no
        order by x.position
    ) as r;
    return v_standing;
end;
$_split_standing$;

comment on function mixpay._split_standing(mixpay.trade_orders) is
$$How the receivers of a line's split stand now.
$$;
