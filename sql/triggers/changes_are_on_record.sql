create function mixpay._record_changed_result() returns trigger
language plpgsql
set search_path = mixpay, pg_temp
as $_record_changed_result$
declare
    v_row jsonb := to_jsonb(new);
begin
    insert into result_changes (
        merchant_id, account, owner, run, subject, from_result, to_result, statement_no
    ) values (
        new.merchant_id, new.account, new.owner, new.run,
        case tg_table_name
            when 'unmatched_items' then format('%s %s', v_row ->> 'kind', v_row ->> 'number')
            else format(
                'line %s%s of %s', v_row ->> 'line_no', ', part ' || nullif(v_row ->> 'part', '') || ',',
                new.statement_no
            )
        end,
        old.result, new.result, new.statement_no
    );
    return null;
end;
$_record_changed_result$;

comment on function mixpay._record_changed_result() is
$$Writes down that a result is another one than an earlier run told.
$$;

create trigger changes_are_on_record after update of result on mixpay.line_matches
for each row when (old.result <> new.result and old.run <> new.run)
execute function mixpay._record_changed_result();

create trigger changes_are_on_record after update of result on mixpay.unmatched_lines
for each row when (old.result <> new.result and old.run <> new.run)
execute function mixpay._record_changed_result();

create trigger changes_are_on_record after update of result on mixpay.unmatched_items
for each row when (old.result <> new.result and old.run <> new.run)
execute function mixpay._record_changed_result();
