create function mixpay._refund_once(
    p_trades mixpay.trades[], p_merchant_id text, p_order_no text, p_refund_no text, p_amount bigint,
    p_reason text, p_payment_nos text[]
) returns mixpay.refunds
language plpgsql
set search_path = mixpay, pg_temp
as $_refund_once$
declare
    v_refund refunds;
    v_sent json;
begin
    insert into refunds (merchant_id, refund_no, kind, order_no, amount, payment_nos, reason)
    values (p_merchant_id, p_refund_no, 'order', p_order_no, p_amount, p_payment_nos, p_reason)
    on conflict do nothing
    returning * into v_refund;
    if found then
        return _give_back(p_trades, v_refund);
    end if;
    v_sent := json_build_object(
        'kind', 'order', 'order_no', p_order_no, 'amount', p_amount, 'payment_nos', array_to_string(p_payment_nos, ' ')
    );
    v_refund := _same_refund(p_merchant_id, p_refund_no, 'order', p_order_no, p_amount, v_sent);
    if p_payment_nos is not null and p_payment_nos is distinct from v_refund.payment_nos then
        perform _refuse_refund_no(v_refund, v_sent);
    end if;
    return _reason_later(v_refund, 'refund_no', p_reason);
end;
$_refund_once$;

comment on function mixpay._refund_once(mixpay.trades[], text, text, text, bigint, text, text[]) is
$$What refund_order does once the input is checked and the order's trades, p_trades, are locked.

Raises: MX101; MX103; MX301; MX302; MX306; MX901.
$$;
