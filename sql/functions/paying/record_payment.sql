create function mixpay.record_payment(
    p_merchant_id text, p_trade_no text, p_payment_no text, p_channel text, p_amount bigint,
    p_paid_at timestamptz default null, p_channel_txn_no text default null, p_captures text default null
) returns mixpay.payment
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $record_payment$
declare
    v_trade trades;
    v_payment payments;
    v_applied bigint;
begin
    -- Only what looks wrong is asked one by one what it is.
    if (
        length(p_payment_no) <= 64 and p_payment_no ~ '^[!-~]+$' and p_amount between 1 and 1000000000000000
        and (p_channel_txn_no is null or (length(p_channel_txn_no) <= 64 and p_channel_txn_no ~ '^[!-~]+$'))
        and p_paid_at is null
    ) is not true then
        perform
            _check_number('payment_no', p_payment_no), _check_amount('amount', p_amount),
            _check_past('paid_at', p_paid_at), _check_channel_txn_no('channel_txn_no', p_channel_txn_no);
    end if;
    v_trade := _lock_trade(p_merchant_id, p_trade_no);
    if p_captures is not null then
        perform _check_captured(p_merchant_id, p_captures, p_trade_no, p_channel);
    end if;
    -- A trade that is not open needs nothing.
    v_applied := case when v_trade.state = 'open' then least(p_amount, v_trade.amount - v_trade.paid) else 0 end;
    insert into payments (
        merchant_id, payment_no, trade_no, channel, recorded, asked, amount, applied, surplus,
        state, channel_txn_no, paid_at, seq, captures, txn_day
    )
    select
        p_merchant_id, p_payment_no, p_trade_no, c.channel, true, p_amount, p_amount, v_applied, p_amount - v_applied,
        'succeeded', p_channel_txn_no, coalesce(p_paid_at, now()), v_trade.last_seq + 1, p_captures,
        case when p_channel_txn_no is not null then _number_day(c, coalesce(p_paid_at, now())) end
    from channels as c where c.channel = p_channel
    on conflict do nothing
    returning * into v_payment;
    if not found then
        select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
        if not found then
            perform _check_channel(p_channel);
            perform _refuse_channel_txn_no(p_merchant_id, p_channel, p_channel_txn_no, coalesce(p_paid_at, now()));
        end if;
        if (v_payment.trade_no, v_payment.channel, v_payment.asked, v_payment.recorded)
            is distinct from (p_trade_no, p_channel, p_amount, true)
            or (
                _is_another_moment(v_payment.paid_at, p_paid_at)
                and not _was_assumed(v_trade, 'payment', p_payment_no, v_payment.paid_at)
            )
            or (p_captures is not null and p_captures is distinct from v_payment.captures)
            or p_channel_txn_no <> v_payment.channel_txn_no then
            perform _refuse_payment_no(v_payment, json_build_object(
                'call', 'record_payment', 'trade_no', p_trade_no, 'amount', p_amount, 'channel', p_channel,
                'paid_at', p_paid_at, 'channel_txn_no', p_channel_txn_no, 'captures', p_captures
            ));
        end if;
        v_payment := _learn_of_payment(v_trade, v_payment, p_channel_txn_no, p_paid_at);
        return row(v_payment.*)::payment;
    end if;
    v_payment := _apply_payment(v_trade, v_payment, '');
    return row(v_payment.*)::payment;
end;
$record_payment$;

comment on function mixpay.record_payment(text, text, text, text, bigint, timestamptz, text, text) is
$$Records money that is already there: paid offline, by a synchronous channel, or entered late.

p_amount is in the currency's smallest unit. Money is never refused: what the trade does not need becomes the payment's
surplus and goes back to it. p_paid_at is when the money arrived; if left out, now; refunds take the oldest money first.
If this is a further capture of an authorization, p_captures names the payment that was authorized.

The same number with the same content returns the payment as it is now; the number of a payment that was started is
refused. p_channel_txn_no is the channel's own number, null if it has none or is not known yet. The number and the
moment, if they were left out at first, may come later by the same call; refunds go by that moment from then on.
Locks: the trade; then its orders' splits, then their totals, each in ascending order number.
Raises: MX101 if there is no such merchant; MX104 if there is no such trade; MX202 if the payment number was used for
something else; MX203 if there is no such channel; MX207 if the channel transaction is another payment's; MX212 if
p_captures names no authorized payment of the trade and the channel; MX901; MX902; MX905.
$$;
