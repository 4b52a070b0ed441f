create function mixpay._parse_account(p_account text) returns mixpay.account_name
language plpgsql stable
set search_path = mixpay, pg_temp
as $_parse_account$
declare
    v_parts text[] := regexp_match(p_account, '^([a-z_]+)(?::([!-~]{1,64}))?$');
    v_accounts text[] := array[
        'channel', 'bank', 'order', 'payee', 'receiver', 'fee', 'channel_fee', 'surplus', 'refund', 'anomaly', 'loss',
        'rounding', 'outside'
    ];
begin
    if v_parts is null or v_parts[1] <> all (v_accounts) or (v_parts[1] = 'outside' and v_parts[2] is not null) then
        raise exception 'there is no such account' using
            errcode = 'MX401',
            detail = format('It is %s.', _shown(p_account, '''')),
            hint = format('Say one of %s; and of which, as in payee:S1.', array_to_string(v_accounts, ', '));
    end if;
    return row(v_parts[1], v_parts[2])::account_name;
end;
$_parse_account$;

comment on function mixpay._parse_account(text) is
$$What an account's name says: its kind, and after a colon whose it is.

Raises: MX401 if there is no account of such a name.
$$;
