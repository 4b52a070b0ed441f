create function mixpay._same_return(
    p_trade mixpay.trades, p_payment_no text, p_return_no text, p_amount bigint, p_returned_at timestamptz
) returns mixpay.returns
language plpgsql
set search_path = mixpay, pg_temp
as $_same_return$
declare
    v_return returns;
begin
    select * into v_return from returns where merchant_id = p_trade.merchant_id and return_no = p_return_no;
    if not found then
        raise exception 'payment % was returned already', p_payment_no using
            errcode = 'MX222',
            detail = 'Earlier returns took all that arrived.',
            hint = 'If the channel took more than that, name the amount. See mixpay.return_list.';
    end if;
    if v_return.payment_no <> p_payment_no or v_return.amount <> p_amount
        or (
            _is_another_moment(v_return.returned_at, p_returned_at) and v_return.returned_at <> v_return.created_at
        ) then
        raise exception 'return number % was used for something else', p_return_no using
            errcode = 'MX221',
            detail = _on_record(json_build_object(
                'payment_no', v_return.payment_no, 'amount', v_return.amount, 'returned_at', v_return.returned_at
            ), json_build_object(
                'payment_no', p_payment_no, 'amount', p_amount, 'returned_at', p_returned_at
            )),
            hint = 'A repeated number must come with the same content: payment, amount, moment.';
    end if;
    if _is_another_moment(v_return.returned_at, p_returned_at) then
        perform _learn_of_taking(
            p_trade, 'return', p_return_no, p_payment_no, 'returned', v_return.returned_at, p_returned_at
        );
        update returns set returned_at = p_returned_at
        where merchant_id = p_trade.merchant_id and return_no = p_return_no
        returning * into v_return;
    end if;
    return v_return;
end;
$_same_return$;

comment on function mixpay._same_return(mixpay.trades, text, text, bigint, timestamptz) is
$$The return that has this number, if it is the same. What is null is not compared.

Raises: MX221 if the number was used for something else; MX222 if there is none: nothing is left to return.
$$;
