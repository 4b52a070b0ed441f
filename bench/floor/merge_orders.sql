-- What merge_orders writes of two new orders.
create function floor.merge_orders(
    p_merchant_id text, p_trade_no text, p_currency text,
    p_order_no text, p_amount bigint, p_second_order_no text, p_second_amount bigint
) returns mixpay.trades
language plpgsql security definer
as $merge_orders$
declare
    v_trade mixpay.trades;
begin
    insert into mixpay.orders (merchant_id, order_no, currency, amount) values
    (p_merchant_id, p_order_no, p_currency, p_amount),
    (p_merchant_id, p_second_order_no, p_currency, p_second_amount);
    insert into mixpay.trades (merchant_id, trade_no, currency, amount, allocation, last_entry)
    values (p_merchant_id, p_trade_no, p_currency, p_amount + p_second_amount, 'fifo', 1)
    returning * into v_trade;
    insert into mixpay.facts (
        merchant_id, log, log_no, entry, epoch, entity, number, from_state, to_state, currency, happened_at
    ) values (p_merchant_id, 'trade', p_trade_no, 1, 1, 'trade', p_trade_no, '', 'open', p_currency, now());
    insert into mixpay.trade_orders (merchant_id, trade_no, order_no, position, nth, asked, amount) values
    (p_merchant_id, p_trade_no, p_order_no, 1, 1, p_amount, p_amount),
    (p_merchant_id, p_trade_no, p_second_order_no, 2, 1, p_second_amount, p_second_amount);
    return v_trade;
end;
$merge_orders$;
