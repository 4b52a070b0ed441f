create function mixpay._cover_losses(
    p_trade mixpay.trades, p_payment_no text, p_order_no text, p_freed bigint
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_cover_losses$
declare
    v_trade trades := p_trade;
    v_loss record;
    v_last record;
    v_taken bigint;
    v_left bigint := p_freed;
begin
    for v_loss in
        select x.return_no, null as chargeback_no, x.lost, x.created_at from returns as x
        where x.merchant_id = p_trade.merchant_id and x.payment_no = p_payment_no and x.lost > 0
        union all
        select null, x.chargeback_no, x.lost, x.created_at from chargebacks as x
        where
            x.merchant_id = p_trade.merchant_id and x.payment_no = p_payment_no and x.lost > 0
            and (p_order_no is null or x.order_no is null or x.order_no = p_order_no)
        order by created_at, return_no, chargeback_no
    loop
        v_taken := least(v_left, v_loss.lost);
        exit when v_taken = 0;
        v_left := v_left - v_taken;
        if v_loss.return_no is not null then
            v_trade := _cover_return(v_trade, v_loss.return_no, p_order_no, v_taken);
        else
            v_trade := _cover_chargeback(v_trade, v_loss.chargeback_no, p_order_no, v_taken);
        end if;
        v_last := v_loss;
    end loop;
    if p_order_no is null and v_left < p_freed then
        return _rest_of_surplus(v_trade, p_payment_no, v_last.return_no, v_last.chargeback_no);
    end if;
    return v_trade;
end;
$_cover_losses$;

comment on function mixpay._cover_losses(mixpay.trades, text, text, bigint) is
$$Takes money of a payment that has just been freed for what returns and chargebacks of it left as a loss, the oldest
first.

p_freed is in the smallest unit, and money of p_order_no; null: of the payment's surplus. A chargeback of one order
takes nothing of another. The caller holds the lock of the
trade, which is returned as it is then.
Locks: the order, unless it is locked; then its split, then its totals.
$$;
