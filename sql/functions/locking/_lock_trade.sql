create function mixpay._lock_trade(p_merchant_id text, p_trade_no text) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_trade$
declare
    v_trade trades;
begin
    -- Every caller goes on to update this row: that is what makes the lock hold under REPEATABLE READ, too.
    select * into v_trade from trades
    where merchant_id = p_merchant_id and trade_no = p_trade_no
    for no key update;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('trade_no', p_trade_no);
        raise exception 'there is no trade %', p_trade_no using
            errcode = 'MX104',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'Merge the orders first with merge_orders.';
    end if;
    return v_trade;
end;
$_lock_trade$;

comment on function mixpay._lock_trade(text, text) is
$$The trade, locked, or an error.

Locks: the trade.
Raises: MX101 if there is no such merchant; MX104 if there is no such trade; MX901.
$$;
