create function mixpay.open_dispute(
    p_merchant_id text, p_order_no text, p_dispute_no text, p_reason text default null
) returns mixpay.disputes
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $open_dispute$
declare
    v_dispute disputes;
    v_trade_nos text[];
    v_event facts;
begin
    perform _check_number('dispute_no', p_dispute_no);
    perform _check_text('reason', p_reason);
    perform _check_order(p_merchant_id, p_order_no);
    v_trade_nos := _lock_trades_of_order(p_merchant_id, p_order_no);
    select * into v_dispute from disputes where merchant_id = p_merchant_id and dispute_no = p_dispute_no;
    if not found then
        select * into v_dispute from disputes
        where merchant_id = p_merchant_id and order_no = p_order_no and state = 'open';
        if found then
            raise exception 'order % is in dispute already', p_order_no using
                errcode = 'MX503',
                detail = format('Dispute %s is open since %s.', v_dispute.dispute_no, v_dispute.created_at),
                hint = 'An order has one open dispute at a time. Close that one first.';
        end if;
        insert into disputes (merchant_id, dispute_no, order_no, reason)
        values (p_merchant_id, p_dispute_no, p_order_no, p_reason)
        on conflict (merchant_id, dispute_no) do nothing
        returning * into v_dispute;
        if found then
            -- All of them: a release under REPEATABLE READ that cannot see the dispute must find its trade changed.
            update trades set last_entry = last_entry
            where merchant_id = p_merchant_id and trade_no = any (v_trade_nos);
            v_event.merchant_id := p_merchant_id;
            v_event.trade_no := (
                select trade_no from trade_orders
                where merchant_id = p_merchant_id and order_no = p_order_no and nth = 1
            );
            v_event.entity := 'dispute';
            v_event.order_no := p_order_no;
            v_event.cause_no := p_dispute_no;
            v_event.from_state := '';
            v_event.to_state := 'open';
            v_event.reason := p_reason;
            perform _write_event(v_event);
            return v_dispute;
        end if;
        -- Another order's dispute took the number while we looked.
        select * into v_dispute from disputes where merchant_id = p_merchant_id and dispute_no = p_dispute_no;
    end if;
    if v_dispute.order_no <> p_order_no then
        raise exception 'dispute number % was used for something else', p_dispute_no using
            errcode = 'MX506',
            detail = format('It is about order %s.', v_dispute.order_no),
            hint = 'Give the dispute a number of its own.';
    end if;
    return v_dispute;
end;
$open_dispute$;

comment on function mixpay.open_dispute(text, text, text, text) is $$
Holds back the release of an order's money, by call or because it is due, until close_dispute.

Refunds go on as ever. The same number for the same order returns the dispute as it is now; the reason is not compared.
Locks: the order's trades, in ascending trade number.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX503 if another dispute of it is open;
MX506 if the dispute number was used for another order; MX901; MX905.
$$;
