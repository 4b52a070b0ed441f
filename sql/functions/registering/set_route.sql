create function mixpay.set_route(
    p_merchant_id text, p_method text, p_channel text, p_priority bigint default 100, p_weight bigint default 1,
    p_currency text default null, p_min_amount bigint default null, p_max_amount bigint default null
) returns mixpay.route
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $set_route$
declare
    v_route routes;
begin
    perform _check_merchant(p_merchant_id);
    perform _check_number('method', p_method);
    perform _check_channel(p_channel);
    if p_priority is null or p_weight is null or p_weight not between 0 and 1000000 then
        raise exception 'priority or weight of the route is out of bounds' using
            errcode = 'MX904',
            detail = format('The priority is %s and the weight %s.',
                coalesce(p_priority::text, 'null'), coalesce(p_weight::text, 'null')),
            hint = 'The smallest priority goes first; a weight is 0 (out of use) to 1000000.';
    end if;
    if p_currency is not null then
        perform _check_currency(p_currency);
    end if;
    if p_min_amount is not null then
        perform _check_amount('min_amount', p_min_amount);
    end if;
    if p_max_amount is not null then
        perform _check_amount('max_amount', p_max_amount);
    end if;
    if p_min_amount > p_max_amount then
        raise exception 'min_amount is above max_amount' using
            errcode = 'MX902',
            detail = format('They are %s and %s.', p_min_amount, p_max_amount),
            hint = 'No amount would ever take this route. To put it out of use, give it weight 0.';
    end if;
    insert into routes as r (merchant_id, method, channel, currency, priority, weight, min_amount, max_amount)
    values (
        p_merchant_id, p_method, p_channel, coalesce(p_currency, '*'), p_priority, p_weight, p_min_amount, p_max_amount
    )
    on conflict (merchant_id, method, channel, currency) do update set
        priority = excluded.priority, weight = excluded.weight,
        min_amount = excluded.min_amount, max_amount = excluded.max_amount
    returning r.* into v_route;
    return row(v_route.*)::route;
end;
$set_route$;

comment on function mixpay.set_route(text, text, text, bigint, bigint, text, bigint, bigint) is
$$Lets a payment method of a merchant use a channel, for one currency or for any (null). The same call again updates the
route's other values.

The route with the smallest p_priority goes first. Routes of the same priority get payments in proportion to their
p_weight; a route of weight 0 is not used. p_min_amount and p_max_amount, in the smallest unit, say which payments it
takes. The route counts for attempts that start from now on. explain_route says which one an attempt would take.
Locks: the route.
Raises: MX101 if there is no such merchant; MX110 if there is no such currency; MX203 if there is no such channel;
MX901; MX902; MX904.
$$;
