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
    v_return returns;
    v_chargeback chargebacks;
    v_payment payments;
    v_facts fact[];
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
        select * into v_payment from payments where merchant_id = p_trade.merchant_id and payment_no = p_payment_no;
        v_facts := _loss(_fact(
            v_trade, case when v_loss.return_no is null then 'chargeback' else 'return' end,
            coalesce(v_loss.return_no, v_loss.chargeback_no), p_reason => 'what had been given back is free again'
        ), v_payment, -v_taken);
        if v_loss.return_no is null then
            update chargebacks set lost = lost - v_taken
            where merchant_id = p_trade.merchant_id and chargeback_no = v_loss.chargeback_no
            returning * into v_chargeback;
            v_trade := _take_charged_back(v_trade, v_chargeback, v_facts, p_order_no, v_taken, now());
        else
            update returns
            set lost = lost - v_taken, unapplied = unapplied + case when p_order_no is null then 0 else v_taken end
            where merchant_id = p_trade.merchant_id and return_no = v_loss.return_no
            returning * into v_return;
            v_trade := _take_returned(
                v_trade, v_return, v_facts, case when p_order_no is null then v_taken else 0 end,
                case when p_order_no is not null then _lines_to_take(v_trade, v_taken, p_order_no) end, now()
            );
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
takes nothing of another. The caller holds the lock of the trade, which is returned as it is then.
Locks: the order, unless it is locked; then its split, then its totals.
$$;
