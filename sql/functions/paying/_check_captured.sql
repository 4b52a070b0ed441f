create function mixpay._check_captured(
    p_merchant_id text, p_payment_no text, p_trade_no text, p_channel text
) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_captured$
declare
    v_payment payments;
begin
    perform _check_number('captures', p_payment_no);
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    if v_payment.authorized is null
        or (v_payment.trade_no, v_payment.channel) is distinct from (p_trade_no, p_channel) then
        raise exception 'payment % has no authorization that could be captured here', p_payment_no using
            errcode = 'MX212',
            detail = case
                when v_payment.payment_no is null then 'There is no such payment.'
                else format('%s is authorized of it, for trade %s, by %s.', coalesce(v_payment.authorized, 0),
                    v_payment.trade_no, v_payment.channel)
            end,
            hint = 'Name the authorized payment of the same trade and channel, or none. See mixpay.payment_balances.';
    end if;
end;
$_check_captured$;

comment on function mixpay._check_captured(text, text, text, text) is
$$Refuses a payment that no further capture can belong to: it was never authorized, or is another trade's or channel's.

Raises: MX212; MX901.
$$;
