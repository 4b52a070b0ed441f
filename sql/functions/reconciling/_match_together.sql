create function mixpay._match_together(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines, p_items text[]
) returns boolean
language plpgsql
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_match_together$
declare
    v_kind text;
    v_number text;
    v_item own_item;
    v_left bigint := p_line.amount;
    v_theirs bigint;
begin
    -- Another line may have been matched with one of them, or this one with others, since they were read.
    update unmatched_lines set result = 'matched', run = p_terms.last_run
    where
        merchant_id = p_line.merchant_id and statement_no = p_line.statement_no and line_no = p_line.line_no
        and part = p_line.part and result <> 'matched' and not exists (
            select from unnest(p_items) as i (item)
            where not _is_unmatched(p_terms, split_part(i.item, ' ', 1), split_part(i.item, ' ', 2))
        );
    if not found then
        return false;
    end if;
    for i in 1 .. cardinality(p_items) loop
        v_kind := split_part(p_items[i], ' ', 1);
        v_number := split_part(p_items[i], ' ', 2);
        v_item := _own_item(p_terms.merchant_id, p_terms.account, p_terms.owner, v_kind, v_number);
        -- The last one bears what the line lacks, or has too much.
        v_theirs := case when i = cardinality(p_items) then v_left else v_item.amount end;
        v_left := v_left - v_theirs;
        insert into unmatched_items as u (
            merchant_id, account, owner, kind, number, result, currency, ours, theirs, happened_at, statement_no,
            line_no, part, run
        ) values (
            p_terms.merchant_id, p_terms.account, p_terms.owner, v_kind, v_number,
            case when abs(v_theirs - v_item.amount) <= p_terms.tolerance then 'matched' else 'amount' end,
            v_item.currency, v_item.amount, v_theirs, v_item.happened_at, p_line.statement_no, p_line.line_no,
            p_line.part, p_terms.last_run
        )
        on conflict (merchant_id, account, owner, kind, number) do update
        set
            result = excluded.result, theirs = excluded.theirs, statement_no = excluded.statement_no,
            line_no = excluded.line_no, part = excluded.part, run = excluded.run;
    end loop;
    return true;
end;
$_match_together$;

comment on function mixpay._match_together(mixpay.reconciled_accounts, mixpay.statement_lines, text[]) is
$$Matches one line with several of ours, each named by its kind, a blank and its number: of each its part of the line.
Says whether all of them are still open.
$$;
