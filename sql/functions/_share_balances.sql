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

comment on function mixpay._share_balances(bigint[], bigint[], boolean[], bigint) is $$
What the receivers of a split have: who keeps his share on a refund keeps it, and p_rest, who takes the rest, bears that.
$$;
