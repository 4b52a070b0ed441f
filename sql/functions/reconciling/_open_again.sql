create function mixpay._open_again(
    p_terms mixpay.reconciled_accounts, p_was mixpay.resolutions, p_resolution_no text, p_kind text, p_number text
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_open_again$
declare
    v_line line_matches;
    v_older line_matches;
begin
    delete from line_matches
    where
        merchant_id = p_was.merchant_id and statement_no = p_was.statement_no and line_no = p_was.line_no
        and part = p_was.part
    returning * into v_line;
    update unmatched_lines set result = 'expected', run = p_terms.last_run, resolution_no = null
    where
        merchant_id = p_was.merchant_id and statement_no = p_was.statement_no and line_no = p_was.line_no
        and part = p_was.part;
    -- So is an older one that counted for nothing beside it.
    for v_older in
        delete from line_matches
        where
            merchant_id = p_was.merchant_id and number = p_was.number and kind = p_was.kind
            and account = p_terms.account and owner = p_terms.owner and rule = 'batch'
        returning *
    loop
        update unmatched_lines set result = 'expected', run = p_terms.last_run
        where
            merchant_id = v_older.merchant_id and statement_no = v_older.statement_no and line_no = v_older.line_no
            and part = v_older.part;
    end loop;
    -- What was booked and its opposite are nobody's to look for: together they are nothing.
    insert into unmatched_items (
        merchant_id, account, owner, kind, number, result, currency, ours, happened_at, statement_no, run, resolution_no
    )
    select
        p_was.merchant_id, p_terms.account, p_terms.owner, i.kind, i.number, 'missing_there', v_line.currency, i.ours,
        v_line.happened_at, p_was.statement_no, p_terms.last_run, p_resolution_no
    from (
        values (p_was.kind::text, p_was.number, v_line.ours), (p_kind, p_number, -v_line.ours)
        union all
        select f.kind, f.number, f.ours
        from chargebacks as c
        cross join lateral (
            values ('chargeback_fee', c.chargeback_no, -c.fee), ('fee', p_resolution_no, c.fee)
        ) as f (kind, number, ours)
        where
            p_was.kind = 'chargeback' and c.merchant_id = p_was.merchant_id and c.chargeback_no = p_was.number
            and c.fee > 0
    ) as i (kind, number, ours)
    where i.kind <> 'adjustment'
    on conflict (merchant_id, account, owner, kind, number) do update set
        result = 'missing_there', run = p_terms.last_run, resolution_no = p_resolution_no;
end;
$_open_again$;

comment on function mixpay._open_again(mixpay.reconciled_accounts, mixpay.resolutions, text, text, text) is
$$Opens a line again whose booking was taken back.
$$;
