create function mixpay._refuse_withdrawn(p_statement mixpay.statements) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_refuse_withdrawn$
begin
    if p_statement.resolution_no is not null then
        raise exception 'statement % was withdrawn', p_statement.statement_no using
            errcode = 'MX433',
            detail = format('Resolution %s says by whom and why.', p_statement.resolution_no),
            hint = 'Load what is right under another statement number.';
    end if;
end;
$_refuse_withdrawn$;

comment on function mixpay._refuse_withdrawn(mixpay.statements) is
$$Refuses a statement that somebody has withdrawn.

Raises: MX433.
$$;
