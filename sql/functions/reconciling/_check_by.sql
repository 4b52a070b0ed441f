create function mixpay._check_by(p_by text) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_by$
begin
    if coalesce(p_by, '') ~ '^ *$' then
        raise exception 'nobody says who resolves this' using
            errcode = 'MX905',
            detail = format('It is %s.', _shown(p_by, '''')),
            hint = 'Name the person, as your books do.';
    end if;
    perform _check_text('by', p_by);
end;
$_check_by$;

comment on function mixpay._check_by(text) is
$$Refuses a name of nobody.

Raises: MX905.
$$;
