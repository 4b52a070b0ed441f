create function mixpay._payouts_of_batches(
    p_statement mixpay.statements
) returns setof mixpay.unmatched_items
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_payouts_of_batches$
begin
    return query
    select x.*
    from (
        select distinct l.batch_no
        from (
            select * from statement_lines as y
            where y.merchant_id = p_statement.merchant_id and y.statement_no = p_statement.statement_no
            offset 0
        ) as l
    ) as b
    cross join lateral (
        select * from unmatched_items as y
        where
            y.merchant_id = p_statement.merchant_id and y.batch_no = b.batch_no and y.account = p_statement.account
            and y.owner = p_statement.owner and y.kind = 'payout'
        offset 0
    ) as x;
end;
$_payouts_of_batches$;

comment on function mixpay._payouts_of_batches(mixpay.statements) is
$$Our payouts that were compared with a batch of which a part is on a statement.
$$;
