create function mixpay._forget_results(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_forget_results$
declare
    v_horizon timestamptz;
    v_first timestamptz;
    v_last timestamptz;
    v_other statements;
begin
    select reconciled_until into v_horizon from reconciled_account_list
    where merchant_id = p_terms.merchant_id and account = p_terms.account and owner = p_terms.owner;
    -- Its lines may be about what happened long before, which other statements cover.
    select least(p_statement.from_at, min(l.happened_at)), greatest(p_statement.until_at, max(l.happened_at))
    into v_first, v_last
    from line_matches as l
    where l.merchant_id = p_statement.merchant_id and l.statement_no = p_statement.statement_no;
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
        inner join statement_lines as l
            on l.merchant_id = p.merchant_id and l.statement_no = p.statement_no and l.line_no = p.line_no
            and l.part = p.part
        on conflict (merchant_id, statement_no, line_no, part) do update set
            result = 'expected', run = p_terms.last_run
    )
    update unmatched_items as u
    set result = 'expected', run = p_terms.last_run
    from (
        select kind::text as kind, number from gone
        union
        -- The fees that its lines named, too.
        select 'fee', f.fee_no from gone as g
        inner join channel_fees as f on f.merchant_id = p_statement.merchant_id and f.payment_no = g.number
        where g.kind = 'payment' and g.fee_theirs is not null
        union
        select 'chargeback_fee', g.number from gone as g where g.kind = 'chargeback' and g.fee_theirs is not null
    ) as g
    where
        not exists (
            select from line_matches as m
            where
                m.merchant_id = p_terms.merchant_id and m.number = g.number and m.kind = g.kind
                and m.account = p_terms.account and m.owner = p_terms.owner and m.rule <> 'batch'
                and m.statement_no <> p_statement.statement_no
            offset 0
        )
        and u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
        and u.kind = g.kind and u.number = g.number and u.statement_no <> p_statement.statement_no
        and u.result = 'matched';
    perform _forget_batches(p_terms, p_statement);
    delete from unmatched_lines
    where merchant_id = p_statement.merchant_id and statement_no = p_statement.statement_no;
    -- What was booked by mistake, and its opposite, stay: no other line is about them either.
    delete from unmatched_items
    where
        merchant_id = p_statement.merchant_id and statement_no = p_statement.statement_no and resolution_no is null;
    for v_other in
        select s.* from statements as s
        where
            s.merchant_id = p_terms.merchant_id and s.account = p_terms.account and s.owner = p_terms.owner
            and s.reconciled_at is not null and s.resolution_no is null
            and s.until_at > v_first - 3 * p_terms.lag and s.from_at < v_last + 3 * p_terms.lag
        order by s.reconciled_at, s.statement_no
    loop
        perform _store_items(p_terms, v_other);
    end loop;
    -- What was told because it reached further may come after all.
    update unmatched_items
    set result = 'expected', run = p_terms.last_run
    where
        merchant_id = p_terms.merchant_id and account = p_terms.account and owner = p_terms.owner
        and result = 'missing_there' and resolution_no is null
        and (happened_at + p_terms.lag <= v_horizon) is not true;
    perform _tell_matches(p_terms, v_horizon), _tell_lines(p_terms, v_horizon), _tell_items(p_terms, v_horizon);
end;
$_forget_results$;

comment on function mixpay._forget_results(mixpay.reconciled_accounts, mixpay.statements) is
$$Takes the results of a statement that is withdrawn out of those of its account: what its lines were matched with is
open again, and what only it should have covered is not looked for.
$$;
