create function mixpay._is_still_free(p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds) returns boolean
language plpgsql stable
set search_path = mixpay, pg_temp
as $_is_still_free$
begin
    return (
        select
            case
                when r.kind in ('surplus', 'reversal') then
                    p.surplus - p.surplus_refunded >= p_channel_refund.amount
                else
                    p.applied - (p.refunded - p.surplus_refunded) >= p_channel_refund.amount
                    and exists (
                        select from trade_orders as l
                        where
                            l.merchant_id = r.merchant_id and l.order_no = r.order_no
                            and l.trade_no = p_trade.trade_no and l.paid - l.refunded >= p_channel_refund.amount
                    )
            end
            and d.freed
        from refunds as r
        inner join payments as p on p.merchant_id = r.merchant_id and p.payment_no = p_channel_refund.payment_no
        inner join refund_details as d
            on d.merchant_id = r.merchant_id and d.refund_no = r.refund_no and d.payment_no = p.payment_no
        where r.merchant_id = p_channel_refund.merchant_id and r.refund_no = p_channel_refund.refund_no
    );
end;
$_is_still_free$;

comment on function mixpay._is_still_free(mixpay.trades, mixpay.channel_refunds) is
$$Whether a channel refund's amount was freed and may be reserved again: payment and order still hold it.

The caller holds the lock of the trade.
$$;
