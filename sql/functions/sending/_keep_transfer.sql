create function mixpay._keep_transfer(
    p_trade mixpay.trades, p_channel_refund mixpay.channel_refunds
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_keep_transfer$
declare
    v_fact fact := _channel_refund_fact(
        p_trade, p_channel_refund, p_channel_refund.state, p_channel_refund.state
    );
begin
    if p_channel_refund.refunded_at is null or p_channel_refund.channel_txn_no is null then
        return p_trade;
    end if;
    select order_no into v_fact.order_no from refunds
    where merchant_id = p_channel_refund.merchant_id and refund_no = p_channel_refund.refund_no;
    v_fact.reason := format('came back: channel transaction %s', p_channel_refund.channel_txn_no);
    v_fact.happened_at := p_channel_refund.refunded_at;
    return _post(p_trade, array[v_fact]);
end;
$_keep_transfer$;

comment on function mixpay._keep_transfer(mixpay.trades, mixpay.channel_refunds) is
$$Writes down by which transaction of the channel a channel refund went and came back, before the number of another one
takes its place; _heard_before knows it by that.

The caller holds the lock of the trade, which is returned as it is then, and of the refund.
$$;
