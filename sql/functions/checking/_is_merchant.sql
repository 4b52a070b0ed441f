create function mixpay._is_merchant(p_merchant_id text) returns boolean
language plpgsql stable security definer
set search_path = mixpay, pg_temp
as $_is_merchant$
begin
    return exists (select from merchants where merchant_id = p_merchant_id);
end;
$_is_merchant$;

comment on function mixpay._is_merchant(text) is
'Whether there is such a merchant, for who watches: he may see none, and asks for the checks of one.';
