create function mixpay._match_batches(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_match_batches$
declare
    v_pair record;
begin
    -- Of a channel: what its batch brought, less the fees, is our payout, of which it has no line of its own.
    for v_pair in
        with batches as materialized (
            select l.batch_no, l.currency, sum(l.amount - coalesce(l.fee, 0)) as total, max(l.happened_at) as last_at
            from statement_lines as l
            where
                p_terms.account = 'channel' and l.merchant_id = p_statement.merchant_id
                and l.statement_no = p_statement.statement_no and l.batch_no is not null and l.state <> 'failed'
            group by l.batch_no, l.currency
            having bool_and(l.kind not in ('payout', 'payout_reversal'))
        )
        select b.batch_no, b.currency, b.total, u.number
        from batches as b
        inner join unmatched_items as u
            on u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
            and u.kind = 'payout' and u.result <> 'matched' and u.currency = b.currency and (
                u.number = b.batch_no
                or u.ours = -b.total and u.happened_at between b.last_at - p_terms.lag and b.last_at + p_terms.lag
            )
        where _is_unmatched(p_terms, 'payout', u.number)
        order by u.number <> b.batch_no, b.last_at, b.batch_no, u.happened_at, u.number
    loop
        -- A pair before may have had either, and so may an earlier run.
        update unmatched_items as u
        set
            theirs = -v_pair.total, batch_no = v_pair.batch_no, statement_no = p_statement.statement_no,
            run = p_terms.last_run,
            result = case when abs(v_pair.total + u.ours) <= p_terms.tolerance then 'matched' else 'amount' end
        where
            u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
            and u.kind = 'payout' and u.number = v_pair.number and u.batch_no is null and not exists (
                select from unmatched_items as x
                where
                    x.merchant_id = p_statement.merchant_id and x.statement_no = p_statement.statement_no
                    and x.batch_no = v_pair.batch_no and x.currency = v_pair.currency
            );
    end loop;
end;
$_match_batches$;

comment on function mixpay._match_batches(mixpay.reconciled_accounts, mixpay.statements) is
$$Compares our payouts that have no line with the batches of a channel's statement that have none: by number, and else
by the same amount within the lag.
$$;
