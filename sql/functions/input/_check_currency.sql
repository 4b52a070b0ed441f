create function mixpay._check_currency(p_currency text) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_currency$
begin
    if not exists (select from currencies where currency = p_currency) then
        raise exception 'there is no currency %', _shown(coalesce(p_currency, '(null)')) using
            errcode = 'MX110',
            detail = format('mixpay.currencies has %s codes, and not this one.', (select count(*) from currencies)),
            hint = 'Name a code of ISO 4217, in upper case.';
    end if;
end;
$_check_currency$;

comment on function mixpay._check_currency(text) is
$$Refuses a currency that is not in mixpay.currencies.

Raises: MX110 if there is no such currency.
$$;
