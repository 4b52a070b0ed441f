create function mixpay._split_standings(p_lines mixpay.trade_orders[]) returns mixpay.split_standing[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_split_standings$
begin
    return array(
        select s.standing
        from unnest(p_lines) with ordinality as l
        left join lateral (
            select y.divided::bigint, y.takes_place = 'payment' as at_payment
            from splits as y
            where y.merchant_id = l.merchant_id and y.split_no = l.split_no
            limit 1
        ) as d on true
        left join lateral (
            select row(
                array_agg(r.account), array_agg(r.owner), array_agg(r.fixed), array_agg(r.rate),
                array_agg(r.kept_on_refund), array_agg(r.amount), array_agg(r.taken_back), array_agg(r.elsewhere),
                min(r.position) filter (where r.takes_remainder), min(r.position) filter (where r.is_home),
                d.divided, d.at_payment
            )::split_standing as standing
            from (
                select
                    x.position, x.account::text as account, x.receiver::text as owner, x.fixed::bigint as fixed, x.rate,
                    x.kept_on_refund, x.takes_remainder, x.kind = 'payee' and x.receiver = l.payee_no as is_home,
                    c.amount, c.taken_back, c.elsewhere
                from split_receivers as x
                cross join lateral (
                    select
                        coalesce(sum(y.amount) filter (where y.trade_no = l.trade_no), 0)::bigint as amount,
                        coalesce(sum(y.taken_back) filter (where y.trade_no = l.trade_no), 0)::bigint as taken_back,
                        coalesce(sum(y.amount) filter (where y.trade_no <> l.trade_no), 0)::bigint as elsewhere
                    from split_shares as y
                    where y.merchant_id = x.merchant_id and y.split_no = x.split_no and y.position = x.position
                ) as c
                where x.merchant_id = l.merchant_id and x.split_no = l.split_no
                order by x.position
            ) as r
            having count(*) > 0
        ) as s on true
        order by l.ordinality
    );
end;
$_split_standings$;

comment on function mixpay._split_standings(mixpay.trade_orders[]) is
$$How the receivers of each line's split stand now; of a line without a split, null.
$$;
