create function mixpay._reaching_late_lines(p_statement mixpay.statements) returns mixpay.statements
language plpgsql stable
set search_path = mixpay, pg_temp
as $_reaching_late_lines$
declare
    v_first timestamptz;
    v_last timestamptz;
begin
    select min(u.happened_at), max(u.happened_at) + interval '1 microsecond' into v_first, v_last
    from unmatched_lines as u
    where
        u.merchant_id = p_statement.merchant_id and u.statement_no = p_statement.statement_no
        and u.result <> 'matched' and u.resolution_no is null and not exists (
            select from line_matches as m
            where
                m.merchant_id = u.merchant_id and m.statement_no = u.statement_no and m.line_no = u.line_no
                and m.part = u.part
            offset 0
        );
    p_statement.from_at := least(p_statement.from_at, v_first);
    p_statement.until_at := greatest(p_statement.until_at, v_last);
    return p_statement;
end;
$_reaching_late_lines$;

comment on function mixpay._reaching_late_lines(mixpay.statements) is
$$A statement whose time is as long as what its open lines are about: some come days after what they tell of.
$$;
