create function mixpay.record_channel_fee(
    p_merchant_id text, p_channel text, p_fee_no text, p_amount bigint, p_currency text,
    p_payment_no text default null, p_reason text default null, p_charged_at timestamptz default null
) returns mixpay.channel_fee
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $record_channel_fee$
declare
    v_trade_no text;
    v_currency text;
    v_fee channel_fees;
    v_fact fact;
    v_is_same boolean;
begin
    perform _check_number('fee_no', p_fee_no);
    perform _check_signed_amount('amount', p_amount);
    perform _check_text('reason', p_reason);
    perform _check_past('charged_at', p_charged_at);
    perform _check_merchant(p_merchant_id);
    perform _check_channel(p_channel);
    perform _check_currency(p_currency);
    if p_payment_no is not null then
        select trade_no into v_trade_no from payments
        where merchant_id = p_merchant_id and payment_no = p_payment_no;
        if not found then
            perform _check_number('payment_no', p_payment_no);
            raise exception 'there is no payment %', p_payment_no using
                errcode = 'MX201',
                detail = format('Merchant %s has none of this number.', p_merchant_id),
                hint = 'Leave it out if the fee is for no single payment.';
        end if;
        select currency into v_currency from trades where merchant_id = p_merchant_id and trade_no = v_trade_no;
        if v_currency <> p_currency then
            raise exception 'a fee is not in the currency of its payment' using
                errcode = 'MX416',
                detail = format('Payment %s is in %s, the fee in %s.', p_payment_no, v_currency, p_currency),
                hint = 'Leave the payment out if the channel took the fee in another currency.';
        end if;
    end if;
    insert into channel_fees (
        merchant_id, fee_no, channel, amount, currency, payment_no, reason, charged_at
    ) values (
        p_merchant_id, p_fee_no, p_channel, p_amount, p_currency, p_payment_no, p_reason, coalesce(p_charged_at, now())
    )
    on conflict do nothing
    returning * into v_fee;
    if found then
        v_fact := _recorded_fact(
            p_merchant_id, 'channel_fee', p_fee_no, row('channel_fee', p_channel)::account_name,
            row('channel', p_channel)::account_name, p_amount, p_currency
        );
        v_fact.payment_no := p_payment_no;
        v_fact.reason := p_reason;
        v_fact.happened_at := v_fee.charged_at;
        perform _write_facts(array[v_fact], 0);
        return row(v_fee.*)::channel_fee;
    end if;
    select * into v_fee from channel_fees where merchant_id = p_merchant_id and fee_no = p_fee_no;
    v_is_same := (v_fee.channel, v_fee.amount, v_fee.currency)
        is not distinct from (p_channel, p_amount, p_currency)
        and v_fee.payment_no is not distinct from coalesce(p_payment_no, v_fee.payment_no);
    if v_is_same then
        v_fee := _moment_later(v_fee, 'fee_no', 'channel_fee', 'charged_at', p_charged_at);
    end if;
    if not v_is_same or _is_another_moment(v_fee.charged_at, p_charged_at) then
        raise exception 'channel fee number % was used for something else', p_fee_no using
            errcode = 'MX413',
            detail = _on_record(json_build_object(
                'channel', v_fee.channel, 'amount', v_fee.amount, 'currency', v_fee.currency,
                'payment_no', v_fee.payment_no, 'charged_at', v_fee.charged_at
            ), json_build_object(
                'channel', p_channel, 'amount', p_amount, 'currency', p_currency, 'payment_no', p_payment_no,
                'charged_at', p_charged_at
            )),
            hint = 'Repeat a fee with the same content, or give it a number of its own.';
    end if;
    v_fee := _reason_later(v_fee, 'fee_no', p_reason);
    return row(v_fee.*)::channel_fee;
end;
$record_channel_fee$;

comment on function mixpay.record_channel_fee(text, text, text, bigint, text, text, text, timestamptz) is
$$Records what a channel took for its service, once per fee number: it owes us that much less.

p_amount is in the smallest unit of p_currency; below zero, the channel gave it back, as some do when a payment is
refunded. p_payment_no says which payment it is for; if left out, it is for no single one. p_charged_at is when; if left
out, now. The money moves from channel_fee: to channel: of this name. The same account has what splits set aside for the
channel's fee, so the fee uses that up. If the channel takes more than that, the account is below zero: that is the
merchant's cost. The same number with the same content returns the same row; the reason is not compared. What was left
out at first, the reason or the moment, may come later.
Raises: MX101 if there is no such merchant; MX110 if there is no such currency; MX201 if there is no such payment; MX203
if there is no such channel; MX413 if the fee number was used for something else; MX416 if the payment is in another
currency; MX901; MX902; MX905.
$$;
