create function mixpay._order_fact(
    p_fact mixpay.fact, p_line mixpay.trade_orders, p_paid bigint, p_refunded bigint, p_amount bigint default 0
) returns mixpay.fact
language plpgsql
set search_path = mixpay, pg_temp
as $_order_fact$
declare
    v_fact fact := p_fact;
    v_amount bigint := p_line.asked;
    v_paid bigint := p_line.paid;
    v_refunded bigint := p_line.refunded;
    v_from_state text;
    v_to_state text;
begin
    if not p_line.alone then
        -- The update is the lock: another trade of the order waits here, then sees what this one has counted.
        update order_totals
        set amount = amount + p_amount, paid = paid + p_paid, refunded = refunded + p_refunded
        where merchant_id = p_line.merchant_id and order_no = p_line.order_no
        returning amount - p_amount, paid - p_paid, refunded - p_refunded into v_amount, v_paid, v_refunded;
    end if;
    -- Twice the same, for a function of its own would cost more than the rest. The view order_balances says so, too.
    v_from_state := case
        when v_paid > 0 and v_refunded = v_paid then 'refunded'
        when v_paid < v_amount then 'payable'
        when v_refunded > 0 then 'partly_refunded'
        else 'paid'
    end;
    v_amount := v_amount + p_amount;
    v_paid := v_paid + p_paid;
    v_refunded := v_refunded + p_refunded;
    v_to_state := case
        when v_paid > 0 and v_refunded = v_paid then 'refunded'
        when v_paid < v_amount then 'payable'
        when v_refunded > 0 then 'partly_refunded'
        else 'paid'
    end;
    if v_from_state <> v_to_state then
        v_fact.order_from_state := v_from_state;
        v_fact.order_to_state := v_to_state;
    end if;
    return v_fact;
end;
$_order_fact$;

comment on function mixpay._order_fact(mixpay.fact, mixpay.trade_orders, bigint, bigint, bigint) is
$$The fact with what it makes of the order of a line, if it changes the order's state; counts it in the order's totals,
if the line is not alone.

p_line is the line as it was before. It is paid p_paid more and refunded p_refunded more, and the order costs p_amount
more, in the smallest unit, below zero: less. An order that was repriced has totals. The caller holds the lock of the
trade, and of the splits that it will change; whoever changes lines of several orders has called _lock_shared.
Locks: the order's totals.
$$;
