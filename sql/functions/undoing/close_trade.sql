create function mixpay.close_trade(
    p_merchant_id text, p_trade_no text, p_reason text, p_keep_paid boolean default false
) returns mixpay.trade
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $close_trade$
declare
    v_trade trades;
    v_keep_paid boolean := coalesce(p_keep_paid, false);
begin
    perform _check_text('reason', p_reason);
    v_trade := _lock_trade(p_merchant_id, p_trade_no);
    if v_trade.state = 'paid' then
        raise exception 'trade % is paid', p_trade_no using
            errcode = 'MX112',
            detail = format('%s is paid and %s is refunded.', v_trade.paid, v_trade.refunded),
            hint = 'Nothing of it is open. Give money back with refund_order.';
    elsif v_trade.state = 'closed' and v_keep_paid and not v_trade.keeps_paid then
        raise exception 'trade % was closed without keeping what was paid', p_trade_no using
            errcode = 'MX113',
            detail = format('%s is paid of it and not refunded.', v_trade.paid - v_trade.refunded),
            hint = 'What went back is to be paid again: merge its orders into a new trade.';
    elsif v_trade.state = 'closed' and v_keep_paid = v_trade.keeps_paid then
        v_trade := _explain_later(v_trade, _fact(v_trade, 'trade', p_trade_no, 'closed', 'closed'), p_reason);
        return row(v_trade.*)::trade;
    end if;
    v_trade := _end_trade(v_trade, p_reason, v_keep_paid);
    return row(v_trade.*)::trade;
end;
$close_trade$;

comment on function mixpay.close_trade(text, text, text, boolean) is
$$Ends an open trade: its pending payments are closed, and its orders can be merged again at once.

Paid money goes back to its payments, the oldest first, as a refund of kind reversal, and the orders are to be paid
again. With p_keep_paid the money stays on the orders, and a later merge asks for the rest; null means false. A trade
that was closed with p_keep_paid may be closed again without it: then what is left goes back. Money that arrives later
is surplus. The same call again returns the trade as it is now; the reason is not compared, and may come later.
Locks: the trade; then its orders' splits, then their totals, each in ascending order number.
Raises: MX101 if there is no such merchant; MX104 if there is no such trade; MX112 if it is paid; MX113 if it was closed
without p_keep_paid and is to keep what was paid now; MX901; MX905.
$$;
