create function mixpay._lock_channel_refund(
    p_merchant_id text, p_channel_refund_no text
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_channel_refund$
declare
    v_channel_refund channel_refunds;
    v_trade trades;
    v_kind text;
begin
    select * into v_channel_refund from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('channel_refund_no', p_channel_refund_no);
        raise exception 'there is no channel refund %', p_channel_refund_no using
            errcode = 'MX303',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'The number is what claim_channel_refunds returned.';
    end if;
    v_trade := _lock_trade_of_payment(p_merchant_id, v_channel_refund.payment_no);
    select kind into v_kind from refunds
    where merchant_id = p_merchant_id and refund_no = v_channel_refund.refund_no
    for no key update;
    if v_kind in ('return', 'chargeback') then
        raise exception 'channel refund % was never sent', p_channel_refund_no using
            errcode = 'MX321',
            detail = format('It is what a %s took: the channel took it by itself.', v_kind),
            hint = 'What a chargeback took comes back by reverse_chargeback. See mixpay.return_list.';
    end if;
    return v_trade;
end;
$_lock_channel_refund$;

comment on function mixpay._lock_channel_refund(text, text) is
$$Locks what a channel refund's news may change, and returns its trade.

Locks: the trade, then the refund.
Raises: MX101 if there is no such merchant; MX303 if there is no such channel refund; MX321 if a return or a
chargeback took it; MX901.
$$;
