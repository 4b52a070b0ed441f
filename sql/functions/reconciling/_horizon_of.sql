create function mixpay._horizon_of(p_terms mixpay.reconciled_accounts) returns timestamptz
language plpgsql stable
set search_path = mixpay, pg_temp
as $_horizon_of$
begin
    return (
        select max(s.until_at) from statements as s
        where
            s.merchant_id = p_terms.merchant_id and s.account = p_terms.account and s.owner = p_terms.owner
            and s.reconciled_at is not null and s.resolution_no is null
    );
end;
$_horizon_of$;

comment on function mixpay._horizon_of(mixpay.reconciled_accounts) is
$$Until when the statements of an account reach that are reconciled and not withdrawn; null: there is none.
$$;
