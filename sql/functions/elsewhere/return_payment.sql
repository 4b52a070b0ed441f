create function mixpay.return_payment(
    p_merchant_id text, p_payment_no text, p_return_no text, p_reason text, p_amount bigint default null,
    p_returned_at timestamptz default null
) returns mixpay.return
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $return_payment$
declare
    v_trade trades;
    v_payment payments;
    v_return returns;
    v_why text := format('returned: %s', p_return_no);
    v_fact fact;
    v_surplus bigint;
begin
    perform _check_number('return_no', p_return_no), _check_text('reason', p_reason);
    perform _check_past('returned_at', p_returned_at);
    if p_amount is not null then
        perform _check_amount('amount', p_amount);
    end if;
    perform _lock_orders_of_payment(p_merchant_id, p_payment_no);
    v_trade := _lock_trade_of_payment(p_merchant_id, p_payment_no);
    v_payment := _payment_that_arrived(p_merchant_id, p_payment_no);
    -- All of it is what earlier returns have left.
    insert into returns (merchant_id, return_no, payment_no, amount, reason, returned_at)
    select p_merchant_id, p_return_no, p_payment_no, a.amount, p_reason, coalesce(p_returned_at, now())
    from (
        select coalesce(p_amount, v_payment.amount - (
            select coalesce(sum(x.amount), 0) from returns as x
            where x.merchant_id = p_merchant_id and x.payment_no = p_payment_no
        )) as amount
    ) as a
    where a.amount > 0
    on conflict do nothing
    returning * into v_return;
    if not found then
        v_return := _reason_later(
            _same_return(v_trade, p_payment_no, p_return_no, p_amount, p_returned_at), 'return_no', p_reason
        );
        return row(v_return.*)::return;
    end if;
    v_fact := _fact(v_trade, 'return', p_return_no, '', 'returned');
    v_fact.payment_no := p_payment_no;
    v_fact.reason := p_reason;
    v_fact.happened_at := v_return.returned_at;
    v_trade := _free_surplus(_post(v_trade, array[v_fact]), p_payment_no, v_return.amount, v_why);
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    v_surplus := least(v_return.amount, v_payment.surplus - v_payment.surplus_refunded);
    v_return.unapplied := least(
        v_return.amount - v_surplus, v_payment.applied - (v_payment.refunded - v_payment.surplus_refunded)
    );
    v_return.lost := v_return.amount - v_surplus - v_return.unapplied;
    update returns set unapplied = v_return.unapplied, lost = v_return.lost
    where merchant_id = p_merchant_id and return_no = p_return_no;
    v_trade := _take_returned(
        v_trade, v_return, _loss(v_fact, v_payment, v_return.lost), v_surplus,
        _lines_to_take(v_trade, v_return.unapplied, null), v_return.returned_at
    );
    if v_surplus > 0 then
        v_trade := _rest_of_surplus(v_trade, p_payment_no, p_return_no, null);
    end if;
    v_trade := _leave_to_a_person(v_trade, p_payment_no, v_why);
    return row(v_return.*)::return;
end;
$return_payment$;

comment on function mixpay.return_payment(text, text, text, text, bigint, timestamptz) is
$$Books that money of a payment came back because it had never been the buyer's to give (a debit, a cheque, a transfer,
a terminal's batch), once per return number: what it paid is to be paid again.

p_amount is in the currency's smallest unit; if left out, it is all that arrived and that no earlier return took.
p_returned_at is when the channel took it; if left out, now.

The payment's surplus goes first, if it was not sent back. Then goes what the trade needed of the payment and did not
refund. It is taken from the orders in reverse of how money fills them: from the last one that is paid first (fifo), or
from all by what they have (pro_rata). A trade that was paid is open again, and does not expire. If an order was merged
elsewhere meanwhile, it is payable there, and its line here is reduced to what is still paid of it. In a closed trade,
what stayed on its orders is reduced. What had been given back before is lost: a movement from account loss, on
loss_list.

If a channel refund of the payment is not sent yet, it waits for a person, for the reason "returned:" and the number.
Fail it, and its money covers what is lost; or redirect it, and it is sent after all. Money that moved is booked, even
if it is more than what arrived.

The same number with the same content returns the return as it is now; the reason is not compared. What was left out at
first, the reason or the moment, may come later.
Locks: the orders of the payment's trade, in ascending order number; then the trade; then the splits of its orders, then
their totals, each in ascending order number.
Raises: MX101 if there is no such merchant; MX201 if there is no such payment; MX226 if it has not succeeded; MX221 if
the return number was used for something else; MX222 if no amount is named and all of it was returned before; MX901;
MX902; MX905.
$$;
