create function mixpay._refuse_left_out(
    p_merchant_id text, p_account mixpay.account_name, p_currency text, p_min_horizon timestamptz
) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refuse_left_out$
declare
    v_left_out bigint := _left_out(p_merchant_id, p_account, p_currency, p_min_horizon);
    v_oldest record;
begin
    if v_left_out is null then
        return;
    end if;
    select * into v_oldest from horizon order by transactions_since desc limit 1;
    raise exception '% cannot be settled in full yet', p_account.owner using
        errcode = 'MX417',
        detail = format('%s written until %s would be left out; the oldest transaction is of %s, database %s.',
            v_left_out, p_min_horizon, coalesce('session ' || v_oldest.pid, v_oldest.prepared_as, 'that has ended'),
            coalesce(v_oldest.database, 'unknown')),
        hint = 'Wait until it ends, or end it: see mixpay.horizon. Without p_min_horizon the next settlement has it.';
end;
$_refuse_left_out$;

comment on function mixpay._refuse_left_out(text, mixpay.account_name, text, timestamptz) is
$$Refuses to settle while something that was written to the account until p_min_horizon would be left out.

Raises: MX417.
$$;
