create function mixpay._reconciled_account(
    p_merchant_id text, p_account mixpay.account_name
) returns mixpay.reconciled_accounts
language plpgsql
set search_path = mixpay, pg_temp
as $_reconciled_account$
declare
    v_account reconciled_accounts;
begin
    insert into reconciled_accounts (merchant_id, account, owner, zone)
    select
        p_merchant_id, p_account.account, p_account.owner,
        coalesce(
            (select c.day_zone from channels as c where c.channel = p_account.owner and p_account.account = 'channel'),
            'UTC'
        )
    on conflict do nothing;
    select * into v_account from reconciled_accounts
    where merchant_id = p_merchant_id and account = p_account.account and owner = p_account.owner;
    if not found then
        raise exception 'could not serialize access: % has just got its first statement', p_account.owner using
            errcode = 'serialization_failure';
    end if;
    return v_account;
end;
$_reconciled_account$;

comment on function mixpay._reconciled_account(text, mixpay.account_name) is
$$The account as it is reconciled, with what is agreed about it; a new one with what is agreed about none.
$$;
