create function mixpay._reason_of_refund(p_refund mixpay.refunds, p_reason text) returns mixpay.refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_reason_of_refund$
declare
    v_refund refunds := p_refund;
begin
    if p_refund.reason is null and p_reason is not null then
        update refunds set reason = p_reason
        where merchant_id = p_refund.merchant_id and refund_no = p_refund.refund_no
        returning * into v_refund;
    end if;
    return v_refund;
end;
$_reason_of_refund$;

comment on function mixpay._reason_of_refund(mixpay.refunds, text) is $$
The refund with its reason, which may come later than the refund. The first one stays.

The caller holds the lock of the trade.
$$;
