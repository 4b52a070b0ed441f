create function mixpay._learn_of_taking(
    p_trade mixpay.trades, p_entity text, p_number text, p_payment_no text, p_state text, p_was timestamptz,
    p_moment timestamptz, p_came_back boolean default false
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_learn_of_taking$
begin
    perform _learn_of_parts(array[_post(p_trade, array[_fact(
        p_trade, p_entity, p_number, p_state, p_state, p_payment_no => p_payment_no,
        p_reason => 'its moment came later', p_happened_at => p_moment
    )])], array(
        select r.refund_no from refunds as r
        where
            r.merchant_id = p_trade.merchant_id
            and case p_entity when 'return' then r.return_no else r.chargeback_no end = p_number
        order by r.refund_no
    ), p_was, p_moment, p_came_back);
end;
$_learn_of_taking$;

comment on function mixpay._learn_of_taking(
    mixpay.trades, text, text, text, text, timestamptz, timestamptz, boolean
) is
$$Writes down when a channel took money of a payment, or gave it back, if the moment on record was assumed; what it took
then, or gave back, bears that moment, too.

p_entity is return or chargeback, p_state its state, p_was the moment on record; p_came_back: the one at which it gave
money back. The caller holds the lock of the trade, and changes the row.
$$;
