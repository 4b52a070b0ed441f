create function mixpay.open_dispute(
    p_merchant_id text, p_order_no text, p_dispute_no text, p_reason text default null
) returns mixpay.dispute
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $open_dispute$
declare
    v_dispute disputes;
    v_trades trades[];
    v_trade trades;
begin
    perform _check_number('dispute_no', p_dispute_no);
    perform _check_text('reason', p_reason);
    v_trades := _lock_trades_of_order(p_merchant_id, p_order_no);
    insert into disputes (merchant_id, dispute_no, order_no, reason)
    values (p_merchant_id, p_dispute_no, p_order_no, p_reason)
    on conflict do nothing
    returning * into v_dispute;
    if found then
        foreach v_trade in array v_trades loop
            -- All of them are written: a release under REPEATABLE READ that cannot see the dispute must find its trade
            -- changed. The dispute itself is said in the first one.
            v_trade := _post(v_trade, case
                when v_trade.trade_no = _first_trade_no(p_merchant_id, p_order_no) then array[_fact(
                    v_trade, 'dispute', p_dispute_no, '', 'open', p_order_no => p_order_no, p_reason => p_reason
                )] else '{}'
            end);
        end loop;
        return row(v_dispute.*)::dispute;
    end if;
    select * into v_dispute from disputes where merchant_id = p_merchant_id and dispute_no = p_dispute_no;
    if not found then
        perform _refuse_dispute(
            p_merchant_id, p_order_no, 'An order has one open dispute at a time. Close that one first.'
        );
    end if;
    if v_dispute.order_no <> p_order_no then
        raise exception 'dispute number % was used for something else', p_dispute_no using
            errcode = 'MX506',
            detail = _on_record(json_build_object(
                'order_no', v_dispute.order_no, 'state', v_dispute.state
            ), json_build_object(
                'order_no', p_order_no
            )),
            hint = 'Give the dispute a number of its own.';
    end if;
    v_dispute := _reason_later(v_dispute, 'dispute_no', p_reason);
    return row(v_dispute.*)::dispute;
end;
$open_dispute$;

comment on function mixpay.open_dispute(text, text, text, text) is
$$Stops the release of an order's money, by call or because it is due, until close_dispute.

The order cannot be cancelled either, because that would give its money to other orders. Money may still go back to the
buyer, by refunds and by the closing or expiry of the order's trade. The same number for the same order returns the
dispute as it is now; the reason is not compared, and may come later.
Locks: the order's trades, in ascending trade number.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX503 if another dispute of it is open;
MX506 if the dispute number was used for another order; MX901; MX905.
$$;
