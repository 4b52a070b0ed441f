create function mixpay._refuse_left_out(
    p_merchant_id text, p_account mixpay.account_name, p_next mixpay.settlements, p_min_horizon timestamptz,
    p_epoch bigint, p_xid xid8
) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refuse_left_out$
declare
    v_left_out bigint;
begin
    -- What an earlier settlement has is not left out.
    if (p_epoch, p_xid) < (p_next.from_epoch, p_next.from_xid) then
        p_epoch := p_next.from_epoch;
        p_xid := p_next.from_xid;
    end if;
    v_left_out := _left_out(p_merchant_id, p_account, p_next.currency, p_min_horizon, p_epoch, p_xid);
    if v_left_out is null then
        return;
    end if;
    raise exception '% cannot be settled in full yet', p_account.owner using
        errcode = 'MX417',
        detail = format('%s written until %s would be left out; the oldest transaction is %s.',
            v_left_out, p_min_horizon, _oldest_transaction()),
        hint = 'Wait until it ends, or end it: see mixpay.horizon. Without p_min_horizon the next settlement has it.';
end;
$_refuse_left_out$;

comment on function mixpay._refuse_left_out(
    text, mixpay.account_name, mixpay.settlements, timestamptz, bigint, xid8
) is
$$Refuses to settle while something that was written to the account until p_min_horizon would be left out
of p_next. p_epoch and p_xid are up to where the log was final when that was made.

Raises: MX417.
$$;
