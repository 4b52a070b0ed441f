create function mixpay.refund_order(
    p_merchant_id text, p_order_no text, p_refund_no text, p_amount bigint,
    p_reason text default null, p_payment_nos text[] default null
) returns mixpay.refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off set enable_hashjoin = off set enable_mergejoin = off
as $refund_order$
declare
    v_payment_nos text[];
    v_refund refunds;
begin
    -- Only what looks wrong is asked one by one what it is.
    if (
        length(p_refund_no) <= 64 and p_refund_no ~ '^[!-~]+$' and p_amount between 1 and 1000000000000000
        and p_reason is null
    ) is not true then
        perform
            _check_number('refund_no', p_refund_no), _check_amount('amount', p_amount), _check_text('reason', p_reason);
    end if;
    if p_payment_nos is not null then
        perform _check_payment_nos('payment_nos', p_payment_nos);
        v_payment_nos := array(select unnest(p_payment_nos));  -- counted from 1, whatever the caller's array is
    end if;
    v_refund := _refund_once(
        _lock_trades_of_order(p_merchant_id, p_order_no),
        p_merchant_id, p_order_no, p_refund_no, p_amount, p_reason, v_payment_nos
    );
    return row(v_refund.*)::refund;
end;
$refund_order$;

comment on function mixpay.refund_order(text, text, text, bigint, text, text[]) is
$$Refunds an amount of an order, once per refund number: all of it or nothing.

p_amount is in the currency's smallest unit, at most what the order is paid minus what it is refunded. The money comes
from the payments of the order's trades, first in, first out, the order's first trade first. Each payment's part goes
back through its own channel, as a channel refund. A worker claims it; if the channel is offline, a person hands the
money over and ends it. With p_payment_nos the money comes from these payments instead, in that order; the choice stays
on record. The same number with the same content returns the refund as it is now; the reason is not compared, and may
come later.
Locks: the order's trades, in ascending trade number; then its split, then its totals.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX301 if more is asked than is left; MX302
if the refund number was used for something else; MX306 if the named payments have too little of the order or are none
of the order's; MX901; MX902; MX904; MX905.
$$;
