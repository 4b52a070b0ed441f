create function mixpay._facts_of_refund(
    p_trade mixpay.trades, p_refund mixpay.refunds, p_line mixpay.trade_orders, p_clearing mixpay.clearing,
    p_channel_refunds mixpay.channel_refunds[]
) returns mixpay.fact[]
language plpgsql
set search_path = mixpay, pg_temp
as $_facts_of_refund$
declare
    v_fact fact := _fact(
        p_trade, 'refund', p_refund.refund_no, '', p_refund.state, p_order_no => p_refund.order_no,
        p_refund_no => p_refund.refund_no
    );
    v_facts fact[] := array[v_fact];
    v_first bigint;
    v_new channel_refunds;
begin
    if p_clearing.accounts is not null then
        v_facts := v_facts || _clearing_facts(v_fact, p_clearing);
    end if;
    v_first := cardinality(v_facts) + 1;
    foreach v_new in array p_channel_refunds loop
        v_facts := v_facts || _fact(
            p_trade, 'channel_refund', v_new.channel_refund_no, '', v_new.state, 'order', p_refund.order_no, 'refund',
            p_refund.refund_no, v_new.amount, v_new.payment_no, p_refund.order_no, p_refund.refund_no,
            v_new.channel_refund_no, v_new.reason
        );
    end loop;
    -- The first part says what all of them make of the order.
    v_facts[v_first] := _order_fact(v_facts[v_first], p_line, 0, p_refund.amount);
    return v_facts;
end;
$_facts_of_refund$;

comment on function mixpay._facts_of_refund(
    mixpay.trades, mixpay.refunds, mixpay.trade_orders, mixpay.clearing, mixpay.channel_refunds[]
) is
$$What a new refund of an order in one trade leaves in the log: that it is there, what it clears, and its parts.

p_line is the order's line as it was before. The order's totals, if it has any, are counted, too; the caller holds them.
$$;
