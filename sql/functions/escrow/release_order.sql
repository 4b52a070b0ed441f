create function mixpay.release_order(
    p_merchant_id text, p_order_no text, p_release_no text, p_amount bigint default null
) returns mixpay.release
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $release_order$
declare
    v_release releases;
    v_trades trades[];
    v_in_escrow bigint;
begin
    perform _check_number('release_no', p_release_no);
    if p_amount is not null then
        perform _check_amount('amount', p_amount);
    end if;
    v_trades := _lock_trades_of_order(p_merchant_id, p_order_no);
    select coalesce(sum(l.paid - l.refunded - l.cleared), 0)::bigint into v_in_escrow
    from trade_orders as l
    where
        l.merchant_id = p_merchant_id and l.order_no = p_order_no
        and l.trade_no = any (_trade_nos(v_trades));
    insert into releases (merchant_id, release_no, order_no, amount, was_due)
    select p_merchant_id, p_release_no, p_order_no, coalesce(p_amount, v_in_escrow), false
    where v_in_escrow > 0
    on conflict do nothing
    returning * into v_release;
    if not found then
        select * into v_release from releases where merchant_id = p_merchant_id and release_no = p_release_no;
        if found then
            if v_release.order_no <> p_order_no or v_release.amount <> p_amount or v_release.was_due then
                raise exception 'release number % was used for something else', p_release_no using
                    errcode = 'MX502',
                    detail = _on_record(json_build_object(
                        'order_no', v_release.order_no, 'amount', v_release.amount, 'was_due', v_release.was_due
                    ), json_build_object(
                        'order_no', p_order_no, 'amount', p_amount
                    )),
                    hint = 'Repeat a release with the same order and amount, or give it a number of its own.';
            end if;
            return row(v_release.*)::release;
        end if;
    end if;
    perform _refuse_dispute(p_merchant_id, p_order_no, 'Its money stays in escrow until close_dispute.');
    if exists (
        select from orders as o
        where
            o.merchant_id = p_merchant_id and o.order_no = p_order_no and o.payee_no is null
            and not exists (select from splits as s where s.merchant_id = p_merchant_id and s.order_no = p_order_no)
    ) then
        raise exception 'order % belongs to nobody to whom its money could be released', p_order_no using
            errcode = 'MX504',
            detail = 'It was merged without a payee, and it has no split.',
            hint = 'Merge orders with their payee_no, or divide this one with split_order.';
    end if;
    if v_in_escrow = 0 or p_amount > v_in_escrow then
        raise exception 'cannot release % of order %', coalesce(p_amount::text, 'anything'), p_order_no using
            errcode = 'MX501',
            detail = format('%s of it is in escrow.', v_in_escrow),
            hint = 'Release at most what is in escrow. See mixpay.order_balances.';
    end if;
    perform _release(v_release, v_trades);
    return row(v_release.*)::release;
end;
$release_order$;

comment on function mixpay.release_order(text, text, text, bigint) is
$$Releases money of an order from escrow, once per release number: it becomes its payee's, or is divided by its split.

p_amount is in the currency's smallest unit, at most what is in escrow; if left out, all of that. The order's first
trade goes first. The same number with the same content returns the release.
Locks: the order's trades, in ascending trade number; then its split.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX501 if nothing is in escrow, or less
than is asked; MX502 if the release number was used for something else; MX503 if a dispute is open; MX504 if the order
has neither payee nor split; MX901; MX902.
$$;
