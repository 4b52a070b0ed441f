create function mixpay.record_repayment(
    p_merchant_id text, p_account text, p_repayment_no text, p_amount bigint, p_currency text,
    p_repaid_at timestamptz default null, p_reason text default null,
    p_bank text default 'main'
) returns mixpay.repayment
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $record_repayment$
declare
    v_account account_name;
    v_repayment repayments;
    v_fact fact;
    v_is_same boolean;
begin
    perform _check_number('repayment_no', p_repayment_no);
    perform _check_amount('amount', p_amount);
    perform _check_past('repaid_at', p_repaid_at);
    perform _check_text('reason', p_reason);
    perform _check_number('bank', p_bank);
    perform _check_merchant(p_merchant_id);
    v_account := _parse_account(p_account);
    if v_account.owner is null or v_account.account not in ('payee', 'receiver', 'fee', 'channel_fee') then
        raise exception 'nobody repays to this account' using
            errcode = 'MX401',
            detail = format('It is %s.', _shown(p_account, '''')),
            hint = 'Say payee:S1, or receiver:, fee: or channel_fee: and whose.';
    end if;
    if v_account.account = 'payee' then
        perform _check_payee(p_merchant_id, v_account.owner);
    else
        -- A fee's or a channel's account may also be there without a split.
        if not exists (
            select from adjustments
            where merchant_id = p_merchant_id and account = v_account.account and owner = v_account.owner
            union all
            select from adjustments
            where
                merchant_id = p_merchant_id and against_account = v_account.account
                and against_owner = v_account.owner
            union all
            select from channels where channel = v_account.owner and v_account.account = 'channel_fee'
        ) then
            perform _check_receiver(p_merchant_id, v_account.owner, v_account.account);
        end if;
    end if;
    perform _check_currency(p_currency);
    insert into repayments (merchant_id, repayment_no, account, owner, amount, currency, reason, repaid_at, bank)
    values (
        p_merchant_id, p_repayment_no, v_account.account, v_account.owner, p_amount, p_currency, p_reason,
        coalesce(p_repaid_at, now()), p_bank
    )
    on conflict do nothing
    returning * into v_repayment;
    if found then
        v_fact := _recorded_fact(
            p_merchant_id, 'repayment', p_repayment_no, row('bank', p_bank)::account_name, v_account, p_amount,
            p_currency
        );
        v_fact.reason := p_reason;
        v_fact.happened_at := v_repayment.repaid_at;
        perform _write_facts(array[v_fact], 0);
        return row(v_repayment.*)::repayment;
    end if;
    select * into v_repayment from repayments where merchant_id = p_merchant_id and repayment_no = p_repayment_no;
    v_is_same := (v_repayment.account, v_repayment.owner, v_repayment.amount, v_repayment.currency)
        is not distinct from (v_account.account, v_account.owner, p_amount, p_currency)
        and coalesce(v_repayment.bank = p_bank, true);
    if v_is_same then
        v_repayment := _moment_later(v_repayment, 'repayment_no', 'repayment', 'repaid_at', p_repaid_at);
    end if;
    if not v_is_same or _is_another_moment(v_repayment.repaid_at, p_repaid_at) then
        raise exception 'repayment number % was used for something else', p_repayment_no using
            errcode = 'MX410',
            detail = _on_record(json_build_object(
                'account', v_repayment.account || ':' || v_repayment.owner, 'amount', v_repayment.amount,
                'currency', v_repayment.currency, 'repaid_at', v_repayment.repaid_at, 'bank', v_repayment.bank
            ), json_build_object(
                'account', v_account.account || ':' || v_account.owner, 'amount', p_amount, 'currency', p_currency,
                'repaid_at', p_repaid_at, 'bank', p_bank
            )),
            hint = 'Repeat a repayment with the same content, or give it a number of its own.';
    end if;
    v_repayment := _reason_later(v_repayment, 'repayment_no', p_reason);
    return row(v_repayment.*)::repayment;
end;
$record_repayment$;

comment on function mixpay.record_repayment(
    text, text, text, bigint, text, timestamptz, text, text
) is
$$Records money that somebody brought in for an account that is below zero, once per repayment number. The payee or
receiver who owes it may have paid, or the merchant, who then bears it; the reason may say so.

p_account is payee:, receiver:, fee: or channel_fee: and the owner's name. p_amount is in the smallest unit of
p_currency. p_repaid_at is when it came; if left out, now. p_bank is the bank account that it came to, by your name for
it. If it is more than is owed, it is not refused: the next settlement pays the rest out. The same number with the same
content returns the same row; the reason is not compared. What was left out at first, the reason or the moment, may come
later.
Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX110 if there is no such currency; MX401
if nobody repays to such an account; MX407 if no split names the receiver; MX410 if the repayment number was used for
something else; MX901; MX902; MX905.
$$;
