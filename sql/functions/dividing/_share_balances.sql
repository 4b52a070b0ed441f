create function mixpay._share_balances(p_standing mixpay.split_standing) returns bigint[]
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_share_balances$
declare
    v_balances bigint[] := p_standing.amounts;
    v_borne bigint := 0;
begin
    for i in 1 .. cardinality(v_balances) loop
        if p_standing.kept_on_refund[i] then
            v_borne := v_borne + p_standing.taken_back[i];
        else
            v_balances[i] := v_balances[i] - p_standing.taken_back[i];
        end if;
    end loop;
    v_balances[p_standing.rest] := v_balances[p_standing.rest] - v_borne;
    return v_balances;
end;
$_share_balances$;

comment on function mixpay._share_balances(mixpay.split_standing) is
$$What the receivers of a split have of a line: who keeps his share on a refund keeps it, and who takes the rest bears
that.
$$;
