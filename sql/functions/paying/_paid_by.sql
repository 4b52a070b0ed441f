create function mixpay._paid_by(
    p_merchant_id text, p_channel text, p_channel_txn_no text, p_txn_day date
) returns mixpay.payments
language plpgsql stable
set search_path = mixpay, pg_temp
as $_paid_by$
declare
    v_payment payments;
begin
    -- In this order: that asks for the index of these numbers, whatever is known of the table.
    select * into v_payment from payments
    where
        merchant_id = p_merchant_id and channel = p_channel and txn_day = p_txn_day
        and channel_txn_no between p_channel_txn_no and p_channel_txn_no
    order by channel_txn_no
    limit 1;
    return v_payment;
end;
$_paid_by$;

comment on function mixpay._paid_by(text, text, text, date) is
$$The payment that a channel transaction is, by the day in which its number is unique; null if it is none.
$$;
