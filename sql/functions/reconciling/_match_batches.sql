create function mixpay._match_batches(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_match_batches$
begin
    -- Of a channel: what its batch brought, less the fees, is our payout, of which it has no line of its own.
    with batches as (
        select l.batch_no, l.currency, sum(l.amount - coalesce(l.fee, 0)) as total, max(l.happened_at) as last_at
        from statement_lines as l
        where
            p_terms.account = 'channel' and l.merchant_id = p_statement.merchant_id
            and l.statement_no = p_statement.statement_no and l.batch_no is not null and l.state <> 'failed'
        group by l.batch_no, l.currency
        having bool_and(l.kind not in ('payout', 'payout_reversal')) and not exists (
            select from unmatched_items as u
            where
                u.merchant_id = p_statement.merchant_id and u.statement_no = p_statement.statement_no
                and u.batch_no = l.batch_no and u.currency = l.currency
        )
    ),
    pairs as (
        select
            b.*, u.number,
            row_number() over (
                partition by b.batch_no, b.currency order by u.number <> b.batch_no, u.happened_at, u.number
            ) as nth_payout,
            row_number() over (
                partition by u.number order by u.number <> b.batch_no, b.last_at, b.batch_no
            ) as nth_batch
        from batches as b
        inner join unmatched_items as u
            on u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
            and u.kind = 'payout' and u.result <> 'matched' and u.resolution_no is null and u.batch_no is null
            and u.currency = b.currency and (
                u.number = b.batch_no
                or u.ours = -b.total and u.happened_at between b.last_at - p_terms.lag and b.last_at + p_terms.lag
            )
        where _is_unmatched(p_terms, 'payout', u.number)
    )
    update unmatched_items as u
    set
        theirs = -p.total, batch_no = p.batch_no, statement_no = p_statement.statement_no, run = p_terms.last_run,
        result = case when abs(p.total + u.ours) <= p_terms.tolerance then 'matched' else 'amount' end
    from pairs as p
    where
        u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
        and u.kind = 'payout' and u.number = p.number and p.nth_payout = 1 and p.nth_batch = 1;
end;
$_match_batches$;

comment on function mixpay._match_batches(mixpay.reconciled_accounts, mixpay.statements) is
$$Compares our payouts that have no line with the batches of a channel's statement that have none: by number, and else
by the same amount within the lag.
$$;
