create function mixpay._share_balances(p_standing mixpay.split_standing) returns bigint[]
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_share_balances$
begin
    return array(
        select
            s.amount - case when s.kept then 0 else s.taken_back end
            - case s.i when p_standing.rest then sum(case when s.kept then s.taken_back else 0 end) over () else 0 end
        from unnest(p_standing.amounts, p_standing.taken_back, p_standing.kept) with ordinality
            as s (amount, taken_back, kept, i)
        order by s.i
    );
end;
$_share_balances$;

comment on function mixpay._share_balances(mixpay.split_standing) is $$
What the receivers of a split have of a line: who keeps his share on a refund keeps it, and who takes the rest bears that.
$$;
