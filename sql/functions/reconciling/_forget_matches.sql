create function mixpay._forget_matches(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
set enable_nestloop = on set enable_hashjoin = off set jit = off
as $_forget_matches$
begin
    with gone as (
        delete from line_matches
        where merchant_id = p_statement.merchant_id and statement_no = p_statement.statement_no
        returning kind, number, fee_theirs
    ),
    -- Of what several lines sum to, the others are open again, too; and what was news before its lines came.
    parted as (
        delete from line_matches as m
        using (select distinct kind, number from gone) as g
        cross join lateral (
            select x.ctid as place from line_matches as x
            where
                x.merchant_id = p_terms.merchant_id and x.number = g.number and x.kind = g.kind
                and x.account = p_terms.account and x.owner = p_terms.owner and x.rule = 'batch'
                and x.statement_no <> p_statement.statement_no
            offset 0
        ) as x
        where m.ctid = x.place
        returning m.*
    ),
    opened as (
        insert into unmatched_lines (
            merchant_id, statement_no, line_no, part, account, owner, result, currency, theirs, happened_at, run
        )
        select
            p.merchant_id, p.statement_no, p.line_no, p.part, p.account, p.owner, 'expected', p.currency, l.amount,
            p.happened_at, p_terms.last_run
        from parted as p
        cross join lateral (
            select y.amount from statement_lines as y
            where
                y.merchant_id = p.merchant_id and y.statement_no = p.statement_no and y.line_no = p.line_no
                and y.part = p.part
            limit 1
        ) as l
        on conflict (merchant_id, statement_no, line_no, part) do update set
            result = 'expected', run = p_terms.last_run
    )
    update unmatched_items as u
    set result = 'expected', run = p_terms.last_run
    from (
        select kind, number from gone
        union
        -- The fees that its lines named, too.
        select 'fee', f.fee_no from gone as g
        cross join lateral (
            select y.fee_no from channel_fees as y
            where y.merchant_id = p_statement.merchant_id and y.payment_no = g.number
            offset 0
        ) as f
        where g.kind = 'payment' and g.fee_theirs is not null
        union
        select 'chargeback_fee', g.number from gone as g where g.kind = 'chargeback' and g.fee_theirs is not null
    ) as g
    cross join lateral (
        select x.ctid as place, x.statement_no, x.result from unmatched_items as x
        where
            x.merchant_id = p_terms.merchant_id and x.account = p_terms.account and x.owner = p_terms.owner
            and x.kind = g.kind and x.number = g.number
        offset 0
    ) as x
    where
        u.ctid = x.place and x.statement_no <> p_statement.statement_no and x.result = 'matched' and not exists (
            select from line_matches as m
            where
                m.merchant_id = p_terms.merchant_id and m.number = g.number and m.kind = g.kind
                and m.account = p_terms.account and m.owner = p_terms.owner and m.rule <> 'batch'
                and m.statement_no <> p_statement.statement_no
            offset 0
        );
end;
$_forget_matches$;

comment on function mixpay._forget_matches(mixpay.reconciled_accounts, mixpay.statements) is
$$Takes back the matches of a statement that is withdrawn: what of ours they were about is open again, and so are other
lines that were about the same with them.
$$;
