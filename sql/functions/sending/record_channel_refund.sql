create function mixpay.record_channel_refund(
    p_merchant_id text, p_order_no text, p_refund_no text, p_amount bigint, p_payment_no text,
    p_channel_txn_no text default null, p_refunded_at timestamptz default null, p_reason text default null
) returns mixpay.refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off set enable_hashjoin = off set enable_mergejoin = off
as $record_channel_refund$
declare
    v_trades trades[];
    v_refund refunds;
    v_payment record;
    v_channel_refund_no text;
    v_sent json;
begin
    perform _check_number('refund_no', p_refund_no), _check_amount('amount', p_amount);
    perform _check_number('payment_no', p_payment_no), _check_past('refunded_at', p_refunded_at);
    perform _check_text('reason', p_reason), _check_channel_txn_no('channel_txn_no', p_channel_txn_no);
    v_trades := _lock_trades_of_order(p_merchant_id, p_order_no);
    insert into refunds (merchant_id, refund_no, kind, order_no, amount, succeeded, state, payment_nos, reason)
    values (
        p_merchant_id, p_refund_no, 'order', p_order_no, p_amount, p_amount, 'succeeded', array[p_payment_no], p_reason
    )
    on conflict do nothing
    returning * into v_refund;
    if found then
        select p.channel, least(p.applied - (p.refunded - p.surplus_refunded), l.paid - l.refunded) as refundable
        into v_payment
        from (
            select * from payments as x
            where x.merchant_id = p_merchant_id and x.payment_no = p_payment_no
            limit 1
        ) as p
        cross join lateral (
            select * from trade_orders as x
            where x.merchant_id = p_merchant_id and x.order_no = p_order_no and x.trade_no = p.trade_no
            limit 1
        ) as l;
        if p_amount > v_payment.refundable then
            raise exception 'more went back by payment % than order % has left', p_payment_no, p_order_no using
                errcode = 'MX301',
                detail = format('%s went back, and %s can be refunded.', p_amount, v_payment.refundable),
                hint = 'One of mixpay.channel_refund_list? Complete that one. Else charge_back_payment books it.';
        end if;
        v_refund := _give_back(v_trades, v_refund, v_payment.channel, coalesce(p_refunded_at, now()));
        update channel_refunds set channel_txn_no = p_channel_txn_no
        where merchant_id = p_merchant_id and refund_no = p_refund_no and payment_no = p_payment_no;
        return row(v_refund.*)::refund;
    end if;
    v_sent := json_build_object(
        'kind', 'order', 'order_no', p_order_no, 'amount', p_amount, 'payment_nos', p_payment_no,
        'refunded_at', p_refunded_at
    );
    v_refund := _same_refund(p_merchant_id, p_refund_no, 'order', p_order_no, p_amount, v_sent);
    if v_refund.payment_nos is distinct from array[p_payment_no] then
        perform _refuse_refund_no(v_refund, v_sent);
    end if;
    -- The notice again, with a number that was not known before, or of a refund that was asked for here.
    select c.channel_refund_no into v_channel_refund_no from channel_refunds as c
    where c.merchant_id = p_merchant_id and c.refund_no = p_refund_no and c.payment_no = p_payment_no
    order by c.channel_refund_no
    limit 1;
    perform complete_channel_refund(p_merchant_id, v_channel_refund_no, p_channel_txn_no, p_refunded_at);
    select * into v_refund from refunds where merchant_id = p_merchant_id and refund_no = p_refund_no;
    v_refund := _reason_later(v_refund, 'refund_no', p_reason);
    return row(v_refund.*)::refund;
end;
$record_channel_refund$;

comment on function mixpay.record_channel_refund(text, text, text, bigint, text, text, timestamptz, text) is
$$Records that a channel has sent money of a payment back by itself, once per refund number: somebody refunded it in its
dashboard, or at the terminal.

p_amount is in the currency's smallest unit. The refund goes through the payment's own channel, whatever the channel's
rules about refunds are, and succeeds at once: no worker ever claims it. p_channel_txn_no is the channel's number of the
transfer, null if it has none or is not known yet. p_refunded_at is when; if left out, now. The order's refundable
amount falls by it, and payee and receivers give back, as with any refund.

If more was sent back than the order has left of the payment, it is no refund of the order: book it by
charge_back_payment, which says what of it is lost.

The same number with the same content returns the refund as it is now; a notice that comes again, or brings the
channel's number or the moment later, is booked as complete_channel_refund does. So is a notice with the number of a
refund that was asked for here. The reason is not compared, and may come later.
Locks: the order's trades, in ascending trade number; then its split, then its totals, or what complete_channel_refund
locks.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX301 if more went back than is left; MX302
if the refund number was used for something else; MX303; MX304 if another transaction or moment is on record; MX306 if
the payment is none of the order's; MX901; MX902; MX905.
$$;
