create function mixpay._release(p_release mixpay.releases, p_trade_nos text[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_release$
declare
    v_line record;
    v_event facts;
    v_left bigint := p_release.amount;
    v_part bigint;
begin
    v_event.merchant_id := p_release.merchant_id;
    v_event.entity := 'release';
    v_event.order_no := p_release.order_no;
    v_event.cause_no := p_release.release_no;
    v_event.from_state := '';
    v_event.to_state := 'released';
    for v_line in
        select trade_no, paid - refunded - cleared as held from trade_orders
        where
            merchant_id = p_release.merchant_id and order_no = p_release.order_no and trade_no = any (p_trade_nos)
            and paid - refunded > cleared
        order by nth
    loop
        if v_event.trade_no is null then
            v_event.trade_no := v_line.trade_no;
            perform _write_event(v_event);
        end if;
        v_part := least(v_left, v_line.held);
        perform _clear_line(
            p_release.merchant_id, v_line.trade_no, p_release.order_no, 'release', v_part, 0, v_event
        );
        v_left := v_left - v_part;
        exit when v_left = 0;
    end loop;
end;
$_release$;

comment on function mixpay._release(mixpay.releases, text[]) is $$
Moves what a stored release releases, the order's first trade first.

The caller holds the lock of these trades, and knows that they hold as much.
$$;
