create function mixpay.explain_route(
    p_merchant_id text, p_method text, p_currency text, p_amount bigint, p_payment_no text
) returns setof mixpay.route_choice
language plpgsql stable security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $explain_route$
begin
    perform _check_merchant(p_merchant_id);
    perform _check_number('method', p_method);
    perform _check_currency(p_currency);
    perform _check_amount('amount', p_amount);
    perform _check_number('payment_no', p_payment_no);
    return query
    with judged as (
        select
            r.*,
            case
                when r.weight = 0 then 'it is out of use'
                when r.currency not in ('*', p_currency) then format('it is for %s', r.currency)
                when p_amount < r.min_amount then format('it takes %s at least', r.min_amount)
                when p_amount > r.max_amount then format('it takes %s at most', r.max_amount)
            end as unfit
        from routes as r
        where r.merchant_id = p_merchant_id and r.method = p_method
    ), ranked as (
        select
            j.*,
            case when j.unfit is null and j.priority > min(j.priority) filter (where j.unfit is null) over ()
                then 'another has a smaller priority' end as outranked
        from judged as j
    ), stretches as (
        select
            r.*, coalesce(r.unfit, r.outranked) as problem,
            sum(r.weight) over stretch as stands_to,
            sum(r.weight) filter (where r.unfit is null and r.outranked is null) over () as total
        from ranked as r
        window stretch as (
            partition by r.unfit is null and r.outranked is null
            order by r.channel, r.currency rows unbounded preceding
        )
    ), points as (
        -- The number decides, so that whoever asks again gets the same answer.
        select
            s.*,
            (('x' || left(md5(p_merchant_id || ' ' || p_payment_no), 12))::bit(48)::bigint % s.total)::bigint as point
        from stretches as s
    )
    select
        p.channel, p.priority, p.weight, p.currency, p.min_amount::bigint, p.max_amount::bigint, p.problem,
        case when p.problem is null then (p.stands_to - p.weight)::bigint end,
        case when p.problem is null then p.stands_to::bigint end,
        p.point,
        p.problem is null and p.point >= p.stands_to - p.weight and p.point < p.stands_to
    from points as p
    order by p.problem is not null, p.priority, p.channel, p.currency;
end;
$explain_route$;

comment on function mixpay.explain_route(text, text, text, bigint, text) is
$$Says why a payment would take this channel: the routes of its method, what is wrong with each, and which one it takes.

p_amount is in the currency's smallest unit. A route that cannot be taken says which problem it has. Of the others,
those with the smallest priority share a range of points in proportion to their weight: each has the points from
stands_from up to, but not including, stands_to. A payment's number always falls on the same point, and that decides. If
there is no row, the method has no route.
Raises: MX101 if there is no such merchant; MX110 if there is no such currency; MX901; MX902.
$$;
