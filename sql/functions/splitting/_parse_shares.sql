create function mixpay._parse_shares(
    p_order mixpay.orders, p_split_no text, p_shares jsonb
) returns mixpay.split_receivers[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_parse_shares$
declare
    v_name text;
    v_share record;
    v_receivers split_receivers[] := array[]::split_receivers[];
    v_total record;
begin
    if jsonb_typeof(p_shares) is distinct from 'array' or jsonb_array_length(p_shares) not between 1 and 50 then
        raise exception 'the shares are not an array of 1 to 50 objects' using
            errcode = case when jsonb_typeof(p_shares) = 'array' then 'MX904' else 'MX903' end,
            detail = case when jsonb_typeof(p_shares) = 'array' then format('It has %s.', jsonb_array_length(p_shares))
                else _json_is(p_shares) end,
            hint = 'Pass [{"kind"?, "receiver", "fixed"?, "rate"?, "takes_remainder"?, "kept_on_refund"?}, ...].';
    end if;
    perform _check_json_array(
        array_agg(format('share %s', j.i)), array_agg(j.value), array['kind', 'receiver'], array['fixed', 'rate'],
        array['takes_remainder', 'kept_on_refund']
    )
    from jsonb_array_elements(p_shares) with ordinality as j (value, i);
    for v_share in
        select
            j.i, coalesce(j.value ->> 'kind', 'receiver') as kind, j.value ->> 'receiver' as receiver,
            (j.value ->> 'fixed')::bigint as fixed, (j.value ->> 'rate')::bigint as rate,
            coalesce(j.value -> 'takes_remainder', 'null') as takes_remainder,
            coalesce(j.value -> 'kept_on_refund', 'null') as kept_on_refund
        from jsonb_array_elements(p_shares) with ordinality as j (value, i)
        order by j.i
    loop
        v_name := format('share %s: ', v_share.i);
        perform _check_choice(
            v_name || 'kind', v_share.kind, array['payee', 'receiver', 'platform_fee', 'channel_fee']
        );
        perform _check_number(v_name || 'receiver', v_share.receiver);
        if v_share.fixed is not null then
            perform _check_amount(v_name || 'fixed', v_share.fixed);
        end if;
        if not coalesce(v_share.rate between 1 and 10000, v_share.rate is null)
            or jsonb_typeof(v_share.takes_remainder) not in ('boolean', 'null')
            or jsonb_typeof(v_share.kept_on_refund) not in ('boolean', 'null') then
            raise exception '%it is not a share', v_name using
                errcode = 'MX903',
                detail = format('It is %s.', _shown((p_shares -> (v_share.i - 1)::integer)::text)),
                hint = 'A rate is 1 to 10000 basis points; takes_remainder and kept_on_refund are true or false.';
        end if;
        if (num_nonnulls(v_share.fixed, v_share.rate) > 0) = (v_share.takes_remainder = 'true')
            or (v_share.takes_remainder = 'true' and v_share.kept_on_refund = 'true') then
            raise exception '%it is not a share', v_name using
                errcode = 'MX903',
                detail = format('It is %s.', _shown((p_shares -> (v_share.i - 1)::integer)::text)),
                hint = 'A share has "fixed", "rate" or both; or else it takes the remainder, and gives back of it.';
        end if;
        v_receivers := v_receivers || row(
            p_order.merchant_id, p_split_no, v_share.i, v_share.kind, v_share.receiver, coalesce(v_share.fixed, 0),
            coalesce(v_share.rate, 0), v_share.takes_remainder = 'true', v_share.kept_on_refund = 'true',
            case v_share.kind when 'platform_fee' then 'fee' else v_share.kind end
        )::split_receivers;
    end loop;
    if not exists (select from unnest(v_receivers) as r where r.takes_remainder) and p_order.payee_no is not null then
        v_receivers := v_receivers || row(
            p_order.merchant_id, p_split_no, cardinality(v_receivers) + 1, 'payee', p_order.payee_no, 0, 0, true, false,
            'payee'
        )::split_receivers;
    end if;
    select r.kind, r.receiver, count(*) as times into v_share from unnest(v_receivers) as r
    group by r.kind, r.receiver having count(*) > 1 limit 1;
    if found then
        raise exception '% % is named twice', v_share.kind, v_share.receiver using
            errcode = 'MX904',
            detail = format('%s of the %s shares are for it.', v_share.times, cardinality(v_receivers)),
            hint = 'Name each receiver once; an order''s payee takes the remainder unless another one is said to.';
    end if;
    select r.receiver into v_share from unnest(v_receivers) as r
    where
        r.kind = 'payee' and not exists (
            select from payees as p where p.merchant_id = p_order.merchant_id and p.payee_no = r.receiver
            offset 0
        )
    limit 1;
    if found then
        raise exception 'there is no payee %', v_share.receiver using
            errcode = 'MX102',
            detail = 'A share names it.',
            hint = 'Register it with register_payee, or let its kind be receiver.';
    end if;
    select
        sum(r.fixed) + div(sum(r.rate) * p_order.amount::numeric, 10000) as amount, sum(r.rate) as rate,
        count(*) filter (where r.takes_remainder) as rests
    into v_total
    from unnest(v_receivers) as r;
    if v_total.amount > p_order.amount or v_total.rate > 10000 or v_total.rests <> 1 then
        raise exception 'the shares do not divide order %', p_order.order_no using
            errcode = 'MX510',
            detail = format('They are %s of %s, with %s basis points, and %s of them take the remainder.',
                v_total.amount, p_order.amount, v_total.rate, v_total.rests),
            hint = 'Let them be at most the order''s amount, and say of one that it takes the remainder.';
    end if;
    return v_receivers;
end;
$_parse_shares$;

comment on function mixpay._parse_shares(mixpay.orders, text, jsonb) is
$$The receivers that split_order's JSON names for an order, or an error that names the share that is wrong.

Raises: MX102 if a payee is not registered; MX510 if the shares are more than the order, or nobody takes the remainder;
MX901; MX902; MX903; MX904; MX905.
$$;
