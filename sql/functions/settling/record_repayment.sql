create function mixpay.record_repayment(
    p_merchant_id text, p_account text, p_repayment_no text, p_amount bigint, p_currency text,
    p_repaid_at timestamptz default null, p_reason text default null
) returns mixpay.repayments
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $record_repayment$
declare
    v_account account_name;
    v_repayment repayments;
    v_fact facts;
begin
    perform _check_number('repayment_no', p_repayment_no);
    perform _check_amount('amount', p_amount);
    perform _check_moment('repaid_at', p_repaid_at);
    perform _check_text('reason', p_reason);
    perform _check_merchant(p_merchant_id);
    v_account := _parse_account(p_account);
    if v_account.owner is null or v_account.account not in ('payee', 'receiver', 'fee') then
        raise exception 'nobody repays to this account' using
            errcode = 'MX401',
            detail = format('It is %L.', left(p_account, 80)),
            hint = 'Say payee:S1, or receiver: or fee: and whose.';
    end if;
    if v_account.account = 'payee' then
        perform _check_payee(p_merchant_id, v_account.owner);
    else
        perform _check_receiver(
            p_merchant_id, v_account.owner,
            case v_account.account when 'receiver' then array['receiver'] else array['platform_fee', 'channel_fee'] end
        );
    end if;
    perform _check_currency(p_currency);
    insert into repayments (merchant_id, repayment_no, account, owner, amount, currency, reason, repaid_at)
    values (
        p_merchant_id, p_repayment_no, v_account.account, v_account.owner, p_amount, p_currency, p_reason,
        coalesce(p_repaid_at, now())
    )
    on conflict do nothing
    returning * into v_repayment;
    if found then
        v_fact.merchant_id := p_merchant_id;
        v_fact.log := 'repayment';
        v_fact.log_no := p_repayment_no;
        v_fact.entity := 'repayment';
        v_fact.number := p_repayment_no;
        v_fact.from_state := '';
        v_fact.to_state := 'recorded';
        v_fact.from_account := 'outside';
        v_fact.to_account := v_account.account;
        v_fact.to_owner := v_account.owner;
        v_fact.amount := p_amount;
        v_fact.currency := p_currency;
        v_fact.reason := p_reason;
        v_fact.happened_at := v_repayment.repaid_at;
        perform _write_facts(array[v_fact], 0);
        return v_repayment;
    end if;
    select * into v_repayment from repayments where merchant_id = p_merchant_id and repayment_no = p_repayment_no;
    if (v_repayment.account, v_repayment.owner, v_repayment.amount, v_repayment.currency)
        is distinct from (v_account.account, v_account.owner, p_amount, p_currency)
        or v_repayment.repaid_at <> p_repaid_at then
        raise exception 'repayment number % was used for something else', p_repayment_no using
            errcode = 'MX410',
            detail = format(
                'It brought %s %s to %s:%s.', v_repayment.amount, v_repayment.currency, v_repayment.account,
                v_repayment.owner
            ),
            hint = 'Repeat a repayment with the same content, or give it a number of its own.';
    end if;
    return v_repayment;
end;
$record_repayment$;

comment on function mixpay.record_repayment(
    text, text, text, bigint, text, timestamptz, text
) is $$
Records money that somebody brought in for an account that lacks some, once per repayment number: the payee or receiver
who owes it, or the merchant itself, who bears it; the reason may say so.

p_account is payee:, receiver: or fee: and whose; p_amount is in the smallest unit of p_currency; p_repaid_at is when it
came, left out: now. More than is owed is not refused: it is paid out by the next settlement. The same number with the
same content returns the same row; the reason is not compared.
Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX110 if there is no such currency; MX401
if nobody repays to such an account; MX407 if no split names the receiver; MX410 if the repayment number was used for
something else; MX901; MX902; MX905.
$$;
