create function mixpay._same_chargeback(
    p_trade mixpay.trades, p_payment_no text, p_chargeback_no text, p_amount bigint, p_fee bigint,
    p_charged_at timestamptz, p_order_no text
) returns mixpay.chargebacks
language plpgsql
set search_path = mixpay, pg_temp
as $_same_chargeback$
declare
    v_chargeback chargebacks;
begin
    select * into v_chargeback from chargebacks
    where merchant_id = p_trade.merchant_id and chargeback_no = p_chargeback_no;
    if not found then
        perform _check_number('order_no', p_order_no);
        raise exception 'order % is not in trade %', p_order_no, p_trade.trade_no using
            errcode = 'MX111',
            detail = format('Payment %s was paid into that trade.', p_payment_no),
            hint = 'Name an order of that trade, or none. See mixpay.trade_flow.';
    end if;
    if (v_chargeback.payment_no, v_chargeback.amount) <> (p_payment_no, p_amount)
        or (p_fee > 0 and p_fee <> v_chargeback.fee)
        or (p_order_no is not null and p_order_no is distinct from v_chargeback.order_no)
        or (
            _is_another_moment(v_chargeback.charged_at, p_charged_at)
            and v_chargeback.charged_at <> v_chargeback.created_at
        ) then
        raise exception 'chargeback number % was used for something else', p_chargeback_no using
            errcode = 'MX223',
            detail = _on_record(json_build_object(
                'payment_no', v_chargeback.payment_no, 'amount', v_chargeback.amount, 'fee', v_chargeback.fee,
                'charged_at', v_chargeback.charged_at, 'order_no', v_chargeback.order_no
            ), json_build_object(
                'payment_no', p_payment_no, 'amount', p_amount, 'fee', p_fee, 'charged_at', p_charged_at,
                'order_no', p_order_no
            )),
            hint = 'A repeated number must come with the same content: payment, amount, fee, order, moment.';
    end if;
    if _is_another_moment(v_chargeback.charged_at, p_charged_at) then
        perform _learn_of_taking(
            p_trade, 'chargeback', p_chargeback_no, p_payment_no, v_chargeback.state, v_chargeback.charged_at,
            p_charged_at
        );
        update chargebacks set charged_at = p_charged_at
        where merchant_id = p_trade.merchant_id and chargeback_no = p_chargeback_no
        returning * into v_chargeback;
    end if;
    return v_chargeback;
end;
$_same_chargeback$;

comment on function mixpay._same_chargeback(mixpay.trades, text, text, bigint, bigint, timestamptz, text) is
$$The chargeback that has this number, if it is the same. What is null is not compared, nor is no fee.

Raises: MX111 if there is none, and the order is not in the trade; MX223 if the number was used for something else;
MX901.
$$;
