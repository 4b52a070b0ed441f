create function mixpay.adjust_account(
    p_merchant_id text, p_account text, p_adjustment_no text, p_amount bigint, p_currency text, p_reason text,
    p_against text default 'fee:adjustment'
) returns mixpay.adjustment
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $adjust_account$
declare
    v_account account_name;
    v_against account_name;
    v_adjustment adjustments;
    v_fact fact;
begin
    perform _check_number('adjustment_no', p_adjustment_no);
    perform _check_signed_amount('amount', p_amount);
    perform _check_text('reason', p_reason);
    perform _check_merchant(p_merchant_id);
    v_account := _parse_adjustable(p_merchant_id, 'account', p_account);
    v_against := _parse_adjustable(p_merchant_id, 'against', p_against);
    perform _check_currency(p_currency);
    if v_account = v_against then
        raise exception 'an account is not adjusted against itself' using
            errcode = 'MX401',
            detail = format('Both are %s.', p_account),
            hint = 'Say as p_against where the money comes from; left out, it is fee:adjustment.';
    end if;
    insert into adjustments (
        merchant_id, adjustment_no, account, owner, against_account, against_owner, amount, currency, reason
    ) values (
        p_merchant_id, p_adjustment_no, v_account.account, v_account.owner, v_against.account, v_against.owner,
        p_amount, p_currency, p_reason
    )
    on conflict do nothing
    returning * into v_adjustment;
    if found then
        v_fact := _recorded_fact(
            p_merchant_id, 'adjustment', p_adjustment_no, v_against, v_account, p_amount, p_currency
        );
        v_fact.reason := v_adjustment.reason;
        perform _write_facts(array[v_fact], 0);
        return row(v_adjustment.*)::adjustment;
    end if;
    select * into v_adjustment from adjustments
    where merchant_id = p_merchant_id and adjustment_no = p_adjustment_no;
    if (
        v_adjustment.account, v_adjustment.owner, v_adjustment.against_account, v_adjustment.against_owner,
        v_adjustment.amount, v_adjustment.currency
    ) is distinct from (
        v_account.account, v_account.owner, v_against.account, v_against.owner, p_amount, p_currency
    ) then
        raise exception 'adjustment number % was used for something else', p_adjustment_no using
            errcode = 'MX412',
            detail = _on_record(json_build_object(
                'account', v_adjustment.account || ':' || v_adjustment.owner, 'amount', v_adjustment.amount,
                'currency', v_adjustment.currency,
                'against', v_adjustment.against_account || ':' || v_adjustment.against_owner
            ), json_build_object(
                'account', v_account.account || ':' || v_account.owner, 'amount', p_amount, 'currency', p_currency,
                'against', v_against.account || ':' || v_against.owner
            )),
            hint = 'Repeat an adjustment with the same content, or give it a number of its own.';
    end if;
    v_adjustment := _reason_later(v_adjustment, 'adjustment_no', p_reason);
    return row(v_adjustment.*)::adjustment;
end;
$adjust_account$;

comment on function mixpay.adjust_account(text, text, text, bigint, text, text, text) is
$$Moves money between two accounts because you say so, once per adjustment number: a fine, a bonus, cash that a seller
took.

p_account is payee:, receiver:, fee:, channel_fee:, channel:, bank:, loss: or rounding: and the owner's name. p_amount
is in the smallest unit of p_currency. If it is above zero, p_account gets it from p_against; if below zero, p_against
gets it from p_account. If left out, p_against is fee:adjustment: the merchant bears it, or earns it. If a seller took
300 in cash, adjust payee:S by -300 against channel:cash, which then owes us that much less.

A payee or receiver may go below zero; settlements pay adjustments out, and net them, like anything else that was
written to the account. A channel and a bank are below zero by what they have of ours, so whatever their account gets
makes that less. To take an adjustment back, adjust by the opposite amount, under another number.

The same number with the same content returns the same row; the reason is not compared, and may come later.
Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX110 if there is no such currency; MX203
if there is no such channel; MX401 if there is no account of such a name that can be adjusted, or both are the same;
MX407 if no split names the receiver; MX412 if the adjustment number was used for something else; MX901; MX902; MX905.
$$;
