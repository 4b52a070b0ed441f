create function mixpay._next_transfer(p_channel_refund mixpay.channel_refunds) returns bigint
language plpgsql stable
set search_path = mixpay, pg_temp
as $_next_transfer$
begin
    return 1 + coalesce(max(nth), 0) from transfer_list
    where
        merchant_id = p_channel_refund.merchant_id and channel_refund_no = p_channel_refund.channel_refund_no;
end;
$_next_transfer$;

comment on function mixpay._next_transfer(mixpay.channel_refunds) is
$$Which of a channel refund's transfers the next one is, counted from 1.

The caller holds the lock of the trade and of the refund.
$$;
