create function mixpay._check_account(p_account text) returns mixpay.account_name
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_account$
declare
    v_account account_name := _parse_account(p_account);
begin
    if v_account.owner is null or v_account.account not in ('channel', 'bank') then
        raise exception 'nobody sends statements of this account' using
            errcode = 'MX401',
            detail = format('It is %s.', _shown(p_account, '''')),
            hint = 'Say channel:wechat, or bank: and your name for it.';
    elsif v_account.account = 'channel' then
        perform _check_channel(v_account.owner);
    end if;
    return v_account;
end;
$_check_account$;

comment on function mixpay._check_account(text) is
$$The channel or bank that a name says.

Raises: MX203 if there is no such channel; MX401 if it is neither a channel nor a bank.
$$;
