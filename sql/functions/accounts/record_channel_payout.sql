create function mixpay.record_channel_payout(
    p_merchant_id text, p_channel text, p_payout_no text, p_amount bigint, p_currency text,
    p_paid_at timestamptz default null, p_bank text default 'main'
) returns mixpay.channel_payout
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $record_channel_payout$
declare
    v_payout channel_payouts;
    v_fact fact;
    v_is_same boolean;
begin
    perform _check_number('payout_no', p_payout_no);
    perform _check_signed_amount('amount', p_amount);
    perform _check_past('paid_at', p_paid_at);
    perform _check_number('bank', p_bank);
    perform _check_merchant(p_merchant_id);
    perform _check_channel(p_channel);
    perform _check_currency(p_currency);
    insert into channel_payouts (merchant_id, payout_no, channel, amount, currency, bank, paid_at)
    values (p_merchant_id, p_payout_no, p_channel, p_amount, p_currency, p_bank, coalesce(p_paid_at, now()))
    on conflict do nothing
    returning * into v_payout;
    if found then
        v_fact := _recorded_fact(
            p_merchant_id, 'channel_payout', p_payout_no, row('bank', p_bank)::account_name,
            row('channel', p_channel)::account_name, p_amount, p_currency
        );
        v_fact.happened_at := v_payout.paid_at;
        perform _write_facts(array[v_fact], 0);
        return row(v_payout.*)::channel_payout;
    end if;
    select * into v_payout from channel_payouts where merchant_id = p_merchant_id and payout_no = p_payout_no;
    v_is_same := (v_payout.channel, v_payout.amount, v_payout.currency, v_payout.bank)
        is not distinct from (p_channel, p_amount, p_currency, p_bank);
    if v_is_same then
        v_payout := _moment_later(v_payout, 'payout_no', 'channel_payout', 'paid_at', p_paid_at);
    end if;
    if not v_is_same or _is_another_moment(v_payout.paid_at, p_paid_at) then
        raise exception 'channel payout number % was used for something else', p_payout_no using
            errcode = 'MX414',
            detail = _on_record(json_build_object(
                'channel', v_payout.channel, 'amount', v_payout.amount, 'currency', v_payout.currency,
                'bank', v_payout.bank, 'paid_at', v_payout.paid_at
            ), json_build_object(
                'channel', p_channel, 'amount', p_amount, 'currency', p_currency, 'bank', p_bank,
                'paid_at', p_paid_at
            )),
            hint = 'Repeat a payout with the same content, or give it a number of its own.';
    end if;
    return row(v_payout.*)::channel_payout;
end;
$record_channel_payout$;

comment on function mixpay.record_channel_payout(text, text, text, bigint, text, timestamptz, text) is
$$Records that a channel paid what it has of ours to our bank, once per payout number: the channel owes us that much
less, and the bank has it.

p_amount is in the smallest unit of p_currency; below zero, the bank paid the channel: money for refunds, or a payout
that came back. p_paid_at is when; if left out, now. p_bank is the bank account, by your name for it; settlements are
paid from bank accounts, too. More than the channel owes is not refused: mixpay.channel_balances shows it. The same
number with the same content returns the same row. A moment that was left out at first may come later.
Raises: MX101 if there is no such merchant; MX110 if there is no such currency; MX203 if there is no such channel; MX414
if the payout number was used for something else; MX901; MX902; MX905.
$$;
