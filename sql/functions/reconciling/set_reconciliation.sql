create function mixpay.set_reconciliation(
    p_merchant_id text, p_account text, p_tolerance bigint default null, p_lag interval default null,
    p_fee_rate bigint default null, p_fee_fixed bigint default null, p_write_off_limit bigint default null,
    p_zone text default null
) returns mixpay.reconciled_account
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $set_reconciliation$
declare
    v_name account_name;
    v_account reconciled_accounts;
begin
    perform _check_merchant(p_merchant_id);
    v_name := _check_account(p_account);
    perform _check_from_zero('tolerance', p_tolerance), _check_from_zero('fee_fixed', p_fee_fixed);
    perform _check_from_zero('write_off_limit', p_write_off_limit), _check_lag(p_lag);
    if p_fee_rate not between 0 and 1000000 then
        raise exception 'the fee is no share of a payment' using
            errcode = 'MX904',
            detail = format('It is %s.', p_fee_rate),
            hint = 'Say it in millionths, from 0 to 1000000: 6000 is 0.6 %.';
    end if;
    if p_zone is not null and not exists (select from pg_catalog.pg_timezone_names where name = p_zone) then
        raise exception 'there is no such time zone' using
            errcode = 'MX905',
            detail = format('It is %s.', _shown(p_zone, '''')),
            hint = 'Name one of pg_timezone_names, such as Asia/Shanghai.';
    end if;
    perform _reconciled_account(p_merchant_id, v_name);
    update reconciled_accounts
    set
        tolerance = coalesce(p_tolerance, tolerance), lag = coalesce(p_lag, lag),
        fee_rate = coalesce(p_fee_rate, fee_rate), fee_fixed = coalesce(p_fee_fixed, fee_fixed),
        write_off_limit = coalesce(p_write_off_limit, write_off_limit), zone = coalesce(p_zone, zone)
    where merchant_id = p_merchant_id and account = v_name.account and owner = v_name.owner
    returning * into v_account;
    return row(v_account.*)::reconciled_account;
end;
$set_reconciliation$;

comment on function mixpay.set_reconciliation(
    text, text, bigint, interval, bigint, bigint, bigint, text
) is
$$Sets how an account's statements are compared with what is on record. A later call changes it.

p_account is channel: and which, or bank: and your name for it. Amounts are in the smallest unit. p_tolerance is how far
two amounts may differ and still count as the same. p_lag is how far two moments may lie apart, and how long one side
waits for the other. p_fee_rate is what the channel may take of a payment, in millionths (6000 is 0.6 %), and
p_fee_fixed what it may take in addition. p_write_off_limit is the largest difference that may be written off. p_zone is
the time zone of the account's days.

What is left out stays as it is. At first there is no tolerance, a lag of one day, no agreed fee and no writing off, and
the zone is that of the channel's days. Results stay as they are until the next run.
Locks: the account, as reconcile does.
Raises: MX101 if there is no such merchant; MX203 if there is no such channel; MX401 if it is neither a channel nor a
bank; MX901; MX902; MX904; MX905.
$$;
