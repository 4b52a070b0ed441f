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

comment on function mixpay._apportion(bigint, bigint[]) is
$$Divides an amount by weights, by largest remainder, ties by position. No share is above its weight if the amount is
not above their sum.
$$;
