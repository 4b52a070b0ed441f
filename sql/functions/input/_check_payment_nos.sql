create function mixpay._check_payment_nos(p_name text, p_payment_nos text[]) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_payment_nos$
declare
    v_count bigint := cardinality(p_payment_nos);
begin
    if v_count not between 1 and 10000 or array_ndims(p_payment_nos) <> 1
        or v_count <> (select count(distinct n) from unnest(p_payment_nos) as n) then
        raise exception '% does not name each payment once', p_name using
            errcode = 'MX904',
            detail = format('%s are named, %s of them different.',
                v_count, (select count(distinct n) from unnest(p_payment_nos) as n)),
            hint = 'Name 1 to 10000 payments, each once; or leave them out.';
    end if;
    perform _check_number(p_name, n) from unnest(p_payment_nos) as n;
end;
$_check_payment_nos$;

comment on function mixpay._check_payment_nos(text, text[]) is
$$Refuses a list of payments that is empty, too long, of several dimensions, or names one twice or null; a null list is
no list.

Raises: MX901; MX904.
$$;
