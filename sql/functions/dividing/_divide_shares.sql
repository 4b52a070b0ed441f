create function mixpay._divide_shares(
    p_standing mixpay.split_standing, p_divided bigint, p_given bigint, p_back bigint
) returns mixpay.split_standing
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_divide_shares$
declare
    v_standing split_standing := p_standing;
    v_amounts bigint[] := p_standing.amounts;
    v_taken bigint[] := p_standing.taken_back;
    v_left bigint;
begin
    if p_back <> 0 then
        v_taken := _take_back(v_amounts, v_taken, p_back);
    end if;
    if p_given <> 0 then
        -- Each in turn what its rate gives it of all that was divided, over all trades of the order; the rest is left.
        v_left := p_given;
        for i in 1 .. cardinality(v_amounts) loop
            v_left := v_left + v_amounts[i] - v_taken[i];
        end loop;
        for i in 1 .. cardinality(v_amounts) loop
            continue when i = p_standing.rest;
            v_amounts[i] := v_taken[i] + least(v_left, greatest(
                0, p_standing.fixed[i] + div(p_divided::numeric * p_standing.rates[i], 10000)::bigint
                - p_standing.elsewhere[i] - v_taken[i]
            ));
            v_left := v_left - (v_amounts[i] - v_taken[i]);
        end loop;
        v_amounts[p_standing.rest] := v_taken[p_standing.rest] + v_left;
    end if;
    v_standing.amounts := v_amounts;
    v_standing.taken_back := v_taken;
    v_standing.divided := p_divided;
    return v_standing;
end;
$_divide_shares$;

comment on function mixpay._divide_shares(mixpay.split_standing, bigint, bigint, bigint) is
$$How the receivers of a split stand when more of a line is divided (p_given), and more of it is taken back (p_back);
below zero: less. Arithmetic only.

p_divided is what was divided of the order then, over all its trades. What is given follows from fixed amounts and
rates, in their order, and the rest; what is refunded is taken back in proportion, however many refunds it takes.
$$;
