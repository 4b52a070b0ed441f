create function mixpay._refuse_withdrawing(p_statement mixpay.statements) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refuse_withdrawing$
declare
    v_count bigint;
    v_first text;
begin
    select count(*), min(r.resolution_no) into v_count, v_first
    from (
        select resolution_no from line_matches
        where merchant_id = p_statement.merchant_id and statement_no = p_statement.statement_no
        union
        select resolution_no from unmatched_lines
        where merchant_id = p_statement.merchant_id and statement_no = p_statement.statement_no
        union
        select resolution_no from unmatched_items
        where merchant_id = p_statement.merchant_id and statement_no = p_statement.statement_no
        union
        -- A part of its batch may be on this one.
        select resolution_no from _payouts_of_batches(p_statement)
    ) as x
    inner join resolutions as r
        on r.merchant_id = p_statement.merchant_id and r.resolution_no = x.resolution_no and r.action <> 'taken_back';
    if v_count > 0 then
        raise exception 'what was resolved of statement % stands', p_statement.statement_no using
            errcode = 'MX434',
            detail = format('%s resolutions, such as %s.', v_count, v_first),
            hint = 'Take them back first, by take_back_resolution; mixpay.resolution_list has them.';
    end if;
end;
$_refuse_withdrawing$;

comment on function mixpay._refuse_withdrawing(mixpay.statements) is
$$Refuses to withdraw a statement of which something that somebody resolved stands.

Raises: MX434.
$$;
