create function mixpay.start_payment(
    p_merchant_id text, p_trade_no text, p_payment_no text, p_amount bigint,
    p_channel text default null, p_method text default null
) returns mixpay.payment
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $start_payment$
declare
    v_trade trades;
    v_payment payments;
    v_route route_choice;
    v_reason text;
begin
    perform _check_number('payment_no', p_payment_no);
    perform _check_amount('amount', p_amount);
    if p_method is not null then
        perform _check_number('method', p_method);
    end if;
    v_trade := _lock_trade(p_merchant_id, p_trade_no);
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    if found then
        if (v_payment.trade_no, v_payment.asked, v_payment.recorded) <> (p_trade_no, p_amount, false)
            or v_payment.channel <> p_channel
            or (p_method is not null and p_method is distinct from v_payment.method) then
            perform _refuse_payment_no(v_payment, json_build_object(
                'call', 'start_payment', 'trade_no', p_trade_no, 'amount', p_amount, 'channel', p_channel,
                'method', p_method
            ));
        end if;
        return row(v_payment.*)::payment;
    end if;
    if v_trade.state <> 'open' then
        raise exception 'trade % is not open', p_trade_no using
            errcode = 'MX204',
            detail = format('It is %s.', v_trade.state),
            hint = 'Start no attempt. Money that has arrived is recorded with record_payment.';
    end if;
    if v_trade.expires_at <= now() then
        raise exception 'trade % has expired', p_trade_no using
            errcode = 'MX205',
            detail = format('It expired at %s.', v_trade.expires_at),
            hint = 'Merge its orders again, under a new number. Record money that has arrived with record_payment.';
    end if;
    if p_amount > v_trade.amount - v_trade.paid then
        raise exception 'trade % lacks less than that', p_trade_no using
            errcode = 'MX206',
            detail = format('%s is asked; of %s, %s is paid and %s is lacking.',
                p_amount, v_trade.amount, v_trade.paid, v_trade.amount - v_trade.paid),
            hint = 'Start an attempt for what is lacking at most.';
    end if;
    if p_channel is not null then
        perform _check_channel(p_channel);
    else
        select * into v_route from explain_route(
            p_merchant_id, coalesce(p_method, '-'), v_trade.currency, p_amount, p_payment_no
        ) where p_method is not null and chosen;
        if not found then
            raise exception 'no route leads from this method to a channel' using
                errcode = 'MX210',
                detail = format('The method is %s; of its routes, %s.',
                    _shown(p_method, ''''), _shown(coalesce(
                    (
                        select string_agg(format('%s: %s', channel, problem), '; ')
                        from explain_route(p_merchant_id, p_method, v_trade.currency, p_amount, p_payment_no)
                        where p_method is not null
                    ), 'there are none'
                ))),
                hint = 'Name the channel, or make a route with set_route. See explain_route.';
        end if;
        v_reason := format('route: %s to %s, priority %s, point %s of %s to %s', p_method, v_route.channel,
            v_route.priority, v_route.point, v_route.stands_from, v_route.stands_to);
    end if;
    insert into payments (merchant_id, payment_no, trade_no, channel, method, recorded, asked, state)
    values (
        p_merchant_id, p_payment_no, p_trade_no, coalesce(p_channel, v_route.channel), p_method, false, p_amount,
        'pending'
    )
    on conflict do nothing
    returning * into v_payment;
    if not found then
        select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
        perform _refuse_payment_no(v_payment, json_build_object(
            'call', 'start_payment', 'trade_no', p_trade_no, 'amount', p_amount, 'channel', p_channel,
            'method', p_method
        ));
    end if;
    v_trade := _post(v_trade, array[_fact(
        v_trade, 'payment', p_payment_no, '', 'pending', p_payment_no => p_payment_no, p_reason => v_reason
    )]);
    return row(v_payment.*)::payment;
end;
$start_payment$;

comment on function mixpay.start_payment(text, text, text, bigint, text, text) is
$$Starts an attempt to pay into a trade: the payment is pending until it succeeds, fails or is closed.

p_amount is in the currency's smallest unit, at most what the trade lacks. If no channel is named, the merchant's routes
say which one p_method uses; payment_routes says why. Any number of attempts may be pending. The same number with the
same content returns the payment as it is now.
Locks: the trade.
Raises: MX101 if there is no such merchant; MX104 if there is no such trade; MX202 if the payment number was used for
something else; MX203 if there is no such channel; MX204 if the trade is not open; MX205 if it has expired; MX206 if it
lacks less; MX210 if no channel is named and no route leads from the method to one; MX901; MX902.
$$;
