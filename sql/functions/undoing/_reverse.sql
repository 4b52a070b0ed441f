create function mixpay._reverse(
    p_trade mixpay.trades, p_facts mixpay.fact[], p_positions bigint[], p_amounts bigint[], p_reason text
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_reverse$
declare
    v_refund refunds;
    v_total bigint := (select sum(a) from unnest(p_amounts) as a);
begin
    v_refund.kind := 'reversal';
    v_refund.reason := p_reason;
    return _unapply(
        p_trade, p_facts, v_refund, p_positions, p_amounts, '{}',
        _take_oldest(p_trade, v_total, null), null, null
    );
end;
$_reverse$;

comment on function mixpay._reverse(mixpay.trades, mixpay.fact[], bigint[], bigint[], text) is
$$Un-applies money of a trade, the oldest first: what these lines are paid becomes surplus of the payments that it came
by, and goes back to them as one refund of kind reversal. Of a cancelled line the amount falls, too.

p_amounts are in the smallest unit, for each of the p_positions at most what is paid of the line and not refunded.
p_trade is the locked trade as its caller has changed it, and p_facts say why; both are written with the rest. Returns
the trade as it is then.
Locks: the splits of the trade's orders, then their totals, each in ascending order number.
$$;
