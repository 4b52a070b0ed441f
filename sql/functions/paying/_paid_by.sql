create function mixpay._paid_by(
    p_merchant_id text, p_channel text, p_channel_txn_no text, p_txn_day date
) returns mixpay.payments
language plpgsql stable
-- Planned each time. Where the planner expects one row, the key would do as well: it begins with the merchant, too.
set search_path = mixpay, pg_temp set plan_cache_mode = force_custom_plan
as $_paid_by$
declare
    v_payment payments;
begin
    select * into v_payment from payments
    where
        merchant_id = p_merchant_id and channel = p_channel and channel_txn_no = p_channel_txn_no
        and txn_day = p_txn_day;
    return v_payment;
end;
$_paid_by$;

comment on function mixpay._paid_by(text, text, text, date) is
$$The payment that a channel transaction is, by the day in which its number is unique; null if it is none.
$$;
