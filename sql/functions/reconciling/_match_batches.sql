create function mixpay._match_batches(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
set enable_nestloop = on set enable_hashjoin = off set jit = off
as $_match_batches$
declare
    v_pair record;
    v_result text;
begin
    perform _prefer_own_lines(p_terms, p_statement);
    -- Of a channel: what its batch brought, less the fees, is our payout, of which it has no line of its own.
    for v_pair in
        with batches as materialized (
            select
                l.batch_no, l.currency, max(l.happened_at) as last_at,
                -- The payout of one that has a line of it is no other.
                case when bool_and(l.kind not in ('payout', 'payout_reversal')) then
                    sum(l.amount - coalesce(l.fee, 0))
                end as total
            from (
                select distinct o.batch_no
                from (
                    select * from statement_lines
                    where
                        p_terms.account = 'channel' and merchant_id = p_statement.merchant_id
                        and statement_no = p_statement.statement_no
                    offset 0
                ) as o
                where o.batch_no is not null
            ) as b
            -- A batch may be on several statements.
            cross join lateral (
                select * from statement_lines as x
                where x.merchant_id = p_statement.merchant_id and x.batch_no = b.batch_no and x.state <> 'failed'
                offset 0
            ) as l
            cross join lateral (
                select * from statements as y where y.merchant_id = l.merchant_id and y.statement_no = l.statement_no
                limit 1
            ) as s
            where
                s.account = p_terms.account and s.owner = p_terms.owner and s.reconciled_at is not null
                and s.resolution_no is null
            group by l.batch_no, l.currency
        ),
        payouts as materialized (
            select * from unmatched_items as x
            where
                x.merchant_id = p_terms.merchant_id and x.account = p_terms.account and x.owner = p_terms.owner
                and x.kind = 'payout' and x.result <> 'matched'
        )
        select b.batch_no, b.currency, b.total, u.number, u.ours
        from batches as b
        cross join lateral (
            select * from payouts
            union all
            select * from unmatched_items as x
            where
                x.merchant_id = p_terms.merchant_id and x.account = p_terms.account and x.owner = p_terms.owner
                and x.kind = 'payout' and x.result = 'matched' and x.batch_no = b.batch_no
            offset 0
        ) as u
        where
            u.currency = b.currency and u.resolution_no is null and case
                -- More of it has come since.
                when u.batch_no = b.batch_no then b.total is null or u.theirs <> -b.total
                when u.result <> 'matched' and (
                    u.number = b.batch_no and b.total is not null
                    or u.ours = -b.total and u.happened_at between b.last_at - p_terms.lag and b.last_at + p_terms.lag
                ) then _is_unmatched(p_terms, 'payout', u.number)
            end
        order by u.batch_no is null, u.number <> b.batch_no, b.last_at, b.batch_no, u.happened_at, u.number
    loop
        v_result := case
            when abs(v_pair.total + v_pair.ours) <= p_terms.tolerance then 'matched'
            when v_pair.total is null or v_pair.number <> v_pair.batch_no then 'expected'
            else 'amount'
        end;
        -- A pair before may have had either, and so may an earlier run.
        update unmatched_items as u
        set
            theirs = case v_result when 'expected' then 0 else -v_pair.total end,
            batch_no = case v_result when 'expected' then null else v_pair.batch_no end,
            statement_no = p_statement.statement_no, run = p_terms.last_run, result = v_result
        where
            u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
            and u.kind = 'payout' and u.number = v_pair.number and coalesce(u.batch_no = v_pair.batch_no, not exists (
                select from unmatched_items as x
                where
                    x.merchant_id = p_terms.merchant_id and x.account = p_terms.account and x.owner = p_terms.owner
                    and x.batch_no = v_pair.batch_no and x.currency = v_pair.currency
            ));
    end loop;
end;
$_match_batches$;

comment on function mixpay._match_batches(mixpay.reconciled_accounts, mixpay.statements) is
$$Compares our payouts that have no line with the batches of a channel's statement that have none: by number, and else
by the same amount within the lag. What of a batch is on other statements of the account counts, too.
$$;
