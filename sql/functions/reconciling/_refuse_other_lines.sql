create function mixpay._refuse_other_lines(p_statement mixpay.statements, p_lines jsonb) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_other_lines$
declare
    v_stored statement_lines;
    v_sent statement_lines;
begin
    for v_sent in select * from _lines(p_statement, p_lines) loop
        select * into v_stored from statement_lines
        where merchant_id = p_statement.merchant_id and statement_no = p_statement.statement_no
            and line_no = v_sent.line_no and part = v_sent.part;
        if not _is_another_moment(v_stored.happened_at, v_sent.happened_at) then
            v_sent.happened_at := v_stored.happened_at;
        end if;
        if v_stored.line_no is null then
            -- It came after this transaction's snapshot; above READ COMMITTED only the next transaction sees it.
            raise exception 'could not serialize access: line % has just been loaded', v_sent.line_no using
                errcode = 'serialization_failure';
        elsif v_stored is distinct from v_sent then
            raise exception 'line % of statement % is there with other content', v_sent.line_no,
                p_statement.statement_no using
                errcode = 'MX422',
                detail = _on_record(to_json(v_stored), to_json(v_sent)),
                hint = 'A line is loaded once. Give a file that says something else a statement number of its own.';
        end if;
    end loop;
end;
$_refuse_other_lines$;

comment on function mixpay._refuse_other_lines(mixpay.statements, jsonb) is
$$Refuses lines that are there with other content; those that are there as they are sent may come again.

Raises: MX422 if a line is there with other content.
$$;
