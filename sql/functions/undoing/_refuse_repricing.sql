create function mixpay._refuse_repricing(
    p_order mixpay.orders, p_amount bigint, p_taken bigint, p_line mixpay.trade_orders
) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refuse_repricing$
declare
    v_shares numeric;
begin
    if p_amount < p_taken + coalesce(p_line.refunded, 0) then
        raise exception 'order % cannot cost so little', p_order.order_no using
            errcode = 'MX114',
            detail = format(
                '%s is asked; %s is paid elsewhere than in an open trade, and %s is refunded of what is paid there.',
                p_amount, p_taken, coalesce(p_line.refunded, 0)
            ),
            hint = 'Give the difference back with refund_order. What a closed trade keeps goes back by close_trade.';
    end if;
    select sum(r.fixed) + div(sum(r.rate) * p_amount::numeric, 10000) into v_shares
    from splits as s
    cross join lateral (
        select x.fixed, x.rate from split_receivers as x
        where x.merchant_id = s.merchant_id and x.split_no = s.split_no
        offset 0
    ) as r
    where s.merchant_id = p_order.merchant_id and s.order_no = p_order.order_no;
    if v_shares > p_amount then
        raise exception 'the shares do not divide order %', p_order.order_no using
            errcode = 'MX510',
            detail = format('They would be %s of %s.', v_shares, p_amount),
            hint = 'An order is split once. Give the difference back with refund_order: the order keeps its amount.';
    end if;
    if p_line.paid > p_amount - p_taken then
        perform _refuse_dispute(
            p_order.merchant_id, p_order.order_no,
            'Until close_dispute its money stays where it is: let it cost what is paid, or more.'
        );
    end if;
end;
$_refuse_repricing$;

comment on function mixpay._refuse_repricing(mixpay.orders, bigint, bigint, mixpay.trade_orders) is
$$Refuses an amount that an order cannot cost. p_taken is what its lines that are not live are paid; p_line is the live
one, or null.

Raises: MX114 if it is below what is paid elsewhere, or refunded; MX503 if money in dispute would move; MX510 if the
fixed shares of its split would be more than the order.
$$;
