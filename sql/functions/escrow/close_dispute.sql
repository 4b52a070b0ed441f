create function mixpay.close_dispute(
    p_merchant_id text, p_dispute_no text, p_outcome text, p_reason text default null, p_amount bigint default null
) returns mixpay.dispute
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $close_dispute$
declare
    v_dispute disputes;
    v_trades trades[];
    v_trade trades;
    v_amount bigint := p_amount;
    v_refund refunds;
begin
    perform _check_choice('outcome', p_outcome, array['buyer', 'payee']);
    perform _check_text('reason', p_reason);
    if p_amount is not null then
        perform _check_amount('amount', p_amount);
        if p_outcome = 'payee' then
            raise exception 'nothing goes back in favour of the payee' using
                errcode = 'MX905',
                detail = format('The amount is %s.', p_amount),
                hint = 'Leave it out. What is in escrow is released by its date, or by release_order.';
        end if;
    end if;
    select * into v_dispute from disputes where merchant_id = p_merchant_id and dispute_no = p_dispute_no;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('dispute_no', p_dispute_no);
        raise exception 'there is no dispute %', p_dispute_no using
            errcode = 'MX505',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'See mixpay.dispute_list.';
    end if;
    v_trades := _lock_trades_of_order(p_merchant_id, v_dispute.order_no);
    select * into v_dispute from disputes where merchant_id = p_merchant_id and dispute_no = p_dispute_no;
    if v_dispute.state = 'closed' then
        if v_dispute.outcome <> p_outcome or (p_amount is not null and not exists (
            select from refunds as r
            where r.merchant_id = p_merchant_id and r.refund_no = v_dispute.refund_no and r.amount = p_amount
        )) then
            raise exception 'dispute % was decided otherwise', p_dispute_no using
                errcode = 'MX507',
                detail = _on_record(json_build_object(
                    'outcome', v_dispute.outcome, 'refund_no', v_dispute.refund_no, 'amount', (
                        select r.amount from refunds as r
                        where r.merchant_id = p_merchant_id and r.refund_no = v_dispute.refund_no
                    ), 'closed_at', v_dispute.closed_at
                ), json_build_object('outcome', p_outcome, 'amount', p_amount)),
                hint = 'What was decided stays so. Open a new dispute, or refund the order.';
        end if;
        perform _reason_later(r, 'refund_no', p_reason) from refunds as r
        where r.merchant_id = p_merchant_id and r.refund_no = v_dispute.refund_no;
        v_dispute := _reason_later(v_dispute, 'dispute_no', p_reason, 'closing_reason');
        return row(v_dispute.*)::dispute;
    end if;
    if p_outcome = 'buyer' and p_amount is null then
        select sum(l.paid - l.refunded - l.cleared) into v_amount from trade_orders as l
        where
            l.merchant_id = p_merchant_id and l.order_no = v_dispute.order_no
            and l.trade_no = any (_trade_nos(v_trades));
    end if;
    if v_amount > 0 then
        insert into refunds (merchant_id, refund_no, kind, order_no, amount, reason)
        values (p_merchant_id, _new_number(clock_timestamp(), 0), 'order', v_dispute.order_no, v_amount, p_reason)
        returning * into v_refund;
        v_refund := _give_back(v_trades, v_refund);
    end if;
    update disputes
    set
        state = 'closed', outcome = p_outcome, closing_reason = p_reason, refund_no = v_refund.refund_no,
        closed_at = now()
    where merchant_id = p_merchant_id and dispute_no = p_dispute_no
    returning * into v_dispute;
    -- Where its beginning stands, too.
    select * into v_trade from trades
    where merchant_id = p_merchant_id and trade_no = _first_trade_no(p_merchant_id, v_dispute.order_no);
    v_trade := _post(v_trade, array[_fact(
        v_trade, 'dispute', p_dispute_no, 'open', 'closed', p_order_no => v_dispute.order_no, p_reason => p_reason
    )]);
    return row(v_dispute.*)::dispute;
end;
$close_dispute$;

comment on function mixpay.close_dispute(text, text, text, text, bigint) is
$$Decides a dispute in favour of the buyer or of the payee (p_outcome).

With p_outcome buyer, p_amount goes back, in the currency's smallest unit; if left out, all that is in escrow. The
refund gets a number of our own, which the dispute names. With payee, the money is released when it is due, or by
release_order. A repetition with the same outcome returns the dispute; the reason is not compared, and may come later.
Locks: the order's trades, in ascending trade number; then its split, then its totals.
Raises: MX101 if there is no such merchant; MX301 if more is to go back than is left of the order; MX505 if there is no
such dispute; MX507 if it was decided otherwise; MX901; MX902; MX905.
$$;
