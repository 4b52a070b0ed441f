-- What callers of 0.3.0 call: a part of its code, as it was, without its comments.
create view mixpay.trade_balances as
select
    t.merchant_id,
    t.trade_no,
    t.state,
    t.currency,
    t.amount,
    t.paid,
    case t.state when 'open' then t.amount - t.paid else 0 end as lacking,
    t.refunded,
    t.paid - t.refunded as kept,
    p.surplus,
    p.surplus_refunded,
    l.orders,
    p.payments,
    p.pending_payments,
    t.kept as was_kept,
    t.expires_at,
    t.created_at
from mixpay.trades as t
cross join lateral (
    select count(*) as orders
    from mixpay.trade_orders as x
    where x.merchant_id = t.merchant_id and x.trade_no = t.trade_no
) as l
cross join lateral (
    select
        count(*) filter (where x.state = 'succeeded') as payments,
        count(*) filter (where x.state = 'pending') as pending_payments,
        coalesce(sum(x.surplus), 0)::bigint as surplus,
        coalesce(sum(x.surplus_refunded), 0)::bigint as surplus_refunded
    from mixpay.payments as x
    where x.merchant_id = t.merchant_id and x.trade_no = t.trade_no
) as p;
create view mixpay.order_balances as
select
    o.merchant_id,
    o.order_no,
    o.payee_no,
    o.currency,
    o.amount,
    l.paid,
    o.amount - l.paid as unpaid,
    o.amount - l.taken as mergeable,
    l.refunded,
    l.paid - l.refunded as refundable,
    l.paid - l.refunded - l.cleared as held,
    l.cleared,
    l.open_trade_no,
    o.merge_count as trades,
    o.created_at
from mixpay.orders as o
cross join lateral (
    select
        coalesce(sum(x.paid), 0)::bigint as paid,
        coalesce(sum(x.refunded), 0)::bigint as refunded,
        coalesce(sum(x.cleared), 0)::bigint as cleared,
        coalesce(sum(case when x.live then x.amount else x.paid end), 0)::bigint as taken,
        max(x.trade_no) filter (where x.live) as open_trade_no
    from mixpay.trade_orders as x
    where x.merchant_id = o.merchant_id and x.order_no = o.order_no
) as l;
create view mixpay.payment_balances as
select
    merchant_id,
    payment_no,
    trade_no,
    channel,
    state,
    asked,
    amount,
    applied,
    surplus,
    refunded - surplus_refunded as order_refunded,
    surplus_refunded,
    applied - (refunded - surplus_refunded) as refundable,
    surplus - surplus_refunded as surplus_left,
    amount - refunded as held,
    channel_txn_no,
    paid_at,
    seq,
    created_at
from mixpay.payments;
-- Read only below the oldest transaction that still runs: whatever commits later gets a later position, so that nobody
-- who remembers how far he has read ever misses an event. What was written before the last restore is final anyhow.
create view mixpay.events as
select
    e.merchant_id,
    e.epoch,
    e.xid,
    e.trade_no,
    e.entry,
    e.epoch || '.' || e.xid || '.' || e.log || e.entry || '.' || e.log_no as position,
    e.entity,
    e.number,
    e.from_state,
    e.to_state,
    e.amount,
    e.reason,
    e.payment_no,
    e.order_no,
    e.refund_no,
    e.channel_refund_no,
    e.happened_at,
    e.created_at,
    e.log,
    e.log_no
from (
    select
        f.merchant_id,
        f.epoch,
        f.xid,
        f.trade_no,
        f.entry,
        f.entity::text as entity,
        case f.entity
            when 'trade' then f.trade_no
            when 'payment' then f.payment_no
            when 'refund' then f.refund_no
            when 'channel_refund' then f.channel_refund_no
            else f.cause_no
        end as number,
        f.from_state,
        f.to_state,
        f.amount::bigint as amount,
        f.reason,
        f.payment_no,
        f.order_no,
        f.refund_no,
        f.channel_refund_no,
        f.happened_at,
        f.created_at,
        '' as log,
        f.trade_no as log_no
    from mixpay.facts as f
    union all
    select
        s.merchant_id,
        s.epoch,
        s.xid,
        null::text as trade_no,
        s.entry,
        s.entity,
        s.number::text as number,
        s.from_state,
        s.to_state,
        s.amount::bigint as amount,
        s.reason,
        null::text as payment_no,
        null::text as order_no,
        null::text as refund_no,
        null::text as channel_refund_no,
        s.happened_at,
        s.created_at,
        left(s.entity, 1) as log,
        s.number::text as log_no
    from mixpay.settlement_facts as s
) as e
-- No condition inside: then both logs are read in the order of their indexes, as far as a limit reaches.
where
    e.to_state is not null
    and (
        e.xid < pg_snapshot_xmin(pg_current_snapshot())
        or e.epoch < (
            select pg_get_expr(d.adbin, d.adrelid)::bigint
            from pg_catalog.pg_attrdef as d
            inner join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
            where d.adrelid = 'mixpay.facts'::regclass and a.attname = 'epoch'
        )
    );
create function mixpay._check_number(p_name text, p_value text) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_number$
begin
    -- Two plain tests: one pattern that also counts to 64 takes ten times as long.
    if p_value is null or length(p_value) not between 1 and 64 or p_value ~ '[^!-~]' then
        raise exception '% is not a number that can name something', p_name using
            errcode = 'MX901',
            detail = case when p_value is null then 'It is null.'
                else format('It is %L, %s characters long.', left(p_value, 80), length(p_value)) end,
            hint = 'Numbers are 1 to 64 printable ASCII characters without spaces.';
    end if;
end;
$_check_number$;
create function mixpay._check_amount(p_name text, p_value bigint) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_amount$
begin
    if p_value is null or p_value not between 1 and 1000000000000000 then
        raise exception '% is not an amount of money', p_name using
            errcode = 'MX902',
            detail = format('It is %s.', coalesce(p_value::text, 'null')),
            hint = 'Amounts are whole numbers of the smallest unit, from 1 to 10^15.';
    end if;
end;
$_check_amount$;
create function mixpay._check_text(p_name text, p_value text) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_text$
begin
    if length(p_value) > 1000 then
        raise exception '% is too long', p_name using
            errcode = 'MX905',
            detail = format('It has %s characters.', length(p_value)),
            hint = 'A reason or a name has at most 1000 characters.';
    end if;
end;
$_check_text$;
create function mixpay._check_title(p_value text) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_title$
begin
    if coalesce(length(p_value), 0) not between 1 and 200 then
        raise exception 'the title is empty or too long' using
            errcode = 'MX905',
            detail = format('It has %s characters.', coalesce(length(p_value), 0)),
            hint = 'A title has 1 to 200 characters.';
    end if;
end;
$_check_title$;
create function mixpay._check_choice(p_name text, p_value text, p_choices text[]) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_choice$
begin
    if p_value is null or p_value <> all (p_choices) then
        raise exception '% is not one of what it may be', p_name using
            errcode = 'MX905',
            detail = format('It is %s.', coalesce(quote_literal(left(p_value, 80)), 'null')),
            hint = format('Say one of: %s.', array_to_string(p_choices, ', '));
    end if;
end;
$_check_choice$;
create function mixpay._check_moment(p_name text, p_value timestamptz) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_moment$
begin
    if p_value < '1900-01-01 00:00:00+00' or p_value >= '9999-01-01 00:00:00+00' then
        raise exception '% is not a moment', p_name using
            errcode = 'MX905',
            detail = format('It is %s.', p_value),
            hint = 'Name a moment from 1900 to 9998, or leave it out.';
    end if;
end;
$_check_moment$;
create function mixpay._check_json(
    p_name text, p_value jsonb, p_texts text[], p_integers text[], p_others text[] default '{}'
) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_json$
declare
    v_problem text;
begin
    if jsonb_typeof(p_value) is distinct from 'object' then
        raise exception '% is not an object', p_name using
            errcode = 'MX903',
            detail = format('It is %s.', coalesce(left(p_value::text, 80), 'null')),
            hint = format('Its keys may be: %s.', array_to_string(p_texts || p_integers || p_others, ', '));
    end if;
    select case
        when key = any (p_texts) then
            case when jsonb_typeof(value) not in ('string', 'null') then format('"%s" is not a text', key) end
        when key = any (p_integers) then
            case when value::text !~ '^(-?[0-9]{1,18}|null)$' then format('"%s" is not a whole number', key) end
        when key <> all (p_others) then format('the key "%s" is unknown', left(key, 80))
    end into v_problem
    from jsonb_each(p_value)
    order by 1
    limit 1;
    if v_problem is not null then
        raise exception '%: %', p_name, v_problem using
            errcode = 'MX903',
            detail = format('It is %s.', left(p_value::text, 200)),
            hint = format(
                'Texts: %s. Whole numbers, without quotes, point or exponent: %s.%s',
                array_to_string(p_texts, ', '), array_to_string(p_integers, ', '),
                case when p_others <> '{}' then format(' Others: %s.', array_to_string(p_others, ', ')) else '' end
            );
    end if;
end;
$_check_json$;
create function mixpay._check_json_array(
    p_names text[], p_items jsonb[], p_texts text[], p_integers text[], p_others text[] default '{}'
) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_json_array$
declare
    v_item record;
begin
    for v_item in
        select u.name, u.value
        from unnest(p_names, p_items) with ordinality as u (name, value, i)
        where
            case when jsonb_typeof(u.value) = 'object' then exists (
                select from jsonb_each(u.value) as e
                where
                    not case
                        when e.key = any (p_texts) then jsonb_typeof(e.value) in ('string', 'null')
                        when e.key = any (p_integers)
                            then length(e.value::text) between 1 and 18 and e.value::text !~ '[^0-9]'
                        else e.key = any (p_others)
                    end
            ) else true end
        order by u.i
    loop
        perform _check_json(v_item.name, v_item.value, p_texts, p_integers, p_others);
    end loop;
end;
$_check_json_array$;
create function mixpay._check_payment_nos(p_payment_nos text[]) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_payment_nos$
declare
    v_count bigint := cardinality(p_payment_nos);
begin
    if v_count not between 1 and 10000 or array_ndims(p_payment_nos) <> 1 or v_count <> (select count(distinct n) from unnest(p_payment_nos) as n) then
        raise exception 'the payments are named badly' using
            errcode = 'MX904',
            detail = format('%s are named, %s of them different.',
                v_count, (select count(distinct n) from unnest(p_payment_nos) as n)),
            hint = 'Name 1 to 10000 payments, each once; or leave them out.';
    end if;
end;
$_check_payment_nos$;
create function mixpay._check_limit(p_value bigint) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_limit$
begin
    if p_value is null or p_value not between 1 and 1000 then
        raise exception 'the limit is out of bounds' using
            errcode = 'MX904',
            detail = format('It is %s.', coalesce(p_value::text, 'null')),
            hint = 'Ask for 1 to 1000 at a time.';
    end if;
end;
$_check_limit$;
create function mixpay._parse_moment(p_name text, p_value text) returns timestamptz
language plpgsql stable
set search_path = mixpay, pg_temp
as $_parse_moment$
declare
    v_moment timestamptz;
begin
    if p_value is null then
        return null;
    end if;
    if p_value ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)$' then
        begin
            v_moment := p_value::timestamptz;
        exception
            when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
                null;  -- No such day, hour or zone: refused below.
        end;
        if v_moment is not null then
            perform _check_moment(p_name, v_moment);
            return v_moment;
        end if;
    end if;
    raise exception '% is not a moment', p_name using
        errcode = 'MX903',
        detail = format('It is %L.', left(p_value, 80)),
        hint = 'Write it with its offset, as in 2026-01-31T12:00:00+08:00.';
end;
$_parse_moment$;
create function mixpay._new_number(p_at timestamptz, p_ordinal bigint) returns text
language plpgsql
set search_path = mixpay, pg_temp
as $_new_number$
begin
    return to_char(p_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS')
        || lpad(p_ordinal::text, 6, '0')
        || left(md5(gen_random_uuid()::text), 6);
end;
$_new_number$;
create function mixpay._check_merchant(p_merchant_id text) returns mixpay.merchants
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_merchant$
declare
    v_merchant merchants;
begin
    select * into v_merchant from merchants where merchant_id = p_merchant_id;
    if not found then
        perform _check_number('merchant_id', p_merchant_id);
        raise exception 'there is no merchant %', p_merchant_id using
            errcode = 'MX101',
            hint = 'Register it with register_merchant.';
    end if;
    return v_merchant;
end;
$_check_merchant$;
create function mixpay._check_channel(p_channel text) returns mixpay.channels
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_channel$
declare
    v_channel channels;
begin
    select * into v_channel from channels where channel = p_channel;
    if not found then
        raise exception 'there is no channel %', coalesce(p_channel, '(null)') using
            errcode = 'MX203',
            detail = format(
                'The channels are %s.', (select string_agg(channel, ', ' order by channel) from channels)
            ),
            hint = 'Register it with register_channel.';
    end if;
    return v_channel;
end;
$_check_channel$;
create function mixpay._check_order(p_merchant_id text, p_order_no text) returns mixpay.orders
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_order$
declare
    v_order orders;
begin
    select * into v_order from orders where merchant_id = p_merchant_id and order_no = p_order_no;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('order_no', p_order_no);
        raise exception 'there is no order %', p_order_no using
            errcode = 'MX103',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'An order is known from the moment when it is merged into a trade.';
    end if;
    return v_order;
end;
$_check_order$;
create function mixpay.register_merchant(
    p_merchant_id text, p_title text, p_allocation text default 'fifo'
) returns mixpay.merchants
language plpgsql security definer
set search_path = mixpay, pg_temp
as $register_merchant$
declare
    v_merchant merchants;
begin
    perform _check_number('merchant_id', p_merchant_id);
    perform _check_title(p_title);
    perform _check_choice('allocation', p_allocation, array['fifo', 'pro_rata']);
    insert into merchants as m (merchant_id, title, allocation)
    values (p_merchant_id, p_title, p_allocation)
    on conflict (merchant_id) do update set title = excluded.title, allocation = excluded.allocation
    returning m.* into v_merchant;
    return v_merchant;
end;
$register_merchant$;
create function mixpay.register_channel(
    p_channel text, p_title text, p_kind text,
    p_can_refund boolean default true, p_can_refund_in_part boolean default true,
    p_refund_window interval default null, p_max_refunds bigint default null, p_refund_interval interval default null,
    p_min_refund bigint default null, p_fallback_channel text default null, p_source text default null
) returns mixpay.channels
language plpgsql security definer
set search_path = mixpay, pg_temp
as $register_channel$
declare
    v_channel channels;
begin
    if p_channel is null or p_channel !~ '^[a-z][a-z0-9_.-]{0,63}$' then
        raise exception 'this cannot name a channel' using
            errcode = 'MX901',
            detail = format('It is %s.', coalesce(quote_literal(left(p_channel, 80)), 'null')),
            hint = 'A channel is named by 1 to 64 of a-z, 0-9, "_", "." and "-", a letter first.';
    end if;
    perform _check_title(p_title);
    perform _check_choice('kind', p_kind, array['online', 'wallet', 'voucher', 'offline']);
    perform _check_text('source', p_source);
    -- In seconds, because intervals compare as if a month had 30 days.
    if extract(epoch from p_refund_window) not between 1 and 3155760000
        or extract(epoch from p_refund_interval) not between 1 and 3155760000
        or least(p_refund_window, p_refund_interval) <= interval '0'
        -- Years that days take back would still leave the calendar.
        or least(extract(year from p_refund_window), extract(year from p_refund_interval)) < -100
        or greatest(extract(year from p_refund_window), extract(year from p_refund_interval)) > 100 then
        raise exception 'a limit of channel % is out of bounds', p_channel using
            errcode = 'MX905',
            detail = format('The window is %s and the interval %s.',
                coalesce(p_refund_window::text, '(none)'), coalesce(p_refund_interval::text, '(none)')),
            hint = 'Say 1 second to 100 years, or leave it out: no limit.';
    end if;
    if p_max_refunds < 1 then
        raise exception 'a limit of channel % is out of bounds', p_channel using
            errcode = 'MX904',
            detail = format('The number of refunds is %s.', p_max_refunds),
            hint = 'Say 1 at least, or leave it out: no limit. For none say p_can_refund => false.';
    end if;
    if p_min_refund is not null then
        perform _check_amount('min_refund', p_min_refund);
    end if;
    if p_fallback_channel is not null then
        if p_fallback_channel = p_channel then
            raise exception 'channel % cannot be its own fallback', p_channel using
                errcode = 'MX905',
                detail = 'A fallback takes what the channel cannot send.',
                hint = 'Name another channel, or none: then it waits for a person.';
        end if;
        perform _check_channel(p_fallback_channel);
    end if;
    insert into channels as c (
        channel, title, kind, can_refund, can_refund_in_part, refund_window, max_refunds, refund_interval, min_refund,
        fallback_channel, source
    ) values (
        p_channel, p_title, p_kind, coalesce(p_can_refund, true), coalesce(p_can_refund_in_part, true),
        p_refund_window, p_max_refunds, p_refund_interval, p_min_refund, p_fallback_channel, p_source
    )
    on conflict (channel) do update set
        title = excluded.title, kind = excluded.kind, can_refund = excluded.can_refund,
        can_refund_in_part = excluded.can_refund_in_part, refund_window = excluded.refund_window,
        max_refunds = excluded.max_refunds, refund_interval = excluded.refund_interval,
        min_refund = excluded.min_refund, fallback_channel = excluded.fallback_channel, source = excluded.source
    returning c.* into v_channel;
    return v_channel;
end;
$register_channel$;
create function mixpay.register_payee(p_merchant_id text, p_payee_no text, p_title text) returns mixpay.payees
language plpgsql security definer
set search_path = mixpay, pg_temp
as $register_payee$
declare
    v_payee payees;
begin
    perform _check_merchant(p_merchant_id);
    perform _check_number('payee_no', p_payee_no);
    perform _check_title(p_title);
    insert into payees as p (merchant_id, payee_no, title)
    values (p_merchant_id, p_payee_no, p_title)
    on conflict (merchant_id, payee_no) do update set title = excluded.title
    returning p.* into v_payee;
    return v_payee;
end;
$register_payee$;
create function mixpay.set_route(
    p_merchant_id text, p_method text, p_channel text, p_priority bigint default 100, p_weight bigint default 1,
    p_currency text default null, p_min_amount bigint default null, p_max_amount bigint default null
) returns mixpay.routes
language plpgsql security definer
set search_path = mixpay, pg_temp
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
    if p_currency is not null and not exists (select from currencies where currency = p_currency) then
        raise exception 'there is no currency %', p_currency using
            errcode = 'MX110',
            detail = format('The route from %s to %s names it.', p_method, p_channel),
            hint = 'Name a code of ISO 4217, in upper case, or leave it out: any.';
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
    return v_route;
end;
$set_route$;
create function mixpay.explain_route(
    p_merchant_id text, p_method text, p_currency text, p_amount bigint, p_payment_no text
) returns setof mixpay.route_choice
language plpgsql stable security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $explain_route$
begin
    perform _check_merchant(p_merchant_id);
    perform _check_number('method', p_method);
    if not exists (select from currencies where currency = p_currency) then
        raise exception 'there is no currency %', coalesce(p_currency, 'null') using
            errcode = 'MX110',
            detail = format('The attempt to pay by %s would be in it.', p_method),
            hint = 'Name a code of ISO 4217, in upper case.';
    end if;
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
            s.*, (('x' || left(md5(p_merchant_id || ' ' || p_payment_no), 12))::bit(48)::bigint % s.total)::bigint as point
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
create function mixpay._parse_merges(p_trades jsonb) returns mixpay.merge_line[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_parse_merges$
declare
    v_trade record;
    v_names text[];
    v_orders jsonb[];
    v_name text;
    v_line merge_line;
    v_lines merge_line[];
    v_twice record;
begin
    if jsonb_typeof(p_trades) is distinct from 'array' or jsonb_array_length(p_trades) not between 1 and 10000 then
        raise exception 'the trades are not an array of 1 to 10000 objects' using
            errcode = case when jsonb_typeof(p_trades) = 'array' then 'MX904' else 'MX903' end,
            hint = 'Pass [{"trade_no"?, "expires_at"?, "orders": [...]}, ...].';
    end if;
    perform _check_json_array(
        array_agg(format('trade %s', j.i)), array_agg(j.value), array['trade_no', 'expires_at'], '{}', array['orders']
    )
    from jsonb_array_elements(p_trades) with ordinality as j (value, i);
    for v_trade in
        select format('trade %s', j.i) as name, j.value -> 'orders' as orders
        from jsonb_array_elements(p_trades) with ordinality as j (value, i)
        where
            case jsonb_typeof(j.value -> 'orders')
                when 'array' then jsonb_array_length(j.value -> 'orders') not between 1 and 10000
                else true
            end
        order by j.i
    loop
        if jsonb_typeof(v_trade.orders) is distinct from 'array' then
            raise exception '%: "orders" is not an array', v_trade.name using
                errcode = 'MX903',
                hint = 'Pass [{"order_no", "amount", "currency", "payee_no"?, "pay"?, "hold"?}, ...].';
        end if;
        raise exception '%: it merges % orders', v_trade.name, jsonb_array_length(v_trade.orders) using
            errcode = 'MX904',
            hint = 'Merge 1 to 10000 orders.';
    end loop;
    select array_agg(format('trade %s, order %s', t.i, o.i) order by t.i, o.i), array_agg(o.value order by t.i, o.i)
    into v_names, v_orders
    from jsonb_array_elements(p_trades) with ordinality as t (value, i)
    cross join lateral jsonb_array_elements(t.value -> 'orders') with ordinality as o (value, i);
    if cardinality(v_orders) > 10000 then
        raise exception 'the trades have more than 10000 orders in all' using
            errcode = 'MX904',
            hint = 'Merge at most 10000 orders in one call.';
    end if;
    perform _check_json_array(
        v_names, v_orders, array['order_no', 'currency', 'payee_no'], array['amount', 'pay'], array['hold']
    );
    select u.name into v_name
    from unnest(v_names, v_orders) with ordinality as u (name, value, i)
    where jsonb_typeof(u.value -> 'hold') not in ('boolean', 'string', 'null')
    order by u.i
    limit 1;
    if found then
        raise exception '%: "hold" is neither true, false nor a moment', v_name using
            errcode = 'MX903',
            hint = 'Say true, or the moment when the money is due for release.';
    end if;
    v_lines := array(
        select row(
            t.i, t.trade_no,
            case when t.expires_at is not null then
                _parse_moment(format('trade %s: "expires_at"', t.i), t.expires_at)
            end,
            o.i, o.order_no, o.amount, o.currency, o.payee_no, o.pay,
            case jsonb_typeof(o.hold) when 'boolean' then o.hold::boolean when 'string' then true end,
            case jsonb_typeof(o.hold) when 'string' then
                _parse_moment(format('trade %s, order %s: "hold"', t.i, o.i), o.hold #>> '{}')
            end
        )::merge_line
        from rows from (jsonb_to_recordset(p_trades) as (
            trade_no text, expires_at text, orders jsonb
        )) with ordinality as t (trade_no, expires_at, orders, i)
        cross join lateral rows from (jsonb_to_recordset(t.orders) as (
            order_no text, amount bigint, currency text, payee_no text, pay bigint, hold jsonb
        )) with ordinality as o (order_no, amount, currency, payee_no, pay, hold, i)
        order by t.i, o.i
    );
    -- Only what looks wrong is asked one by one what it is.
    for v_line in
        select l.* from unnest(v_lines) as l
        where
            length(coalesce(l.trade_no, '-')) not between 1 and 64 or l.trade_no ~ '[^!-~]'
            or length(coalesce(l.order_no, '')) not between 1 and 64 or l.order_no ~ '[^!-~]'
            or coalesce(l.amount, 0) not between 1 and 1000000000000000
            or l.pay not between 1 and 1000000000000000
        order by l.trade, l.position
    loop
        v_name := format('trade %s', v_line.trade);
        if v_line.trade_no is not null then
            perform _check_number(v_name || ': trade_no', v_line.trade_no);
        end if;
        v_name := format('%s, order %s', v_name, v_line.position);
        perform _check_number(v_name || ': order_no', v_line.order_no);
        perform _check_amount(v_name || ': amount', v_line.amount);
        if v_line.pay is not null then
            perform _check_amount(v_name || ': pay', v_line.pay);
        end if;
    end loop;
    select l.order_no, count(*) as times into v_twice
    from unnest(v_lines) as l
    group by l.order_no having count(*) > 1 limit 1;
    if found then
        raise exception 'order % is named twice', v_twice.order_no using
            errcode = 'MX904',
            detail = format('It is named %s times in one call.', v_twice.times),
            hint = 'Name each order once.';
    end if;
    select l.trade_no, count(distinct l.trade) as times into v_twice
    from unnest(v_lines) as l
    where l.trade_no is not null
    group by l.trade_no having count(distinct l.trade) > 1 limit 1;
    if found then
        raise exception 'trade % is named twice', v_twice.trade_no using
            errcode = 'MX904',
            detail = format('It is named %s times in one call.', v_twice.times),
            hint = 'Name each trade once.';
    end if;
    return v_lines;
end;
$_parse_merges$;
create function mixpay._held_of_order(p_merchant_id text, p_order_no text, p_but_trade_no text) returns bigint
language plpgsql stable
set search_path = mixpay, pg_temp
as $_held_of_order$
begin
    return (
        select coalesce(sum(case when live then amount else paid end), 0)
        from trade_orders
        where merchant_id = p_merchant_id and order_no = p_order_no and trade_no is distinct from p_but_trade_no
    );
end;
$_held_of_order$;
create function mixpay._find_merged(p_merchant_id text, p_lines mixpay.merge_line[]) returns text[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_find_merged$
declare
    v_found text[];
    v_other record;
begin
    -- By number: the stored lines are what was sent then.
    with sent as (
        select l.trade_no, count(*) as sent, count(t.order_no) as same
        from unnest(p_lines) as l
        left join trade_orders as t
            on
                t.merchant_id = p_merchant_id and t.trade_no = l.trade_no and t.position = l.position
                and t.order_no = l.order_no and t.asked = coalesce(l.pay, t.asked)
                and (l.held is null or (t.held = l.held and t.release_due_at is not distinct from l.release_due_at))
                and exists (
                    select from orders as o
                    where
                        o.merchant_id = p_merchant_id and o.order_no = l.order_no
                        and o.amount = l.amount and o.currency = l.currency
                        and coalesce(o.payee_no = l.payee_no, l.payee_no is null)
                )
        where l.trade_no is not null
        group by l.trade_no
    )
    select s.trade_no, s.sent, s.same, m.stored into v_other
    from sent as s
    cross join lateral (
        select count(*) as stored from trade_orders as x where x.merchant_id = p_merchant_id and x.trade_no = s.trade_no
    ) as m
    where m.stored > 0 and (s.sent <> s.same or s.sent <> m.stored)
    order by s.trade_no
    limit 1;
    if found then
        raise exception 'trade number % was used for something else', v_other.trade_no using
            errcode = 'MX106',
            detail = format(
                'It merged %s orders then; of the %s sent now, %s agree.', v_other.stored, v_other.sent, v_other.same
            ),
            hint = 'A repeated number must come with the same orders, amounts, currencies, payees and shares.';
    end if;
    -- Without a number: the open trade of the same orders with the same shares.
    with sent as (
        select l.*, t.trade_no as open_trade_no
        from (
            select x.*, first_value(x.order_no) over (partition by x.trade order by x.position) as first_order_no
            from unnest(p_lines) as x
            where x.trade_no is null
        ) as l
        inner join trade_orders as t on t.merchant_id = p_merchant_id and t.order_no = l.first_order_no and t.live
    ), standing as (
        select
            s.trade, t.trade_no, t.order_no, t.amount, t.held, t.release_due_at,
            row_number() over (partition by s.trade order by t.position) as place
        from (select distinct x.trade, x.open_trade_no from sent as x) as s
        inner join trade_orders as t on t.merchant_id = p_merchant_id and t.trade_no = s.open_trade_no and t.live
    ), open_trades as (
        select coalesce(s.trade, t.trade) as trade, min(t.trade_no) as trade_no
        from sent as s
        full join standing as t on t.trade = s.trade and t.place = s.position and t.order_no = s.order_no
        left join orders as o
            on
                o.merchant_id = p_merchant_id and o.order_no = s.order_no and o.amount = s.amount
                and o.currency = s.currency and coalesce(o.payee_no = s.payee_no, s.payee_no is null)
        group by coalesce(s.trade, t.trade)
        having bool_and(coalesce(
            (s.held is null or (t.held = s.held and t.release_due_at is not distinct from s.release_due_at))
            and t.amount = coalesce(s.pay, o.amount - _held_of_order(p_merchant_id, t.order_no, t.trade_no)), false
        ))
    )
    select array_agg(coalesce(t.trade_no, x.trade_no) order by l.trade) into v_found
    from (select distinct n.trade, n.trade_no from unnest(p_lines) as n) as l
    left join trades as t on t.merchant_id = p_merchant_id and t.trade_no = l.trade_no
    left join open_trades as x on x.trade = l.trade;
    return v_found;
end;
$_find_merged$;
create function mixpay._store_orders(p_merchant_id text, p_lines mixpay.merge_line[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_store_orders$
declare
    v_wrong record;
begin
    select l.order_no, l.payee_no into v_wrong
    from unnest(p_lines) as l
    where
        l.payee_no is not null
        and not exists (select from payees as p where p.merchant_id = p_merchant_id and p.payee_no = l.payee_no)
    order by l.trade, l.position
    limit 1;
    if found then
        raise exception 'there is no payee %', v_wrong.payee_no using
            errcode = 'MX102',
            detail = format('Order %s names it.', v_wrong.order_no),
            hint = 'Register it with register_payee.';
    end if;
    select l.order_no, l.currency into v_wrong
    from unnest(p_lines) as l
    where not exists (select from currencies as c where c.currency = l.currency)
    order by l.trade, l.position
    limit 1;
    if found then
        raise exception 'there is no currency %', coalesce(v_wrong.currency, '(null)') using
            errcode = 'MX110',
            detail = format('Order %s names it.', v_wrong.order_no),
            hint = 'Name a code of ISO 4217, in upper case.';
    end if;
    select l.trade, min(l.currency) as one, max(l.currency) as another into v_wrong
    from unnest(p_lines) as l
    group by l.trade
    having min(l.currency) <> max(l.currency)
    order by l.trade
    limit 1;
    if found then
        raise exception 'orders of different currencies cannot be merged' using
            errcode = 'MX109',
            detail = format('Trade %s of the call has %s and %s.', v_wrong.trade, v_wrong.one, v_wrong.another),
            hint = 'Merge the orders of each currency by themselves.';
    end if;
    -- The update is the lock: of two merges of an order, the second waits here and then sees what the first one made.
    with stored as (
        insert into orders as o (merchant_id, order_no, payee_no, currency, amount)
        select p_merchant_id, l.order_no, l.payee_no, l.currency, l.amount
        from unnest(p_lines) as l
        order by l.order_no collate "C"
        on conflict (merchant_id, order_no) do update set merge_count = o.merge_count + 1
        returning o.*
    )
    select
        o.order_no,
        format('%s %s for payee %s', o.amount, o.currency, coalesce(o.payee_no, '(none)')) as was,
        format('%s %s for payee %s', l.amount, l.currency, coalesce(l.payee_no, '(none)')) as sent
    into v_wrong
    from unnest(p_lines) as l
    inner join stored as o on o.order_no = l.order_no
    where o.amount <> l.amount or o.currency <> l.currency or not coalesce(o.payee_no = l.payee_no, l.payee_no is null)
    order by l.trade, l.position
    limit 1;
    if found then
        raise exception 'order % is not what it was when it was first merged', v_wrong.order_no using
            errcode = 'MX105',
            detail = format('It was %s, and now it is %s.', v_wrong.was, v_wrong.sent),
            hint = 'An order keeps its amount, currency and payee. Give a changed order a number of its own.';
    end if;
end;
$_store_orders$;
create function mixpay._abandon_trades(p_merchant_id text, p_order_nos text[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_abandon_trades$
declare
    v_trade_nos text[] := array(
        select distinct l.trade_no
        from unnest(p_order_nos) as o (order_no)
        cross join lateral (
            select trade_no from trade_orders
            where merchant_id = p_merchant_id and order_no = o.order_no and live limit 1
        ) as l
    );
    v_busy record;
begin
    if v_trade_nos = '{}' then
        return;
    end if;
    perform from trades
    where merchant_id = p_merchant_id and trade_no = any (v_trade_nos)
    order by trade_no
    for no key update;
    select t.trade_no, t.paid, (
        select count(*) from payments as p
        where p.merchant_id = t.merchant_id and p.trade_no = t.trade_no and p.state = 'pending'
    ) as pending into v_busy
    from trades as t
    where
        t.merchant_id = p_merchant_id and t.trade_no = any (v_trade_nos) and t.state = 'open'
        and (t.paid > 0 or exists (
            select from payments as p
            where p.merchant_id = t.merchant_id and p.trade_no = t.trade_no and p.state = 'pending'
        ))
    order by t.trade_no
    limit 1;
    if found then
        raise exception 'trade % still holds an order of this merge', v_busy.trade_no using
            errcode = 'MX107',
            detail = format('%s is paid into it and %s attempts are pending.', v_busy.paid, v_busy.pending),
            hint = 'Wait for its attempts, pay the rest of it, or end it with close_trade.';
    end if;
    update trade_orders set live = false
    from trades
    where
        trade_orders.merchant_id = p_merchant_id and trade_orders.trade_no = any (v_trade_nos) and trade_orders.live
        and trades.merchant_id = p_merchant_id and trades.trade_no = trade_orders.trade_no and trades.state = 'open';
    with closed as (
        update trades set state = 'closed', last_entry = last_entry + 1
        where merchant_id = p_merchant_id and trade_no = any (v_trade_nos) and state = 'open'
        returning trade_no, last_entry
    )
    insert into facts (merchant_id, trade_no, entry, entity, from_state, to_state, reason, happened_at)
    select p_merchant_id, trade_no, last_entry, 'trade', 'open', 'closed', 'its orders were merged again', now()
    from closed;
end;
$_abandon_trades$;
create function mixpay._make_trades(
    p_merchant mixpay.merchants, p_lines mixpay.merge_line[], p_trade_nos text[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_make_trades$
declare
    v_lines merge_line[];
    v_wrong record;
    v_made bigint;
begin
    -- A share that was left out is what the order's other trades leave of it.
    v_lines := array(
        select row(
            l.trade, p_trade_nos[l.trade], l.expires_at, l.position, l.order_no,
            l.amount - h.held, l.currency, l.payee_no, coalesce(l.pay, l.amount - h.held),
            coalesce(l.held, false), l.release_due_at
        )::merge_line
        from unnest(p_lines) as l
        cross join lateral _held_of_order(p_merchant.merchant_id, l.order_no, null) as h (held)
    );
    select l.order_no, l.amount as unpaid, l.pay into v_wrong
    from unnest(v_lines) as l
    where l.pay > l.amount or l.pay < 1
    order by l.trade, l.position
    limit 1;
    if found then
        raise exception 'order % has not that much left to pay', v_wrong.order_no using
            errcode = 'MX108',
            detail = format('%s is asked and %s is unpaid and in no other trade.', v_wrong.pay, v_wrong.unpaid),
            hint = 'Leave "pay" out to merge what is left. See mixpay.order_balances.';
    end if;
    select l.trade_no, sum(l.pay) as amount into v_wrong
    from unnest(v_lines) as l
    group by l.trade_no having sum(l.pay) > 1000000000000000 limit 1;
    if found then
        raise exception 'trade % would be too large', v_wrong.trade_no using
            errcode = 'MX902',
            detail = format('Its orders'' shares sum to %s.', v_wrong.amount),
            hint = 'A trade has at most 10^15 smallest units.';
    end if;
    with made as (
        insert into trades (merchant_id, trade_no, currency, amount, allocation, expires_at, last_entry)
        select
            p_merchant.merchant_id, l.trade_no, min(l.currency), sum(l.pay), p_merchant.allocation, min(l.expires_at), 1
        from unnest(v_lines) as l
        group by l.trade_no
        order by l.trade_no collate "C"
        on conflict do nothing
        returning trade_no
    )
    insert into facts (merchant_id, trade_no, entry, entity, from_state, to_state, happened_at)
    select p_merchant.merchant_id, trade_no, 1, 'trade', '', 'open', now() from made;
    get diagnostics v_made = row_count;
    if v_made <> (select count(distinct l.trade) from unnest(v_lines) as l) then
        raise exception 'a trade number was used for something else at the same time' using
            errcode = 'MX106',
            detail = format('%s trades were to be made and %s were.', cardinality(p_trade_nos), v_made),
            hint = 'A repeated number must come with the same orders, amounts, currencies, payees and shares.';
    end if;
    insert into trade_orders (
        merchant_id, trade_no, order_no, position, nth, asked, amount, held, release_due_at, payee_no, split_no
    )
    select
        p_merchant.merchant_id, l.trade_no, l.order_no, l.position, o.merge_count, l.pay, l.pay, l.held, l.release_due_at,
        o.payee_no, s.split_no
    from unnest(v_lines) as l
    cross join lateral (
        select merge_count, payee_no from orders
        where merchant_id = p_merchant.merchant_id and order_no = l.order_no limit 1
    ) as o
    left join lateral (
        select split_no from splits
        where merchant_id = p_merchant.merchant_id and order_no = l.order_no limit 1
    ) as s on true;
end;
$_make_trades$;
create function mixpay.merge_many(p_merchant_id text, p_trades jsonb) returns setof mixpay.trades
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $merge_many$
declare
    v_lines merge_line[] := _parse_merges(p_trades);
    v_merchant merchants := _check_merchant(p_merchant_id);
    v_found text[] := _find_merged(p_merchant_id, v_lines);
    v_trade_nos text[];
    v_at timestamptz := clock_timestamp();
begin
    v_lines := array(select l from unnest(v_lines) as l where v_found[l.trade] is null);
    if v_lines <> '{}' then
        perform _store_orders(p_merchant_id, v_lines);
        -- What was merged while we waited for the orders is a repetition, too: it must leave no mark on them.
        v_trade_nos := _find_merged(p_merchant_id, array(
            select row(
                dense_rank() over (order by l.trade), l.trade_no, l.expires_at, l.position, l.order_no, l.amount,
                l.currency, l.payee_no, l.pay, l.held, l.release_due_at
            )::merge_line
            from unnest(v_lines) as l
        ));
        select array_agg(coalesce(f.trade_no, n.trade_no) order by f.i) into v_found
        from unnest(v_found) with ordinality as f (trade_no, i)
        left join (
            select d.trade, v_trade_nos[row_number() over (order by d.trade)] as trade_no
            from (select distinct l.trade from unnest(v_lines) as l) as d
        ) as n on n.trade = f.i;
        update orders set merge_count = merge_count - 1
        where
            merchant_id = p_merchant_id
            and order_no in (select l.order_no from unnest(v_lines) as l where v_found[l.trade] is not null);
        v_lines := array(select l from unnest(v_lines) as l where v_found[l.trade] is null);
    end if;
    if v_lines <> '{}' then
        perform _abandon_trades(p_merchant_id, array(select l.order_no from unnest(v_lines) as l));
        select array_agg(coalesce(f.trade_no, n.trade_no, _new_number(v_at, f.i)) order by f.i) into v_found
        from unnest(v_found) with ordinality as f (trade_no, i)
        left join (select distinct l.trade, l.trade_no from unnest(v_lines) as l) as n on n.trade = f.i;
        perform _make_trades(v_merchant, v_lines, v_found);
    end if;
    return query
    select t.*
    from unnest(v_found) with ordinality as f (trade_no, i)
    cross join lateral (
        select * from trades where merchant_id = p_merchant_id and trade_no = f.trade_no limit 1
    ) as t
    order by f.i;
end;
$merge_many$;
create function mixpay.merge_orders(
    p_merchant_id text, p_orders jsonb, p_trade_no text default null, p_expires_at timestamptz default null
) returns mixpay.trades
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $merge_orders$
declare
    v_trade trades;
begin
    perform _check_moment('expires_at', p_expires_at);
    select * into v_trade from merge_many(p_merchant_id, jsonb_build_array(
        jsonb_build_object(
            'trade_no', p_trade_no, 'orders', p_orders,
            'expires_at', to_char(p_expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        )
    ));
    return v_trade;
end;
$merge_orders$;
create function mixpay._apportion(p_amount bigint, p_weights bigint[]) returns bigint[]
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_apportion$
begin
    return (
        with parts as (
            -- Two amounts multiplied do not fit a bigint.
            select w.i, p_amount::numeric * w.weight as part, greatest(sum(w.weight) over (), 1) as total
            from unnest(p_weights) with ordinality as w (weight, i)
        ), floors as (
            select
                i, div(part, total) as whole,
                row_number() over (order by mod(part, total) desc, i) as place,
                p_amount - sum(div(part, total)) over () as left_over
            from parts
        )
        select array_agg((whole + case when place <= left_over then 1 else 0 end)::bigint order by i) from floors
    );
end;
$_apportion$;
create function mixpay._share_balances(
    p_amounts bigint[], p_taken_back bigint[], p_kept boolean[], p_rest bigint
) returns bigint[]
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_share_balances$
begin
    return array(
        select
            s.amount - case when s.kept then 0 else s.taken_back end
            - case s.i when p_rest then sum(case when s.kept then s.taken_back else 0 end) over () else 0 end
        from unnest(p_amounts, p_taken_back, p_kept) with ordinality as s (amount, taken_back, kept, i)
        order by s.i
    );
end;
$_share_balances$;
create function mixpay._divide_line(
    p_line mixpay.trade_orders, p_change text, p_amount bigint, p_cleared bigint, p_held bigint
) returns mixpay.split_division
language plpgsql
set search_path = mixpay, pg_temp
as $_divide_line$
declare
    v_division split_division;
    v_split splits;
    v_share record;
    v_kinds text[];
    v_fixed bigint[];
    v_rates bigint[];
    v_kept boolean[];
    v_amounts bigint[];
    v_taken bigint[];
    v_others bigint[];
    v_rest bigint;
    v_home bigint;
    v_at_payment boolean;
    v_had bigint[];
    v_has bigint[];
    v_back bigint[];
    v_back_sum bigint;
    v_given bigint := 0;
    v_left bigint;
    v_held bigint := p_held;
    v_stays bigint;
    v_owed bigint;
begin
    -- At release, what is held is outside of the split; at payment it is of the payee's share.
    select takes_place = 'payment' into v_at_payment from splits
    where merchant_id = p_line.merchant_id and split_no = p_line.split_no;
    case
        when p_change = 'pay' then
            v_held := p_held - p_amount;
            v_given := case when v_at_payment or not p_line.held then p_amount else 0 end;
        when p_change = 'release' then v_given := case when v_at_payment then 0 else p_amount end;
        when p_change = 'free' then
            v_held := p_held - p_amount;
            v_back_sum := case when v_at_payment then p_amount else p_cleared end;
            -- What was refunded before there was a split comes in for the first time.
            v_given := greatest(0, v_back_sum - (
                select coalesce(sum(taken_back), 0) from split_shares
                where
                    merchant_id = p_line.merchant_id and split_no = p_line.split_no and trade_no = p_line.trade_no
            ));
        when p_change = 'unpay' then
            v_given := case when v_at_payment then -p_amount else -greatest(0, p_amount - p_held) end;
        when p_change = 'redivide' then
            v_held := 0;
            v_given := p_amount;
        else null;
    end case;
    if v_given <> 0 then
        -- The update is the lock: another trade of the order waits here, then sees what this one was given.
        update splits set divided = divided + v_given
        where merchant_id = p_line.merchant_id and split_no = p_line.split_no;
    end if;
    select * into v_split from splits where merchant_id = p_line.merchant_id and split_no = p_line.split_no;
    select
        array_agg(r.kind order by r.position), array_agg(r.receiver order by r.position),
        array_agg(r.fixed order by r.position), array_agg(r.rate order by r.position),
        array_agg(r.kept_on_refund order by r.position), array_agg(coalesce(s.amount, 0) order by r.position),
        array_agg(coalesce(s.taken_back, 0) order by r.position), array_agg(coalesce(o.amount, 0) order by r.position),
        min(r.position) filter (where r.takes_remainder),
        min(r.position) filter (where r.kind = 'payee' and r.receiver = p_line.payee_no)
    into v_kinds, v_division.owners, v_fixed, v_rates, v_kept, v_amounts, v_taken, v_others, v_rest, v_home
    from split_receivers as r
    left join split_shares as s
        on
            s.merchant_id = r.merchant_id and s.split_no = r.split_no and s.position = r.position
            and s.trade_no = p_line.trade_no
    cross join lateral (
        select sum(x.amount)::bigint as amount from split_shares as x
        where
            x.merchant_id = r.merchant_id and x.split_no = r.split_no and x.position = r.position
            and x.trade_no <> p_line.trade_no
    ) as o
    where r.merchant_id = p_line.merchant_id and r.split_no = p_line.split_no;
    v_division.accounts := array(
        select case when k in ('payee', 'receiver') then k else 'fee' end
        from unnest(v_kinds) with ordinality as u (k, i) order by u.i
    );
    v_had := _share_balances(v_amounts, v_taken, v_kept, v_rest);
    if p_change = 'refund' then
        v_back := _apportion(
            case when v_at_payment then p_amount else greatest(0, p_amount - p_held) end,
            array(select a - t from unnest(v_amounts, v_taken) with ordinality as u (a, t, i) order by u.i)
        );
        v_taken := array(select t + b from unnest(v_taken, v_back) with ordinality as u (t, b, i) order by u.i);
    elsif p_change = 'free' then
        v_back := _apportion(v_back_sum - v_given, v_taken);
        v_taken := array(select t - b from unnest(v_taken, v_back) with ordinality as u (t, b, i) order by u.i);
    end if;
    if v_given <> 0 then
        -- Each in turn what its rate gives it of all that was divided, over all trades of the order; the rest is left.
        v_left := v_given + (select sum(a - t) from unnest(v_amounts, v_taken) as u (a, t));
        for i in 1 .. cardinality(v_amounts) loop
            continue when i = v_rest;
            v_amounts[i] := v_taken[i] + least(v_left, greatest(
                0, v_fixed[i] + div(v_split.divided::numeric * v_rates[i], 10000)::bigint - v_others[i] - v_taken[i]
            ));
            v_left := v_left - (v_amounts[i] - v_taken[i]);
        end loop;
        v_amounts[v_rest] := v_taken[v_rest] + v_left;
    end if;
    v_has := _share_balances(v_amounts, v_taken, v_kept, v_rest);
    v_division.moves := array(
        select has - had from unnest(v_has, v_had) with ordinality as u (has, had, i) order by u.i
    );
    if v_at_payment and v_home is not null then
        -- The payee's part of the change: of a held order it stays held, and what is held goes back first. What comes back
        -- is first what refunds took of what he had got. Never is more held than is left of his share: of one that he
        -- keeps, what is refunded is his at once.
        v_left := v_division.moves[v_home];
        if p_change = 'free' and p_line.held then
            select coalesce(sum(case when f.from_account = 'payee' then f.amount else -f.amount end), 0) into v_owed
            from facts as f
            where
                f.merchant_id = p_line.merchant_id and f.trade_no = p_line.trade_no and f.order_no = p_line.order_no
                and f.entity = 'refund' and 'payee' in (f.from_account, f.to_account)
                and p_line.payee_no in (f.from_owner, f.to_owner);
        end if;
        v_stays := case when p_line.held then greatest(0, least(v_amounts[v_home] - v_taken[v_home], case p_change
            when 'release' then v_held - p_amount
            when 'free' then v_held + v_left - least(v_owed, greatest(0, v_left))
            when 'redivide' then v_left - p_cleared
            else v_held + v_left
        end)) else 0 end;
        v_division.moves[v_home] := v_left - (v_stays - v_held);
    end if;
    insert into split_shares (merchant_id, trade_no, split_no, position, amount, taken_back)
    select p_line.merchant_id, p_line.trade_no, p_line.split_no, u.i, u.amount, u.taken_back
    from unnest(v_amounts, v_taken) with ordinality as u (amount, taken_back, i)
    where u.amount > 0 or exists (
        select from split_shares as s
        where
            s.merchant_id = p_line.merchant_id and s.split_no = p_line.split_no and s.position = u.i
            and s.trade_no = p_line.trade_no
    )
    on conflict (merchant_id, split_no, position, trade_no) do update
    set amount = excluded.amount, taken_back = excluded.taken_back;
    v_division.cleared := -(select sum(m) from unnest(v_division.moves) as m);
    return v_division;
end;
$_divide_line$;
create function mixpay._clear_line(
    p_merchant_id text, p_trade_no text, p_order_no text, p_change text, p_amount bigint, p_cleared bigint,
    p_cause mixpay.facts
) returns bigint
language plpgsql
set search_path = mixpay, pg_temp
as $_clear_line$
declare
    v_line trade_orders;
    v_change text := p_change;
    v_cause facts := p_cause;
    v_held bigint;
    v_accounts text[] := '{payee}';
    v_owners text[];
    v_moves bigint[];
    v_division split_division;
    v_cleared bigint;
begin
    select * into v_line from trade_orders
    where merchant_id = p_merchant_id and order_no = p_order_no and trade_no = p_trade_no;
    v_held := v_line.paid - v_line.refunded - v_line.cleared;
    if p_change = 'free' and p_cleared = 0 and v_line.split_no is not null and not v_line.held then
        -- It was refunded before there was a split, and nothing is to be held any more: it is divided as if it came now.
        v_change := 'pay';
        v_cause.entity := 'split';
        v_cause.cause_no := v_line.split_no;
    end if;
    if v_line.split_no is not null then
        v_division := _divide_line(v_line, v_change, p_amount, p_cleared, v_held);
        v_accounts := v_division.accounts;
        v_owners := v_division.owners;
        v_moves := v_division.moves;
        v_cleared := v_division.cleared;
    else
        v_owners := array[v_line.payee_no];
        v_moves := array[case p_change
            when 'pay' then case when v_line.clears_at_once then p_amount else 0 end
            when 'release' then p_amount
            when 'free' then p_cleared
            -- What is held goes first.
            when 'split' then -v_line.cleared
            else -greatest(0, p_amount - v_held)
        end];
        v_cleared := -v_moves[1];
    end if;
    with moved as (
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, order_no, refund_no, channel_refund_no, reason,
            happened_at, cause_no, amount, from_account, from_owner, to_account, to_owner
        )
        select
            p_merchant_id, p_trade_no, t.last_entry + row_number() over (order by m.move > 0, m.i), v_cause.entity,
            v_cause.payment_no, p_order_no, v_cause.refund_no, v_cause.channel_refund_no, v_cause.reason,
            coalesce(v_cause.happened_at, now()), v_cause.cause_no, abs(m.move),
            case when m.move > 0 then 'order' else m.account end, case when m.move < 0 then m.owner end,
            case when m.move > 0 then m.account else 'order' end, case when m.move > 0 then m.owner end
        from unnest(v_accounts, v_owners, v_moves) with ordinality as m (account, owner, move, i)
        inner join trades as t on t.merchant_id = p_merchant_id and t.trade_no = p_trade_no
        where m.move <> 0
        returning entry
    )
    update trades set last_entry = (select max(entry) from moved)
    where merchant_id = p_merchant_id and trade_no = p_trade_no and exists (select from moved);
    if found then
        update trade_orders set cleared = cleared + (select sum(m) from unnest(v_moves) as m)
        where merchant_id = p_merchant_id and trade_no = p_trade_no and position = v_line.position;
    end if;
    return v_cleared;
end;
$_clear_line$;
create function mixpay._lock_trade(p_merchant_id text, p_trade_no text) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_trade$
declare
    v_trade trades;
begin
    -- Every caller goes on to update this row: that is what makes the lock hold under REPEATABLE READ, too.
    select * into v_trade from trades
    where merchant_id = p_merchant_id and trade_no = p_trade_no
    for no key update;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('trade_no', p_trade_no);
        raise exception 'there is no trade %', p_trade_no using
            errcode = 'MX104',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'Merge the orders first with merge_orders.';
    end if;
    return v_trade;
end;
$_lock_trade$;
create function mixpay._lock_trade_of_payment(p_merchant_id text, p_payment_no text) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_trade_of_payment$
declare
    v_trade_no text;
begin
    select trade_no into v_trade_no from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('payment_no', p_payment_no);
        raise exception 'there is no payment %', p_payment_no using
            errcode = 'MX201',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'Start it with start_payment, or record money that is already there with record_payment.';
    end if;
    return _lock_trade(p_merchant_id, v_trade_no);
end;
$_lock_trade_of_payment$;
create function mixpay._refuse_payment_no(p_payment mixpay.payments) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_payment_no$
begin
    raise exception 'payment number % was used for something else', p_payment.payment_no using
        errcode = 'MX202',
        detail = format('It was %s for trade %s: %s by %s%s; it is %s.',
            case when p_payment.recorded then 'recorded' else 'started' end,
            p_payment.trade_no, p_payment.asked, p_payment.channel,
            coalesce(format(', paid at %s', p_payment.paid_at), ''), p_payment.state),
        hint = 'A repeated number must come with the same content. For a payment that was started, use succeed_payment.';
end;
$_refuse_payment_no$;
create function mixpay._refuse_channel_txn_no(
    p_merchant_id text, p_channel text, p_channel_txn_no text
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_channel_txn_no$
declare
    v_payment payments;
begin
    select * into v_payment from payments
    where merchant_id = p_merchant_id and channel = p_channel and channel_txn_no = p_channel_txn_no;
    if not found then
        -- It was booked after this transaction's snapshot; above READ COMMITTED only the next transaction sees it.
        raise exception 'could not serialize access: channel transaction % of % has just paid', p_channel_txn_no, p_channel
            using errcode = 'serialization_failure';
    end if;
    raise exception 'channel transaction % of % has paid already', p_channel_txn_no, p_channel using
        errcode = 'MX207',
        detail = format('It is that of payment %s for trade %s.', v_payment.payment_no, v_payment.trade_no),
        hint = 'One transaction of a channel is one payment. Look whether this one was booked under another number.';
end;
$_refuse_channel_txn_no$;
create function mixpay._find_destination(
    p_merchant_id text, p_payment_no text, p_channel text, p_amount bigint, p_channel_refund_no text
) returns mixpay.refund_destination
language plpgsql stable
set search_path = mixpay, pg_temp
as $_find_destination$
declare
    v_channel channels;
    v_payment payments;
    v_number bigint;
    v_last_at timestamptz;
    v_own boolean;
    v_problem text;
    v_instead text := '';
    v_destination refund_destination;
    v_tried text[] := array[p_channel];
begin
    select * into v_channel from channels where channel = p_channel;
    if not v_channel.is_limited then
        v_destination.channel := p_channel;
        v_destination.state := case v_channel.kind when 'offline' then 'waiting' else 'pending' end;
        v_destination.reason := case v_channel.kind when 'offline' then 'manual' end;
        return v_destination;
    end if;
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    loop
        -- Window, number, interval and parts are about a payment that came through this very channel.
        v_own := v_channel.channel = v_payment.channel;
        if v_own and (v_channel.max_refunds is not null or v_channel.refund_interval is not null) then
            -- To be planned, everything counts that is planned; to be sent, what was sent.
            select
                count(*) filter (where c.state <> 'failed') as number,
                max(greatest(
                    coalesce(c.sent_at, c.refunded_at),
                    case when p_channel_refund_no is null and c.state <> 'failed'
                        then greatest(c.not_before, c.created_at) end
                )) as last_at
            into v_number, v_last_at
            from refund_details as d
            inner join channel_refunds as c
                on c.merchant_id = d.merchant_id and c.refund_no = d.refund_no and c.payment_no = d.payment_no
            where
                d.merchant_id = p_merchant_id and d.payment_no = p_payment_no and c.channel = v_channel.channel
                and (
                    p_channel_refund_no is null
                    or (
                        c.channel_refund_no <> p_channel_refund_no
                        -- Some are sent without a claim.
                        and (c.sent_at is not null or c.state in ('doubt', 'succeeded', 'bounced'))
                    )
                );
        end if;
        v_problem := case
            when not v_channel.can_refund then format('no refunds: %s sends no money back', v_channel.channel)
            when p_amount < v_channel.min_refund
                then format('minimum: %s sends back %s at least', v_channel.channel, v_channel.min_refund)
            when not v_own then null
            when not v_channel.can_refund_in_part and p_amount <> v_payment.amount
                then format('in part: %s sends back all of a payment at once', v_channel.channel)
            when v_payment.paid_at + v_channel.refund_window <= now() then format(
                'window: %s sends money back for %s after a payment', v_channel.channel, v_channel.refund_window
            )
            when v_number >= v_channel.max_refunds
                then format('number: %s sends back %s parts of a payment', v_channel.channel, v_channel.max_refunds)
        end;
        if v_problem is null then
            v_destination.channel := v_channel.channel;
            v_destination.state := 'waiting';
            if v_channel.kind = 'offline' then
                v_destination.reason := 'manual' || v_instead;
            elsif v_own and v_last_at + v_channel.refund_interval > now() then
                v_destination.reason := format(
                    'interval: %s wants %s between refunds of a payment', v_channel.channel, v_channel.refund_interval
                );
                v_destination.not_before := v_last_at + v_channel.refund_interval;
            else
                v_destination.state := 'pending';
                v_destination.reason := nullif(ltrim(v_instead, ', '), '');
            end if;
            return v_destination;
        end if;
        v_instead := format('%s, fallback, %s', v_instead, v_problem);
        exit when v_channel.fallback_channel is null or v_channel.fallback_channel = any (v_tried);
        v_tried := v_tried || v_channel.fallback_channel;
        select * into v_channel from channels where channel = v_channel.fallback_channel;
    end loop;
    v_destination.channel := p_channel;
    v_destination.state := 'waiting';
    v_destination.reason := regexp_replace(v_instead, '^, fallback, ', '');
    return v_destination;
end;
$_find_destination$;
create function mixpay._reserve_refund(
    p_merchant_id text, p_refund_no text, p_kind text, p_shares mixpay.refund_share[], p_in_order boolean,
    p_channel text default null, p_refunded_at timestamptz default null
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_reserve_refund$
declare
    v_home text := p_shares[1].trade_no;
    v_at timestamptz := clock_timestamp();
    v_account text := case when p_kind in ('surplus', 'reversal') then 'surplus' else 'order' end;
    v_cause facts;
    v_trade_nos text[] := array(select distinct s.trade_no from unnest(p_shares) as s order by s.trade_no);
    v_cleared bigint[];
    v_steps bigint := case when p_channel is null then 1 else 2 end;
begin
    if v_account = 'order' then
        v_cause.entity := 'refund';
        v_cause.refund_no := p_refund_no;
        v_cause.happened_at := p_refunded_at;
        v_cleared := array(
            select _clear_line(p_merchant_id, t.trade_no, p_shares[1].order_no, 'refund', (
                select sum(s.amount)::bigint from unnest(p_shares) as s where s.trade_no = t.trade_no
            ), 0, v_cause)
            from unnest(v_trade_nos) as t (trade_no)
        );
    end if;
    update payments as p
    set
        refunded = p.refunded + s.amount,
        surplus_refunded = p.surplus_refunded + case when p_kind in ('surplus', 'reversal') then s.amount else 0 end
    from unnest(p_shares) as s
    where p.merchant_id = p_merchant_id and p.payment_no = s.payment_no;
    insert into refund_details (merchant_id, refund_no, payment_no, amount)
    select p_merchant_id, p_refund_no, s.payment_no, s.amount
    from unnest(p_shares) as s;
    -- The refund's own fact goes first, into the first trade that it takes from.
    insert into facts (merchant_id, trade_no, entry, entity, order_no, refund_no, from_state, to_state, happened_at)
    select
        p_merchant_id, v_home, t.last_entry + 1, 'refund', p_shares[1].order_no, p_refund_no, '',
        case when p_channel is null then 'processing' else 'succeeded' end, coalesce(p_refunded_at, now())
    from trades as t
    where t.merchant_id = p_merchant_id and t.trade_no = v_home;
    with share as (
        select
            s.payment_no, s.amount, s.trade_no, s.order_no, _new_number(v_at, s.i) as channel_refund_no, d.channel,
            d.state, d.reason, d.not_before,
            -- What was held went first; the trade's last shares are what payee and receivers gave back.
            greatest(0, least(s.amount, coalesce(c.cleared, 0) - coalesce(sum(s.amount) over (
                partition by s.trade_no order by s.i desc rows between unbounded preceding and 1 preceding
            ), 0))) as cleared,
            -- What was paid out already makes two entries: on its way, and sent.
            (row_number() over (partition by s.trade_no order by s.i) - 1) * v_steps
            + case s.trade_no when v_home then 1 else 0 end as place
        from unnest(p_shares) with ordinality
            as s (payment_no, amount, trade_no, order_no, channel, paid_at, seq, held, i)
        cross join lateral (
            select x.channel, x.state, x.reason, x.not_before
            from _find_destination(p_merchant_id, s.payment_no, s.channel, s.amount, null) as x
            where p_channel is null
            union all
            select p_channel, 'succeeded', null, null where p_channel is not null
        ) as d
        left join unnest(v_trade_nos, v_cleared) as c (trade_no, cleared) on c.trade_no = s.trade_no
    ), sent_back as (
        insert into channel_refunds (
            merchant_id, channel_refund_no, refund_no, payment_no, channel, amount, state, reason, not_before, due_at,
            refunded_at, cleared
        )
        select
            p_merchant_id, channel_refund_no, p_refund_no, payment_no, channel, amount, state, reason, not_before,
            case state when 'pending' then now() when 'waiting' then not_before end,
            case state when 'succeeded' then p_refunded_at end, coalesce(cleared, 0)
        from share
    )
    insert into facts (
        merchant_id, trade_no, entry, entity, payment_no, order_no, refund_no, channel_refund_no,
        from_state, to_state, from_account, to_account, amount, reason, happened_at
    )
    select
        p_merchant_id, s.trade_no, t.last_entry + s.place + x.step, 'channel_refund', s.payment_no, s.order_no,
        p_refund_no, s.channel_refund_no, case x.step when 1 then '' end, case x.step when 1 then s.state end,
        case x.step when 1 then v_account else 'refund' end, case x.step when 1 then 'refund' else 'channel' end,
        s.amount, s.reason, coalesce(p_refunded_at, now())
    from share as s
    inner join trades as t on t.merchant_id = p_merchant_id and t.trade_no = s.trade_no
    cross join generate_series(1, v_steps) as x (step);
    update trades as t
    set
        refunded = t.refunded + case when p_kind in ('surplus', 'reversal') then 0 else s.amount end,
        last_entry = t.last_entry + s.entries,
        -- Whatever stands before the last payment that was taken from in order is spent.
        fifo_paid_at = case when p_in_order then s.paid_at else t.fifo_paid_at end,
        fifo_seq = case when p_in_order then s.seq else t.fifo_seq end
    from (
        select
            x.trade_no, sum(x.amount) as amount,
            count(*) * v_steps + case x.trade_no when v_home then 1 else 0 end as entries,
            max(x.paid_at) as paid_at, (array_agg(x.seq order by x.paid_at desc, x.seq desc))[1] as seq
        from unnest(p_shares) as x
        group by x.trade_no
    ) as s
    where t.merchant_id = p_merchant_id and t.trade_no = s.trade_no;
    if p_kind not in ('surplus', 'reversal') then
        update trade_orders as l
        set refunded = l.refunded + s.amount
        from (select x.trade_no, sum(x.amount) as amount from unnest(p_shares) as x group by x.trade_no) as s
        where l.merchant_id = p_merchant_id and l.order_no = p_shares[1].order_no and l.trade_no = s.trade_no;
    end if;
end;
$_reserve_refund$;
create function mixpay._divide(p_trade mixpay.trades, p_amount bigint) returns setof mixpay.line_share
language plpgsql stable
set search_path = mixpay, pg_temp
as $_divide$
declare
    v_rest bigint := p_amount;
    v_lines refcursor;
    v_share line_share;
begin
    if p_trade.allocation = 'fifo' then
        -- A cursor, so that the lines are read in the order of their key as far as the money reaches, and not sorted.
        open v_lines for
        select position, order_no, amount - paid from trade_orders
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live and paid < amount
        order by position;
        while v_rest > 0 loop
            fetch v_lines into v_share.position, v_share.order_no, v_share.share;
            v_share.share := least(v_rest, v_share.share);
            return next v_share;
            v_rest := v_rest - v_share.share;
        end loop;
        close v_lines;
        return;
    end if;
    return query
    select s.position, s.order_no, s.share
    from (
        select
            array_agg(position order by position) as positions, array_agg(order_no order by position) as order_nos,
            array_agg(amount - paid order by position) as lacking
        from trade_orders
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live and paid < amount
    ) as l
    cross join unnest(l.positions, l.order_nos, _apportion(p_amount, l.lacking)) as s (position, order_no, share)
    where s.share > 0
    order by s.position;
end;
$_divide$;
create function mixpay._apply_payment(
    p_trade mixpay.trades, p_payment mixpay.payments, p_from_state text
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_apply_payment$
declare
    v_fills boolean := p_trade.state = 'open' and p_payment.applied = p_trade.amount - p_trade.paid;
    v_positions bigint[];
    v_order_nos text[];
    v_shares bigint[];
    v_payee_nos text[];
    v_cleared bigint := 0;
    v_is_split boolean := false;
    v_cause facts;
    v_entries bigint;
    v_refund_no text;
begin
    if v_fills then
        -- Each line gets what it lacks, whatever the rule.
        select
            array_agg(order_no order by position), array_agg(amount - paid order by position),
            array_agg(case when clears_at_once then payee_no end order by position),
            count(*) filter (where clears_at_once), bool_or(split_no is not null)
        into v_order_nos, v_shares, v_payee_nos, v_cleared, v_is_split
        from trade_orders
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live and paid < amount;
        update trade_orders
        set paid = amount, live = false, cleared = cleared + case when clears_at_once then amount - paid else 0 end
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live;
    elsif p_payment.applied > 0 then
        select array_agg(position order by position), array_agg(order_no order by position), array_agg(share order by position)
        into v_positions, v_order_nos, v_shares
        from _divide(p_trade, p_payment.applied);
        with paid as (
            update trade_orders as l
            set paid = l.paid + s.share, cleared = l.cleared + case when l.clears_at_once then s.share else 0 end
            from unnest(v_positions, v_shares) as s (position, share)
            where l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = s.position
            returning l.position, l.payee_no, l.clears_at_once, l.split_no
        )
        select
            array_agg(case when clears_at_once then payee_no end order by position),
            count(*) filter (where clears_at_once), bool_or(split_no is not null)
        into v_payee_nos, v_cleared, v_is_split
        from paid;
    end if;
    if p_payment.surplus > 0 then
        v_order_nos := v_order_nos || null::text;
        v_shares := v_shares || p_payment.surplus::bigint;
    end if;
    -- The first movement is also the change of the payment's state.
    insert into facts (
        merchant_id, trade_no, entry, entity, payment_no, order_no, from_state, to_state,
        from_account, to_account, amount, happened_at, to_owner
    )
    select
        p_trade.merchant_id, p_trade.trade_no, p_trade.last_entry + u.i, 'payment', p_payment.payment_no, u.order_no,
        case u.i when 1 then p_from_state end, case u.i when 1 then 'succeeded' end,
        'channel', case when u.order_no is null then 'surplus' else 'order' end, u.share, p_payment.paid_at,
        null
    from unnest(v_order_nos, v_shares) with ordinality as u (order_no, share, i)
    union all
    -- What is not held is the payee's at once.
    select
        p_trade.merchant_id, p_trade.trade_no,
        p_trade.last_entry + cardinality(v_shares) + row_number() over (order by u.i), 'payment',
        p_payment.payment_no, u.order_no, null, null, 'order', 'payee', u.share, p_payment.paid_at, u.payee_no
    from unnest(v_order_nos, v_shares, v_payee_nos) with ordinality as u (order_no, share, payee_no, i)
    where v_cleared > 0 and u.payee_no is not null
    union all
    select
        p_trade.merchant_id, p_trade.trade_no, p_trade.last_entry + cardinality(v_shares) + v_cleared + 1, 'trade',
        p_payment.payment_no, null, 'open', 'paid', null, null, null, p_payment.paid_at, null
    where v_fills;
    get diagnostics v_entries = row_count;
    if v_fills then
        update trades set paid = amount, state = 'paid', last_seq = p_payment.seq, last_entry = last_entry + v_entries
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    else
        update trades
        set paid = paid + p_payment.applied, last_seq = p_payment.seq, last_entry = last_entry + v_entries
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    end if;
    if p_payment.paid_at < p_trade.fifo_paid_at then
        update trades set fifo_paid_at = p_payment.paid_at, fifo_seq = p_payment.seq
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    end if;
    if v_is_split then
        v_cause.entity := 'payment';
        v_cause.payment_no := p_payment.payment_no;
        v_cause.happened_at := p_payment.paid_at;
        perform _clear_line(p_trade.merchant_id, p_trade.trade_no, u.order_no, 'pay', u.share, 0, v_cause)
        from unnest(v_order_nos, v_shares) as u (order_no, share)
        inner join trade_orders as l
            on l.merchant_id = p_trade.merchant_id and l.order_no = u.order_no and l.trade_no = p_trade.trade_no
        where l.split_no is not null
        order by l.order_no;
    end if;
    if p_payment.surplus > 0 then
        v_refund_no := _new_number(clock_timestamp(), 0);
        insert into refunds (merchant_id, refund_no, kind, amount)
        values (p_trade.merchant_id, v_refund_no, 'surplus', p_payment.surplus);
        perform _reserve_refund(p_trade.merchant_id, v_refund_no, 'surplus', array[row(
            p_payment.payment_no, p_payment.surplus, p_trade.trade_no, null, p_payment.channel, p_payment.paid_at,
            p_payment.seq, p_payment.surplus
        )::refund_share], false);
    end if;
end;
$_apply_payment$;
create function mixpay.start_payment(
    p_merchant_id text, p_trade_no text, p_payment_no text, p_amount bigint,
    p_channel text default null, p_method text default null
) returns mixpay.payments
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $start_payment$
declare
    v_trade trades;
    v_payment payments;
    v_route route_choice;
    v_reason text;
begin
    perform _check_number('payment_no', p_payment_no);
    perform _check_amount('amount', p_amount);
    perform _check_text('method', p_method);
    v_trade := _lock_trade(p_merchant_id, p_trade_no);
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    if found then
        if (v_payment.trade_no, v_payment.asked, v_payment.recorded) <> (p_trade_no, p_amount, false)
            or v_payment.channel <> p_channel
            or (p_method is not null and p_method is distinct from v_payment.method) then
            perform _refuse_payment_no(v_payment);
        end if;
        return v_payment;
    end if;
    if v_trade.state <> 'open' then
        raise exception 'trade % is not open', p_trade_no using
            errcode = 'MX204',
            detail = format('It is %s.', v_trade.state),
            hint = 'Start no attempt. Money that has arrived is recorded with record_payment.';
    end if;
    if v_trade.expires_at <= now() then
        raise exception 'trade % has expired', p_trade_no using
            errcode = 'MX205',
            detail = format('It expired at %s.', v_trade.expires_at),
            hint = 'Merge its orders again, under a new trade number. Money that has arrived is recorded with record_payment.';
    end if;
    if p_amount > v_trade.amount - v_trade.paid then
        raise exception 'trade % lacks less than that', p_trade_no using
            errcode = 'MX206',
            detail = format('%s is asked; of %s, %s is paid and %s is lacking.',
                p_amount, v_trade.amount, v_trade.paid, v_trade.amount - v_trade.paid),
            hint = 'Start an attempt for what is lacking at most.';
    end if;
    if p_channel is not null then
        perform _check_channel(p_channel);
    else
        select * into v_route from explain_route(
            p_merchant_id, coalesce(p_method, '-'), v_trade.currency, p_amount, p_payment_no
        ) where p_method is not null and chosen;
        if not found then
            raise exception 'no route leads from this method to a channel' using
                errcode = 'MX210',
                detail = format('The method is %s; of its routes, %s.', coalesce(quote_literal(p_method), 'null'), coalesce(
                    (
                        select string_agg(format('%s: %s', channel, problem), '; ')
                        from explain_route(p_merchant_id, p_method, v_trade.currency, p_amount, p_payment_no)
                        where p_method is not null
                    ), 'there are none'
                )),
                hint = 'Name the channel, or make a route with set_route. See explain_route.';
        end if;
        v_reason := format('route: %s to %s, priority %s, point %s of %s to %s', p_method, v_route.channel,
            v_route.priority, v_route.point, v_route.stands_from, v_route.stands_to);
    end if;
    insert into payments (merchant_id, payment_no, trade_no, channel, method, recorded, asked, state)
    values (
        p_merchant_id, p_payment_no, p_trade_no, coalesce(p_channel, v_route.channel), p_method, false, p_amount, 'pending'
    )
    on conflict do nothing
    returning * into v_payment;
    if not found then
        select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
        perform _refuse_payment_no(v_payment);
    end if;
    insert into facts (merchant_id, trade_no, entry, entity, payment_no, from_state, to_state, reason, happened_at)
    values (p_merchant_id, p_trade_no, v_trade.last_entry + 1, 'payment', p_payment_no, '', 'pending', v_reason, now());
    update trades set last_entry = last_entry + 1 where merchant_id = p_merchant_id and trade_no = p_trade_no;
    return v_payment;
end;
$start_payment$;
create function mixpay.succeed_payment(
    p_merchant_id text, p_payment_no text, p_channel_txn_no text,
    p_paid_at timestamptz default null, p_amount bigint default null
) returns mixpay.payments
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $succeed_payment$
declare
    v_trade trades;
    v_payment payments;
    v_from_state text;
    v_amount bigint;
    v_applied bigint;
begin
    perform _check_moment('paid_at', p_paid_at);
    if p_amount is not null then
        perform _check_amount('amount', p_amount);
    end if;
    if p_channel_txn_no is not null then
        perform _check_number('channel_txn_no', p_channel_txn_no);
    end if;
    v_trade := _lock_trade_of_payment(p_merchant_id, p_payment_no);
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    if v_payment.state = 'succeeded' then
        if p_amount <> v_payment.amount
            or (p_channel_txn_no is not null and p_channel_txn_no is distinct from v_payment.channel_txn_no) then
            raise exception 'payment % has succeeded with other news', p_payment_no using
                errcode = 'MX208',
                detail = format('It succeeded with %s, channel transaction %s; the news is %s, %s.',
                    v_payment.amount, coalesce(v_payment.channel_txn_no, '(none)'),
                    coalesce(p_amount, v_payment.amount), coalesce(p_channel_txn_no, '(none)')),
                hint = 'Money that arrived besides is a payment of its own: record_payment.';
        end if;
        return v_payment;
    end if;
    v_from_state := v_payment.state;
    v_amount := coalesce(p_amount, v_payment.asked);
    -- A trade that is not open needs nothing.
    v_applied := case when v_trade.state = 'open' then least(v_amount, v_trade.amount - v_trade.paid) else 0 end;
    begin
        update payments
        set
            state = 'succeeded', amount = v_amount, applied = v_applied, surplus = v_amount - v_applied,
            channel_txn_no = p_channel_txn_no, paid_at = coalesce(p_paid_at, now()), seq = v_trade.last_seq + 1
        where merchant_id = p_merchant_id and payment_no = p_payment_no
        returning * into v_payment;
    exception
        when unique_violation then
            perform _refuse_channel_txn_no(p_merchant_id, v_payment.channel, p_channel_txn_no);
    end;
    perform _apply_payment(v_trade, v_payment, v_from_state);
    if v_payment.surplus > 0 then
        select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    end if;
    return v_payment;
end;
$succeed_payment$;
create function mixpay.record_payment(
    p_merchant_id text, p_trade_no text, p_payment_no text, p_channel text, p_amount bigint,
    p_paid_at timestamptz default null, p_channel_txn_no text default null
) returns mixpay.payments
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $record_payment$
declare
    v_trade trades;
    v_payment payments;
    v_applied bigint;
begin
    perform _check_number('payment_no', p_payment_no);
    perform _check_amount('amount', p_amount);
    if p_paid_at is not null then
        perform _check_moment('paid_at', p_paid_at);
    end if;
    if p_channel_txn_no is not null then
        perform _check_number('channel_txn_no', p_channel_txn_no);
    end if;
    v_trade := _lock_trade(p_merchant_id, p_trade_no);
    -- A trade that is not open needs nothing.
    v_applied := case when v_trade.state = 'open' then least(p_amount, v_trade.amount - v_trade.paid) else 0 end;
    insert into payments (
        merchant_id, payment_no, trade_no, channel, recorded, asked, amount, applied, surplus,
        state, channel_txn_no, paid_at, seq
    )
    select
        p_merchant_id, p_payment_no, p_trade_no, channel, true, p_amount, p_amount, v_applied, p_amount - v_applied,
        'succeeded', p_channel_txn_no, coalesce(p_paid_at, now()), v_trade.last_seq + 1
    from channels where channel = p_channel
    on conflict do nothing
    returning * into v_payment;
    if not found then
        select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
        if not found then
            perform _check_channel(p_channel);
            perform _refuse_channel_txn_no(p_merchant_id, p_channel, p_channel_txn_no);
        end if;
        if (v_payment.trade_no, v_payment.channel, v_payment.asked, v_payment.recorded)
            is distinct from (p_trade_no, p_channel, p_amount, true)
            or v_payment.paid_at <> p_paid_at
            or (p_channel_txn_no is not null and p_channel_txn_no is distinct from v_payment.channel_txn_no) then
            perform _refuse_payment_no(v_payment);
        end if;
        return v_payment;
    end if;
    perform _apply_payment(v_trade, v_payment, '');
    if v_payment.surplus > 0 then
        select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    end if;
    return v_payment;
end;
$record_payment$;
create function mixpay._take_oldest(
    p_merchant_id text, p_trade_no text, p_amount bigint, p_offline boolean
) returns setof mixpay.refund_share
language plpgsql stable
set search_path = mixpay, pg_temp
as $_take_oldest$
declare
    v_payments refcursor;
    v_share refund_share;
    v_left bigint := p_amount;
    v_from_paid_at timestamptz;
    v_from_seq bigint;
begin
    select coalesce(fifo_paid_at, '-infinity'), coalesce(fifo_seq, 0) into v_from_paid_at, v_from_seq
    from trades where merchant_id = p_merchant_id and trade_no = p_trade_no;
    v_share.trade_no := p_trade_no;
    -- A cursor, because a loop over a query fetches rows ahead: this reads no payment that it does not take from.
    if p_offline is null then
        open v_payments for
        select payment_no, channel, paid_at, seq, applied - (refunded - surplus_refunded) as held from payments
        where
            merchant_id = p_merchant_id and trade_no = p_trade_no and not spent
            and (paid_at, seq) >= (v_from_paid_at, v_from_seq)
        order by paid_at, seq;
    else
        open v_payments for
        select p.payment_no, p.channel, p.paid_at, p.seq, p.applied - (p.refunded - p.surplus_refunded) as held
        from payments as p
        where
            p.merchant_id = p_merchant_id and p.trade_no = p_trade_no and not p.spent
            and (p.paid_at, p.seq) >= (v_from_paid_at, v_from_seq)
            and p_offline = (select c.kind = 'offline' from channels as c where c.channel = p.channel)
        order by p.paid_at, p.seq;
    end if;
    while v_left > 0 loop
        fetch v_payments into v_share.payment_no, v_share.channel, v_share.paid_at, v_share.seq, v_share.held;
        exit when not found;
        v_share.amount := least(v_left, v_share.held);
        return next v_share;
        v_left := v_left - v_share.amount;
    end loop;
    close v_payments;
end;
$_take_oldest$;
create function mixpay._reverse(
    p_trade mixpay.trades, p_positions bigint[], p_amounts bigint[], p_reason text
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_reverse$
declare
    v_shares refund_share[] := array(
        select s from _take_oldest(
            p_trade.merchant_id, p_trade.trade_no, (select sum(a)::bigint from unnest(p_amounts) as a), null
        ) as s
    );
    v_refund_no text := _new_number(clock_timestamp(), 0);
    v_share refund_share;
    v_line bigint := 1;
    v_left_of_line bigint := p_amounts[1];
    v_part bigint;
    v_part_positions bigint[];
    v_part_payment_nos text[];
    v_parts bigint[];
    v_total bigint := 0;
    v_cause facts;
begin
    -- Which line's money a payment holds is nobody's choice: both are laid out in their order and cut where either ends.
    foreach v_share in array v_shares loop
        while v_share.amount > 0 loop
            while v_left_of_line = 0 loop
                v_line := v_line + 1;
                v_left_of_line := p_amounts[v_line];
            end loop;
            v_part := least(v_share.amount, v_left_of_line);
            v_part_positions := v_part_positions || p_positions[v_line];
            v_part_payment_nos := v_part_payment_nos || v_share.payment_no;
            v_parts := v_parts || v_part;
            v_share.amount := v_share.amount - v_part;
            v_left_of_line := v_left_of_line - v_part;
            v_total := v_total + v_part;
        end loop;
    end loop;
    v_cause.entity := 'trade';
    v_cause.refund_no := v_refund_no;
    v_cause.reason := p_reason;
    perform _clear_line(p_trade.merchant_id, p_trade.trade_no, l.order_no, 'unpay', s.amount, 0, v_cause)
    from unnest(p_positions, p_amounts) as s (position, amount)
    inner join trade_orders as l
        on l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = s.position
    -- In one order for all, because of the splits' locks.
    where l.payee_no is not null or l.split_no is not null
    order by l.order_no;
    update payments as p set applied = p.applied - s.amount, surplus = p.surplus + s.amount
    from unnest(v_shares) as s
    where p.merchant_id = p_trade.merchant_id and p.payment_no = s.payment_no;
    update trade_orders as l
    set
        paid = l.paid - s.amount,
        amount = l.amount - case when l.cancelled_at is not null then s.amount else 0 end
    from unnest(p_positions, p_amounts) as s (position, amount)
    where l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = s.position;
    insert into facts (
        merchant_id, trade_no, entry, entity, payment_no, order_no, refund_no, from_account, to_account, amount, reason,
        happened_at
    )
    select
        p_trade.merchant_id, p_trade.trade_no, t.last_entry + u.i, 'payment', u.payment_no, l.order_no,
        v_refund_no, 'order', 'surplus', u.amount, p_reason, now()
    from unnest(v_part_positions, v_part_payment_nos, v_parts) with ordinality as u (position, payment_no, amount, i)
    inner join trade_orders as l
        on l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = u.position
    inner join trades as t on t.merchant_id = p_trade.merchant_id and t.trade_no = p_trade.trade_no;
    update trades as t
    set
        paid = t.paid - v_total,
        amount = t.amount - (
            select coalesce(sum(s.amount), 0)
            from unnest(p_positions, p_amounts) as s (position, amount)
            inner join trade_orders as l
                on l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = s.position
            where l.cancelled_at is not null
        ),
        last_entry = t.last_entry + cardinality(v_parts)
    where t.merchant_id = p_trade.merchant_id and t.trade_no = p_trade.trade_no;
    insert into refunds (merchant_id, refund_no, kind, amount, reason)
    values (p_trade.merchant_id, v_refund_no, 'reversal', v_total, p_reason);
    perform _reserve_refund(p_trade.merchant_id, v_refund_no, 'reversal', v_shares, false);
end;
$_reverse$;
create function mixpay._end_trade(p_trade mixpay.trades, p_reason text, p_keep_paid boolean) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_end_trade$
declare
    v_trade trades;
    v_closed text[];
    v_positions bigint[];
    v_amounts bigint[];
begin
    with closed as (
        update payments set state = 'closed'
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and state = 'pending'
        returning payment_no
    )
    select array_agg(c.payment_no order by c.payment_no) into v_closed from closed as c;
    update trade_orders set live = false
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live;
    insert into facts (merchant_id, trade_no, entry, entity, payment_no, from_state, to_state, reason, happened_at)
    select
        p_trade.merchant_id, p_trade.trade_no, p_trade.last_entry + 1, 'trade', null,
        p_trade.state, 'closed', p_reason, now()
    union all
    select
        p_trade.merchant_id, p_trade.trade_no, p_trade.last_entry + 1 + u.i, 'payment', u.payment_no,
        'pending', 'closed', p_reason, now()
    from unnest(v_closed) with ordinality as u (payment_no, i);
    update trades
    set state = 'closed', kept = p_keep_paid, last_entry = last_entry + 1 + coalesce(cardinality(v_closed), 0)
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no
    returning * into v_trade;
    if p_keep_paid or v_trade.paid = v_trade.refunded then
        return v_trade;
    end if;
    select array_agg(position order by position), array_agg(paid - refunded order by position)
    into v_positions, v_amounts
    from trade_orders
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and paid > refunded;
    perform _reverse(v_trade, v_positions, v_amounts, p_reason);
    select * into v_trade from trades where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    return v_trade;
end;
$_end_trade$;
create function mixpay.close_trade(
    p_merchant_id text, p_trade_no text, p_reason text, p_keep_paid boolean default false
) returns mixpay.trades
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $close_trade$
declare
    v_trade trades;
    v_keep_paid boolean := coalesce(p_keep_paid, false);
begin
    perform _check_text('reason', p_reason);
    v_trade := _lock_trade(p_merchant_id, p_trade_no);
    if v_trade.state = 'paid' then
        raise exception 'trade % is paid', p_trade_no using
            errcode = 'MX112',
            detail = format('%s is paid and %s is refunded.', v_trade.paid, v_trade.refunded),
            hint = 'Nothing of it is open. Give money back with refund_order.';
    elsif v_trade.state = 'closed' and v_keep_paid and not v_trade.kept then
        raise exception 'trade % was closed without keeping what was paid', p_trade_no using
            errcode = 'MX113',
            detail = format('%s is paid of it and not refunded.', v_trade.paid - v_trade.refunded),
            hint = 'What went back is to be paid again: merge its orders into a new trade.';
    elsif v_trade.state = 'closed' and v_keep_paid = v_trade.kept then
        return v_trade;
    end if;
    return _end_trade(v_trade, p_reason, v_keep_paid);
end;
$close_trade$;
create function mixpay._lock_trades_of_order(p_merchant_id text, p_order_no text) returns text[]
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_trades_of_order$
declare
    v_trade_nos text[] := array(
        select trade_no from trade_orders where merchant_id = p_merchant_id and order_no = p_order_no order by nth
    );
begin
    perform from trades
    where merchant_id = p_merchant_id and trade_no = any (v_trade_nos)
    order by trade_no
    for no key update;
    return v_trade_nos;
end;
$_lock_trades_of_order$;
create function mixpay._refuse_refund_no(p_refund mixpay.refunds) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_refund_no$
begin
    raise exception 'refund number % was used for something else', p_refund.refund_no using
        errcode = 'MX302',
        detail = format('It refunds %s%s (kind %s) and is %s.', p_refund.amount,
            coalesce(format(' of order %s', p_refund.order_no), ''), p_refund.kind, p_refund.state),
        hint = 'A repeated number must come with the same content: order, amount, payments, channel, moment.';
end;
$_refuse_refund_no$;
create function mixpay._plan_refund(
    p_merchant_id text, p_order_no text, p_amount bigint, p_payment_nos text[], p_trade_nos text[],
    p_offline_first boolean
) returns setof mixpay.refund_share
language plpgsql stable
set search_path = mixpay, pg_temp
as $_plan_refund$
declare
    v_order record;
    v_line record;
    v_stranger text;
    v_offline boolean;
    v_named record;
    v_taken bigint;
    v_taken_of_trades jsonb := '{}'::jsonb;
    v_share refund_share;
    v_left bigint := p_amount;
begin
    select sum(paid) as paid, sum(refunded) as refunded into v_order
    from trade_orders
    where merchant_id = p_merchant_id and order_no = p_order_no and (p_trade_nos is null or trade_no = any (p_trade_nos));
    if v_order.paid is null then
        perform _check_order(p_merchant_id, p_order_no);
    end if;
    if p_amount > v_order.paid - v_order.refunded then
        raise exception 'cannot refund % of order %', p_amount, p_order_no using
            errcode = 'MX301',
            detail = format('%s is paid and %s is already refunded: %s is left.',
                v_order.paid, v_order.refunded, v_order.paid - v_order.refunded),
            hint = 'Refund at most what is left. See mixpay.order_balances.';
    end if;
    select n.payment_no into v_stranger
    from unnest(p_payment_nos) as n (payment_no)
    where not exists (
        select from payments as p
        inner join trade_orders as l on l.merchant_id = p.merchant_id and l.trade_no = p.trade_no
        where p.merchant_id = p_merchant_id and p.payment_no = n.payment_no and l.order_no = p_order_no
    )
    limit 1;
    if found then
        raise exception 'payment % is none of order %', v_stranger, p_order_no using
            errcode = 'MX306',
            detail = 'No trade of the order has a payment of this number.',
            hint = 'Name payments of the order''s trades. See mixpay.payment_balances.';
    end if;
    v_share.order_no := p_order_no;
    if p_payment_nos is not null then
        for v_named in
            select
                p.payment_no, p.channel, p.paid_at, p.seq, p.trade_no,
                p.applied - (p.refunded - p.surplus_refunded) as held, l.paid - l.refunded as refundable
            from unnest(p_payment_nos) with ordinality as n (payment_no, i)
            inner join payments as p on p.merchant_id = p_merchant_id and p.payment_no = n.payment_no
            inner join trade_orders as l
                on l.merchant_id = p.merchant_id and l.trade_no = p.trade_no and l.order_no = p_order_no
            where not p.spent and (p_trade_nos is null or p.trade_no = any(p_trade_nos))
            order by n.i
        loop
            -- In each trade not more than the order has left there.
            v_taken := coalesce((v_taken_of_trades ->> v_named.trade_no)::bigint, 0);
            v_share.amount := least(v_left, v_named.held, v_named.refundable - v_taken);
            continue when v_share.amount = 0;
            v_share.payment_no := v_named.payment_no;
            v_share.trade_no := v_named.trade_no;
            v_share.channel := v_named.channel;
            v_share.paid_at := v_named.paid_at;
            v_share.seq := v_named.seq;
            v_share.held := v_named.held;
            return next v_share;
            v_taken_of_trades := v_taken_of_trades || jsonb_build_object(v_named.trade_no, v_taken + v_share.amount);
            v_left := v_left - v_share.amount;
            exit when v_left = 0;
        end loop;
        if v_left > 0 then
            raise exception 'the named payments hold too little of order %', p_order_no using
                errcode = 'MX306',
                detail = format('%s is asked, and %s of it cannot be taken from %s.',
                    p_amount, v_left, left(array_to_string(p_payment_nos, ', '), 200)),
                hint = 'Name more payments of the order''s trades, or none: then the oldest money is taken first.';
        end if;
        return;
    end if;
    -- The order's first trade first; within a trade the oldest money first, whichever order it once paid. What was paid
    -- out by hand is borne by what came in by hand first, in all trades.
    foreach v_offline in array case when p_offline_first then array[true, false] else array[null::boolean] end loop
        for v_line in
            select l.trade_no, l.paid - l.refunded as refundable
            from trade_orders as l
            where
                l.merchant_id = p_merchant_id and l.order_no = p_order_no and l.paid > l.refunded
                and (p_trade_nos is null or l.trade_no = any(p_trade_nos))
            order by l.nth
        loop
            v_taken := coalesce((v_taken_of_trades ->> v_line.trade_no)::bigint, 0);
            continue when v_line.refundable = v_taken;
            for v_share in
                select * from _take_oldest(
                    p_merchant_id, v_line.trade_no, least(v_left, v_line.refundable - v_taken), v_offline
                )
            loop
                v_share.order_no := p_order_no;
                return next v_share;
                v_taken := v_taken + v_share.amount;
                v_left := v_left - v_share.amount;
            end loop;
            exit when v_left = 0;
            v_taken_of_trades := v_taken_of_trades || jsonb_build_object(v_line.trade_no, v_taken);
        end loop;
        exit when v_left = 0;
    end loop;
end;
$_plan_refund$;
create function mixpay.preview_refund(p_merchant_id text, p_order_no text, p_amount bigint)
returns setof mixpay.refund_share
language plpgsql stable security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $preview_refund$
begin
    perform _check_amount('amount', p_amount);
    return query select * from _plan_refund(p_merchant_id, p_order_no, p_amount, null, null, false);
end;
$preview_refund$;
create function mixpay.refund_order(
    p_merchant_id text, p_order_no text, p_refund_no text, p_amount bigint,
    p_reason text default null, p_payment_nos text[] default null
) returns mixpay.refunds
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $refund_order$
declare
    v_refund refunds;
    v_trade_nos text[];
    v_shares refund_share[];
    v_payment_nos text[];
begin
    perform _check_number('refund_no', p_refund_no);
    perform _check_amount('amount', p_amount);
    perform _check_text('reason', p_reason);
    perform _check_payment_nos(p_payment_nos);
    if p_payment_nos is not null then
        v_payment_nos := array(select unnest(p_payment_nos));  -- counted from 1, whatever the caller's array is
    end if;
    v_trade_nos := _lock_trades_of_order(p_merchant_id, p_order_no);
    select * into v_refund from refunds where merchant_id = p_merchant_id and refund_no = p_refund_no;
    if not found then
        v_shares := array(
            select s from _plan_refund(p_merchant_id, p_order_no, p_amount, p_payment_nos, v_trade_nos, false) as s
        );
        insert into refunds (merchant_id, refund_no, kind, order_no, amount, payment_nos, reason)
        values (p_merchant_id, p_refund_no, 'order', p_order_no, p_amount, v_payment_nos, p_reason)
        on conflict do nothing
        returning * into v_refund;
        if found then
            perform _reserve_refund(p_merchant_id, p_refund_no, 'order', v_shares, p_payment_nos is null);
            return v_refund;
        end if;
        -- Another order's refund took the number while we looked.
        select * into v_refund from refunds where merchant_id = p_merchant_id and refund_no = p_refund_no;
    end if;
    if (v_refund.kind, v_refund.order_no, v_refund.amount) is distinct from ('order', p_order_no, p_amount)
        or (v_payment_nos is not null and v_payment_nos is distinct from v_refund.payment_nos) then
        perform _refuse_refund_no(v_refund);
    end if;
    return v_refund;
end;
$refund_order$;
create function mixpay._lock_channel_refund(
    p_merchant_id text, p_channel_refund_no text
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_channel_refund$
declare
    v_channel_refund channel_refunds;
    v_trade trades;
begin
    select * into v_channel_refund from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('channel_refund_no', p_channel_refund_no);
        raise exception 'there is no channel refund %', p_channel_refund_no using
            errcode = 'MX303',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'The number is what claim_channel_refunds returned.';
    end if;
    v_trade := _lock_trade_of_payment(p_merchant_id, v_channel_refund.payment_no);
    perform from refunds
    where merchant_id = p_merchant_id and refund_no = v_channel_refund.refund_no
    for no key update;
    return v_trade;
end;
$_lock_channel_refund$;
create function mixpay._refuse_channel_refund_news(
    p_channel_refund mixpay.channel_refunds, p_news text
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_channel_refund_news$
begin
    raise exception 'channel refund % cannot be %', p_channel_refund.channel_refund_no, p_news using
        errcode = 'MX304',
        detail = format('It is %s%s%s.', p_channel_refund.state,
            coalesce(format(' since %s', p_channel_refund.refunded_at), ''),
            coalesce(format(' by channel transaction %s', p_channel_refund.channel_txn_no), '')),
        hint = 'Its end is on record. Look into the channel''s books before you contradict it.';
end;
$_refuse_channel_refund_news$;
create function mixpay._is_still_free(p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds) returns boolean
language plpgsql stable
set search_path = mixpay, pg_temp
as $_is_still_free$
begin
    return (
        select
            case
                when r.kind in ('surplus', 'reversal') then
                    p.surplus - p.surplus_refunded >= p_channel_refund.amount
                else
                    p.applied - (p.refunded - p.surplus_refunded) >= p_channel_refund.amount
                    and exists (
                        select from trade_orders as l
                        where
                            l.merchant_id = r.merchant_id and l.order_no = r.order_no
                            and l.trade_no = p_trade.trade_no and l.paid - l.refunded >= p_channel_refund.amount
                    )
            end
            and d.freed
        from refunds as r
        inner join payments as p on p.merchant_id = r.merchant_id and p.payment_no = p_channel_refund.payment_no
        inner join refund_details as d
            on d.merchant_id = r.merchant_id and d.refund_no = r.refund_no and d.payment_no = p.payment_no
        where r.merchant_id = p_channel_refund.merchant_id and r.refund_no = p_channel_refund.refund_no
    );
end;
$_is_still_free$;
create function mixpay._list_anomaly(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_channel_txn_no text, p_happened_at timestamptz
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_list_anomaly$
begin
    insert into anomalies (merchant_id, channel_refund_no, amount, channel_txn_no, happened_at)
    values (
        p_channel_refund.merchant_id, p_channel_refund.channel_refund_no, p_channel_refund.amount, p_channel_txn_no,
        p_happened_at
    )
    on conflict do nothing;
    if found then
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, refund_no, channel_refund_no,
            from_account, to_account, amount, reason, happened_at
        ) values (
            p_trade.merchant_id, p_trade.trade_no, p_trade.last_entry + 1, 'channel_refund',
            p_channel_refund.payment_no, p_channel_refund.refund_no, p_channel_refund.channel_refund_no,
            'anomaly', 'channel', p_channel_refund.amount, 'it succeeded after its amount was given away', p_happened_at
        );
        update trades set last_entry = last_entry + 1
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    end if;
end;
$_list_anomaly$;
create function mixpay._settle_channel_refund(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_from_state text, p_moves text[],
    p_succeeded bigint, p_freed bigint
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_settle_channel_refund$
declare
    v_was refunds;
    v_refund refunds;
    v_trade trades;
    v_entry bigint := p_trade.last_entry;
    v_moves text[];
    v_of_surplus boolean;
    v_cause facts;
    v_cleared bigint;
    v_happened_at timestamptz := case p_channel_refund.state
        when 'succeeded' then p_channel_refund.refunded_at else now()
    end;
begin
    select * into v_was from refunds
    where merchant_id = p_channel_refund.merchant_id and refund_no = p_channel_refund.refund_no;
    v_of_surplus := v_was.kind in ('surplus', 'reversal');
    v_moves := array_replace(p_moves, 'home', case when v_of_surplus then 'surplus' else 'order' end);
    v_cause.entity := 'refund';
    v_cause.refund_no := v_was.refund_no;
    v_cause.channel_refund_no := p_channel_refund.channel_refund_no;
    v_cause.happened_at := v_happened_at;
    if p_freed < 0 and not v_of_surplus then
        v_cleared := _clear_line(
            p_trade.merchant_id, p_trade.trade_no, v_was.order_no, 'refund', -p_freed, 0, v_cause
        );
        update channel_refunds set cleared = v_cleared
        where
            merchant_id = p_trade.merchant_id and channel_refund_no = p_channel_refund.channel_refund_no
            and cleared <> v_cleared;
        select last_entry into v_entry from trades
        where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    end if;
    if p_freed <> 0 then
        update trade_orders set refunded = refunded - p_freed
        where merchant_id = p_trade.merchant_id and order_no = v_was.order_no and trade_no = p_trade.trade_no;
        update payments
        set
            refunded = refunded - p_freed,
            surplus_refunded = surplus_refunded - case when v_of_surplus then p_freed else 0 end
        where merchant_id = p_trade.merchant_id and payment_no = p_channel_refund.payment_no;
        if p_freed > 0 and not v_of_surplus then
            update trades as t set fifo_paid_at = p.paid_at, fifo_seq = p.seq
            from payments as p
            where
                t.merchant_id = p_trade.merchant_id and t.trade_no = p_trade.trade_no
                and p.merchant_id = p_trade.merchant_id and p.payment_no = p_channel_refund.payment_no
                and (p.paid_at, p.seq) < (t.fifo_paid_at, t.fifo_seq);
        end if;
        update refund_details set freed = p_freed > 0
        where
            merchant_id = p_trade.merchant_id and refund_no = p_channel_refund.refund_no
            and payment_no = p_channel_refund.payment_no;
    end if;
    if p_succeeded <> 0 or p_freed <> 0 then
        update refunds as r
        set
            succeeded = n.succeeded, freed = n.freed,
            state = case
                when n.succeeded + n.freed < r.amount then 'processing' when n.freed > 0 then 'failed' else 'succeeded'
            end
        from (select v_was.succeeded + p_succeeded as succeeded, v_was.freed + p_freed as freed) as n
        where r.merchant_id = v_was.merchant_id and r.refund_no = v_was.refund_no
        returning r.* into v_refund;
    else
        v_refund := v_was;
    end if;
    -- The change of state is also the first movement.
    for i in 1 .. greatest(cardinality(v_moves) - 1, 1) loop
        v_entry := v_entry + 1;
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, order_no, refund_no, channel_refund_no,
            from_state, to_state, from_account, to_account, amount, reason, happened_at
        ) values (
            p_trade.merchant_id, p_trade.trade_no, v_entry, 'channel_refund', p_channel_refund.payment_no,
            v_was.order_no, v_was.refund_no, p_channel_refund.channel_refund_no,
            case i when 1 then p_from_state end, case i when 1 then p_channel_refund.state end,
            v_moves[i], v_moves[i + 1], case when v_moves[i] is not null then p_channel_refund.amount end,
            p_channel_refund.reason, v_happened_at
        );
    end loop;
    if v_refund.state <> v_was.state then
        v_entry := v_entry + 1;
        insert into facts (
            merchant_id, trade_no, entry, entity, order_no, refund_no, from_state, to_state, happened_at
        ) values (
            p_trade.merchant_id, p_trade.trade_no, v_entry, 'refund', v_was.order_no, v_was.refund_no,
            v_was.state, v_refund.state, v_happened_at
        );
    end if;
    update trades
    set refunded = refunded - case when v_of_surplus then 0 else p_freed end, last_entry = v_entry
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no
    returning * into v_trade;
    if p_freed > 0 and not v_of_surplus then
        perform _clear_line(
            p_trade.merchant_id, p_trade.trade_no, v_was.order_no, 'free', p_freed, p_channel_refund.cleared, v_cause
        );
        select * into v_trade from trades where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no;
    end if;
    return v_trade;
end;
$_settle_channel_refund$;
create function mixpay._redirect(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds, p_destination mixpay.refund_destination,
    p_reason text
) returns mixpay.channel_refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_redirect$
declare
    v_was channel_refunds := p_channel_refund;
    v_new channel_refunds;
    v_trade trades := p_trade;
    v_freed boolean;
begin
    select freed into v_freed from refund_details
    where
        merchant_id = v_was.merchant_id and refund_no = v_was.refund_no and payment_no = v_was.payment_no;
    if v_was.state <> 'failed' then
        update channel_refunds set state = 'failed', reason = p_reason, due_at = null
        where merchant_id = v_was.merchant_id and channel_refund_no = v_was.channel_refund_no
        returning * into p_channel_refund;
        v_trade := _settle_channel_refund(v_trade, p_channel_refund, v_was.state, '{}', 0, 0);
    end if;
    v_new.channel_refund_no := _new_number(clock_timestamp(), 0);
    insert into channel_refunds (
        merchant_id, channel_refund_no, refund_no, payment_no, channel, amount, state, reason, not_before, due_at,
        redirected_from, cleared
    ) values (
        v_was.merchant_id, v_new.channel_refund_no, v_was.refund_no, v_was.payment_no, p_destination.channel,
        v_was.amount, p_destination.state, p_destination.reason, p_destination.not_before,
        case p_destination.state when 'pending' then now() else p_destination.not_before end, v_was.channel_refund_no,
        case when v_freed then 0 else v_was.cleared end
    ) returning * into v_new;
    perform _settle_channel_refund(
        v_trade, v_new, '', case when v_freed then array['home', 'refund'] else '{}' end, 0,
        case when v_freed then -v_new.amount else 0 end
    );
    select * into v_new from channel_refunds
    where merchant_id = v_new.merchant_id and channel_refund_no = v_new.channel_refund_no;
    return v_new;
end;
$_redirect$;
create function mixpay.claim_channel_refunds(
    p_merchant_id text, p_worker text, p_limit bigint default 100, p_lease interval default '1 minute',
    p_channels text[] default null
) returns setof mixpay.channel_refunds
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $claim_channel_refunds$
declare
    v_due text[];
    v_trade_nos text[];
    v_unsent channel_refunds;
    v_postponed channel_refunds;
    v_destination refund_destination;
    v_trade trades;
begin
    perform _check_merchant(p_merchant_id);
    perform _check_number('worker', p_worker);
    perform _check_limit(p_limit);
    perform _check_channel(u.channel) from unnest(p_channels) as u (channel);
    -- In seconds, because intervals compare as if a month had 30 days.
    if p_lease is null or extract(epoch from p_lease) not between 1 and 86400 then
        raise exception 'the lease is out of bounds' using
            errcode = 'MX905',
            detail = format('It is %s.', coalesce(p_lease::text, 'null')),
            hint = 'Claim for 1 second to 1 day: longer than the channel takes to answer.';
    end if;
    -- A trade that somebody is at work on is left for the next time, and does not count; so look further than the limit,
    -- but not at a whole backlog.
    select array_agg(x.channel_refund_no), array_agg(distinct x.trade_no) into v_due, v_trade_nos
    from (
        select c.channel_refund_no, t.trade_no
        from (
            select y.channel_refund_no, y.payment_no, y.due_at from channel_refunds as y
            where
                y.merchant_id = p_merchant_id and y.due_at <= now()
                and (p_channels is null or y.channel = any (p_channels))
            order by y.due_at, y.channel_refund_no
            limit p_limit * 10
        ) as c
        inner join payments as p on p.merchant_id = p_merchant_id and p.payment_no = c.payment_no
        inner join trades as t on t.merchant_id = p.merchant_id and t.trade_no = p.trade_no
        order by c.due_at, c.channel_refund_no
        limit p_limit
        for no key update of t skip locked
    ) as x;
    if v_due is null then
        return;
    end if;
    -- What was not sent and whose channel has rules is held against them once more: time has passed since. What was
    -- claimed twice may have been sent the first time, and only its number keeps the channel from sending it twice.
    for v_unsent in
        select c.* from channel_refunds as c
        inner join channels as k on k.channel = c.channel
        where
            c.merchant_id = p_merchant_id and c.channel_refund_no = any (v_due)
            and c.state in ('pending', 'waiting') and c.attempts <= 1 and c.due_at <= now() and (k.is_limited or k.kind = 'offline')
        -- Refunds are locked in this order.
        order by c.refund_no, c.due_at, c.channel_refund_no
    loop
        v_destination := _find_destination(
            p_merchant_id, v_unsent.payment_no, v_unsent.channel, v_unsent.amount, v_unsent.channel_refund_no
        );
        if v_destination.state = 'pending' and v_destination.channel = v_unsent.channel then
            -- So that the next one of the same payment counts it as sent.
            update channel_refunds set sent_at = now()
            where merchant_id = p_merchant_id and channel_refund_no = v_unsent.channel_refund_no;
            continue;
        end if;
        v_due := array_remove(v_due, v_unsent.channel_refund_no::text);
        v_trade := _lock_channel_refund(p_merchant_id, v_unsent.channel_refund_no);
        if v_destination.channel <> v_unsent.channel then
            perform _redirect(v_trade, v_unsent, v_destination, v_destination.reason);
            continue;
        end if;
        update channel_refunds
        set
            state = 'waiting', reason = v_destination.reason,
            not_before = v_destination.not_before, due_at = v_destination.not_before
        where merchant_id = p_merchant_id and channel_refund_no = v_unsent.channel_refund_no
        returning * into v_postponed;
        perform _settle_channel_refund(v_trade, v_postponed, v_unsent.state, '{}', 0, 0);
    end loop;
    return query
    with due as (
        select
            c.channel_refund_no, c.state, p.trade_no,
            row_number() over (partition by p.trade_no order by c.channel_refund_no) as place
        from channel_refunds as c
        inner join payments as p on p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
        where
            c.merchant_id = p_merchant_id and c.channel_refund_no = any (v_due)
            and p.trade_no = any (v_trade_nos)
            and c.due_at <= now()
    ), claimed as (
        update channel_refunds as c
        set
            state = 'sent', reason = case c.state when 'pending' then c.reason end, worker = p_worker,
            attempts = c.attempts + 1, sent_at = now(),
            due_at = now() + make_interval(secs => extract(epoch from p_lease)::double precision)
        from due as d
        where c.merchant_id = p_merchant_id and c.channel_refund_no = d.channel_refund_no
        returning c.*
    ), noted as (
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, refund_no, channel_refund_no,
            from_state, to_state, reason, happened_at
        )
        select
            p_merchant_id, d.trade_no, t.last_entry + d.place, 'channel_refund', c.payment_no, c.refund_no,
            c.channel_refund_no, d.state, 'sent', p_worker, now()
        from claimed as c
        inner join due as d on d.channel_refund_no = c.channel_refund_no
        inner join trades as t on t.merchant_id = p_merchant_id and t.trade_no = d.trade_no
    ), counted as (
        update trades as t
        set last_entry = t.last_entry + d.entries
        from (select trade_no, count(*) as entries from due group by trade_no) as d
        where t.merchant_id = p_merchant_id and t.trade_no = d.trade_no
    )
    select c.* from claimed as c
    order by c.channel_refund_no;
end;
$claim_channel_refunds$;
create function mixpay.complete_channel_refund(
    p_merchant_id text, p_channel_refund_no text, p_channel_txn_no text, p_refunded_at timestamptz default null
) returns mixpay.channel_refunds
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $complete_channel_refund$
declare
    v_trade trades;
    v_was channel_refunds;
    v_channel_refund channel_refunds;
    v_successor channel_refunds;
    v_anomaly anomalies;
    v_refunded_at timestamptz := coalesce(p_refunded_at, now());
    v_freed bigint := 0;
begin
    perform _check_moment('refunded_at', p_refunded_at);
    if p_channel_txn_no is not null then
        perform _check_number('channel_txn_no', p_channel_txn_no);
    end if;
    v_trade := _lock_channel_refund(p_merchant_id, p_channel_refund_no);
    select * into v_was from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    select * into v_anomaly from anomalies
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    if found and v_was.refunded_at is null then
        -- What is listed is the last that we heard.
        v_was.refunded_at := v_anomaly.happened_at;
        v_was.channel_txn_no := v_anomaly.channel_txn_no;
    end if;
    if v_was.refunded_at is not null then
        if p_channel_txn_no is null or p_channel_txn_no is not distinct from v_was.channel_txn_no then
            -- A moment that was left out then is not compared: it is the one at which it was written.
            if p_refunded_at <> v_was.refunded_at and not exists (
                select from facts as f
                where
                    f.merchant_id = p_merchant_id and f.trade_no = v_trade.trade_no
                    and f.channel_refund_no = p_channel_refund_no
                    and f.happened_at = v_was.refunded_at and f.created_at = v_was.refunded_at
            ) then
                perform _refuse_channel_refund_news(v_was, 'completed at another moment');
            end if;
            select * into v_was from channel_refunds
            where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
            return v_was;
        end if;
        -- Of what came back, another transaction is more money.
        if v_was.state = 'succeeded' or (
            v_anomaly.channel_refund_no is not null and not exists (
                select from anomaly_resolutions
                where
                    merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
                    and resolution in ('booked', 'recovered')
            )
        ) then
            perform _refuse_channel_refund_news(v_was, 'completed by another transaction');
        end if;
    end if;
    if v_was.state in ('failed', 'bounced') then
        if _is_still_free(v_trade, v_was) then
            v_freed := -v_was.amount;
        else
            -- It went another way since; if that was not sent yet, it need not be.
            select * into v_successor from channel_refunds
            where
                merchant_id = p_merchant_id and refund_no = v_was.refund_no and payment_no = v_was.payment_no
                and state in ('waiting', 'pending') and attempts = 0;
            if not found then
                if v_anomaly.channel_refund_no is not null then
                    perform _refuse_channel_refund_news(v_was, 'completed out of place twice');
                end if;
                perform _list_anomaly(v_trade, v_was, p_channel_txn_no, v_refunded_at);
                return v_was;
            end if;
            update channel_refunds
            set state = 'failed', due_at = null, reason = format('sent by %s after all', p_channel_refund_no)
            where merchant_id = p_merchant_id and channel_refund_no = v_successor.channel_refund_no
            returning * into v_channel_refund;
            v_trade := _settle_channel_refund(v_trade, v_channel_refund, v_successor.state, '{}', 0, 0);
        end if;
    end if;
    update channel_refunds
    set
        state = 'succeeded', reason = case when state in ('pending', 'sent') then reason end, due_at = null,
        channel_txn_no = p_channel_txn_no, refunded_at = v_refunded_at,
        -- What payee and receivers gave back for the successor, they gave back for this one.
        cleared = coalesce(v_successor.cleared, cleared)
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no
    returning * into v_channel_refund;
    perform _settle_channel_refund(
        v_trade, v_channel_refund, v_was.state,
        case when v_freed < 0 then array['home', 'refund', 'channel'] else array['refund', 'channel'] end,
        v_was.amount, v_freed
    );
    select * into v_channel_refund from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    return v_channel_refund;
end;
$complete_channel_refund$;
create function mixpay.read_events(p_merchant_id text, p_after text default null, p_limit bigint default 100)
returns setof mixpay.events
language plpgsql stable security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $read_events$
declare
    v_after text[] := regexp_match(p_after, '^([0-9]{1,18})\.([0-9]{1,18})\.([rs]?)([0-9]{1,18})\.([!-~]{1,64})$');
    v_epoch bigint := coalesce(v_after[1]::bigint, 0);
    v_xid xid8 := coalesce(v_after[2], '0')::xid8;
    v_log text := coalesce(v_after[3], '');
    v_log_no text := coalesce(v_after[5], '');
    v_entry bigint := coalesce(v_after[4]::bigint, 0);
begin
    perform _check_merchant(p_merchant_id);
    perform _check_limit(p_limit);
    if p_after is not null and v_after is null then
        raise exception 'this is no position among the events' using
            errcode = 'MX905',
            detail = format('It is %L.', left(p_after, 80)),
            hint = 'Pass the position of the last event that you have read, or null: from the first.';
    end if;
    -- Without sorts and bitmaps both logs are read in the order of their indexes, as far as the limit reaches.
    return query
    select e.* from events as e
    where
        e.merchant_id = p_merchant_id
        and (e.epoch, e.xid) >= (v_epoch, v_xid)
        and (e.epoch, e.xid, e.log, e.log_no, e.entry) > (v_epoch, v_xid, v_log, v_log_no, v_entry)
    order by e.epoch, e.xid, e.log, e.log_no, e.entry
    limit p_limit;
end;
$read_events$;
create function mixpay._refuse_illegal_transition() returns trigger
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_illegal_transition$
declare
    v_from_state text := case tg_op when 'INSERT' then '' else old.state end;
begin
    if v_from_state <> new.state and not exists (
        select from state_transitions
        where entity = tg_argv[0] and from_state = v_from_state and to_state = new.state
    ) then
        raise exception 'a % cannot become % from %', tg_argv[0], new.state,
            case v_from_state when '' then 'nothing' else v_from_state end using
            errcode = 'check_violation',
            hint = 'mixpay.state_transitions has the legal changes.';
    end if;
    return null;
end;
$_refuse_illegal_transition$;
create trigger refuse_illegal_beginning after insert on mixpay.trades
for each row execute function mixpay._refuse_illegal_transition('trade');
create trigger refuse_illegal_beginning after insert on mixpay.payments
for each row execute function mixpay._refuse_illegal_transition('payment');
create trigger refuse_illegal_beginning after insert on mixpay.refunds
for each row execute function mixpay._refuse_illegal_transition('refund');
create trigger refuse_illegal_beginning after insert on mixpay.channel_refunds
for each row execute function mixpay._refuse_illegal_transition('channel_refund');
create trigger refuse_illegal_transition after update of state on mixpay.trades
for each row execute function mixpay._refuse_illegal_transition('trade');
create trigger refuse_illegal_transition after update of state on mixpay.payments
for each row execute function mixpay._refuse_illegal_transition('payment');
create trigger refuse_illegal_transition after update of state on mixpay.refunds
for each row execute function mixpay._refuse_illegal_transition('refund');
create trigger refuse_illegal_transition after update of state on mixpay.channel_refunds
for each row execute function mixpay._refuse_illegal_transition('channel_refund');
create trigger refuse_illegal_beginning after insert on mixpay.disputes
for each row execute function mixpay._refuse_illegal_transition('dispute');
create trigger refuse_illegal_beginning after insert on mixpay.settlements
for each row execute function mixpay._refuse_illegal_transition('settlement');
create trigger refuse_illegal_transition after update of state on mixpay.disputes
for each row execute function mixpay._refuse_illegal_transition('dispute');
create trigger refuse_illegal_transition after update of state on mixpay.settlements
for each row execute function mixpay._refuse_illegal_transition('settlement');
create function mixpay._refuse_to_change_facts() returns trigger
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_to_change_facts$
begin
    raise exception 'facts stay: no % here', lower(tg_op) using
        errcode = 'restrict_violation',
        detail = 'What happened is written once. Totals and states move, and a new fact says why.';
end;
$_refuse_to_change_facts$;
create trigger facts_stay before update or delete or truncate on mixpay.facts
for each statement execute function mixpay._refuse_to_change_facts();
create trigger settlement_facts_stay before update or delete or truncate on mixpay.settlement_facts
for each statement execute function mixpay._refuse_to_change_facts();
create trigger releases_stay before update or delete or truncate on mixpay.releases
for each statement execute function mixpay._refuse_to_change_facts();
create trigger receivers_stay before update or delete or truncate on mixpay.split_receivers
for each statement execute function mixpay._refuse_to_change_facts();
create trigger periods_stay before update or delete or truncate on mixpay.closed_periods
for each statement execute function mixpay._refuse_to_change_facts();
create trigger closed_balances_stay before update or delete or truncate on mixpay.closed_balances
for each statement execute function mixpay._refuse_to_change_facts();
-- Of a detail, only freed may change.
create trigger details_stay before delete or truncate on mixpay.refund_details
for each statement execute function mixpay._refuse_to_change_facts();
create trigger details_stay_but_freed
before update of merchant_id, refund_no, payment_no, amount on mixpay.refund_details
for each statement execute function mixpay._refuse_to_change_facts();
create trigger anomalies_stay before update or delete or truncate on mixpay.anomalies
for each statement execute function mixpay._refuse_to_change_facts();
create trigger resolutions_stay before update or delete or truncate on mixpay.anomaly_resolutions
for each statement execute function mixpay._refuse_to_change_facts();
-- Of a settlement, only what its reversal says may change; of a split, only how much was divided.
create trigger settlements_stay before delete or truncate on mixpay.settlements
for each statement execute function mixpay._refuse_to_change_facts();
create trigger settlements_stay_but_reversed
before update of
merchant_id, settlement_no, payee_no, receiver, currency, nth, until_at, from_epoch, from_xid, until_epoch, until_xid,
carried_in, earned, amount, carried_out on mixpay.settlements
for each statement execute function mixpay._refuse_to_change_facts();
create trigger splits_stay before delete or truncate on mixpay.splits
for each statement execute function mixpay._refuse_to_change_facts();
create trigger splits_stay_but_divided before update of merchant_id, split_no, order_no, takes_place on mixpay.splits
for each statement execute function mixpay._refuse_to_change_facts();
-- Readers ask, writers also do, nobody touches a table, and everybody else may nothing.
do $grants$
declare
    v_grant text;
begin
    for v_grant in
        select format('revoke all on function %s from public', p.oid::regprocedure)
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'mixpay'::regnamespace
        union all
        -- An array has the rights of its elements.
        select format('revoke all on type %s from public', t.oid::regtype)
        from pg_catalog.pg_type as t
        where t.typnamespace = 'mixpay'::regnamespace and t.typcategory <> 'A'
        union all
        select format('grant execute on function %s to mixpay_writer', p.oid::regprocedure)
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'mixpay'::regnamespace and p.proname not like '\_%'
        union all
        select format('grant select on %s to mixpay_reader, mixpay_writer', c.oid::regclass)
        from pg_catalog.pg_class as c
        where c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'v'
    loop
        execute v_grant;
    end loop;
end;
$grants$;

grant usage on schema mixpay to mixpay_reader, mixpay_writer;
