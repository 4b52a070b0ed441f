create function mixpay._take_back(p_amounts bigint[], p_taken bigint[], p_back bigint) returns bigint[]
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_take_back$
declare
    v_taken bigint[] := p_taken;
    v_total numeric := p_back + (select coalesce(sum(t), 0) from unnest(p_taken) as t);
    v_part numeric;
    v_whole numeric;
    v_stays boolean[] := array_fill(false, array[cardinality(p_amounts)]);
    v_settled boolean;
    v_left bigint := v_total;
    v_next integer;
begin
    if p_back = 0 then
        return p_taken;
    end if;
    -- What is taken of each grows with his amount; but who has given more than that gives no more yet, and nobody gets
    -- back more than he gave.
    loop
        v_part := v_total;
        v_whole := 0;
        for i in 1 .. cardinality(p_amounts) loop
            v_part := v_part - case when v_stays[i] then p_taken[i] else 0 end;
            v_whole := v_whole + case when v_stays[i] then 0 else p_amounts[i] end;
        end loop;
        v_settled := true;
        for i in 1 .. cardinality(p_amounts) loop
            if not v_stays[i] and sign(p_back) * (v_part * p_amounts[i] - v_whole * p_taken[i]) < 0 then
                v_stays[i] := true;
                v_settled := false;
            end if;
        end loop;
        exit when v_settled;
    end loop;
    for i in 1 .. cardinality(p_amounts) loop
        if not v_stays[i] and p_amounts[i] > 0 then
            v_taken[i] := div(2 * v_part * p_amounts[i] + v_whole, 2 * v_whole);
        end if;
        v_left := v_left - v_taken[i];
    end loop;
    -- What rounding left: a unit is taken where it is the smallest part of an amount, one after the other, and none is
    -- taken where it would be the greatest.
    while v_left <> 0 loop
        v_next := null;
        for i in 1 .. cardinality(p_amounts) loop
            continue when v_left > 0 and v_taken[i] = case when p_back > 0 then p_amounts[i] else p_taken[i] end;
            continue when v_left < 0 and v_taken[i] = case when p_back > 0 then p_taken[i] else 0 end;
            if v_next is null
                or (v_left > 0 and (2 * v_taken[i]::numeric + 1) * p_amounts[v_next]
                    < (2 * v_taken[v_next]::numeric + 1) * p_amounts[i])
                or (v_left < 0 and (2 * v_taken[i]::numeric - 1) * p_amounts[v_next]
                    >= (2 * v_taken[v_next]::numeric - 1) * p_amounts[i]) then
                v_next := i;
            end if;
        end loop;
        v_taken[v_next] := v_taken[v_next] + sign(v_left);
        v_left := v_left - sign(v_left);
    end loop;
    return v_taken;
end;
$_take_back$;

comment on function mixpay._take_back(bigint[], bigint[], bigint) is
$$What is taken back of each of these amounts when p_back more is taken than p_taken, or below zero less: in proportion
to the amounts, and the same in one step as in many.

The smallest units of all amounts stand in one order, each by how large a part of its amount precedes it (to its
middle), ties by place; what is taken are the first ones, which is Webster's method. The share of the largest
remainder is no such order: one unit more can take one less from somebody.
$$;
