create function mixpay._parse_adjustable(p_merchant_id text, p_name text, p_account text) returns mixpay.account_name
language plpgsql stable
set search_path = mixpay, pg_temp
as $_parse_adjustable$
declare
    v_account account_name := _parse_account(p_account);
begin
    if v_account.owner is null or v_account.account in ('order', 'surplus', 'refund', 'anomaly', 'outside') then
        raise exception '% is no account that can be adjusted', p_name using
            errcode = 'MX401',
            detail = format('It is %s.', _shown(p_account, '''')),
            hint = 'Say payee:S1, or receiver:, fee:, channel_fee:, channel:, bank:, loss: or rounding: and whose.';
    elsif v_account.account = 'payee' then
        perform _check_payee(p_merchant_id, v_account.owner);
    elsif v_account.account = 'receiver' then
        perform _check_receiver(p_merchant_id, v_account.owner, 'receiver');
    elsif v_account.account = 'channel' then
        perform _check_channel(v_account.owner);
    end if;
    return v_account;
end;
$_parse_adjustable$;

comment on function mixpay._parse_adjustable(text, text, text) is
$$The account that a name says, if it is one that can be adjusted: of a payee that is registered, a receiver that a
split names, a channel that exists; or a fee, a channel's fee, a bank, a loss or a rounding of any name.

Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX203 if there is no such channel; MX401 if
there is no account of such a name that can be adjusted; MX407 if no split names the receiver; MX901.
$$;
