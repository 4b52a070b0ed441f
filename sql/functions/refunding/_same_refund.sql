create function mixpay._same_refund(
    p_merchant_id text, p_refund_no text, p_kind text, p_order_no text, p_amount bigint, p_sent json
) returns mixpay.refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_same_refund$
declare
    v_refund refunds;
begin
    select * into v_refund from refunds where merchant_id = p_merchant_id and refund_no = p_refund_no;
    if (v_refund.kind, v_refund.order_no, v_refund.amount) is distinct from (p_kind, p_order_no, p_amount) then
        perform _refuse_refund_no(v_refund, p_sent);
    end if;
    return v_refund;
end;
$_same_refund$;

comment on function mixpay._same_refund(text, text, text, text, bigint, json) is
$$The refund that has this number, if it is the same. p_sent is what the error tells of what was sent.

Raises: MX302 if the number was used for something else.
$$;
