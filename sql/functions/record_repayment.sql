create function mixpay.record_repayment(
    p_merchant_id text, p_account text, p_repayment_no text, p_amount bigint, p_currency text,
    p_repaid_at timestamptz default null, p_reason text default null
) returns mixpay.settlement_facts
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $record_repayment$
declare
    v_account account_name;
    v_fact settlement_facts;
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
    if v_account.account <> 'payee' then
        perform _check_receiver(
            p_merchant_id, v_account.owner,
            case v_account.account when 'receiver' then array['receiver'] else array['platform_fee', 'channel_fee'] end
        );
    elsif not exists (select from payees where merchant_id = p_merchant_id and payee_no = v_account.owner) then
        raise exception 'there is no payee %', v_account.owner using
            errcode = 'MX102',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'Register it with register_payee.';
    end if;
    if not exists (select from currencies where currency = p_currency) then
        raise exception 'there is no currency %', coalesce(left(p_currency, 80), '(null)') using
            errcode = 'MX110',
            hint = 'Name a code of ISO 4217, in upper case.';
    end if;
    insert into settlement_facts (
        merchant_id, entity, number, entry, epoch, from_state, to_state, from_account, to_account, to_owner, amount,
        currency, reason, happened_at
    ) values (
        p_merchant_id, 'repayment', p_repayment_no, 1, _current_epoch(), '', 'recorded', 'outside', v_account.account,
        v_account.owner, p_amount, p_currency, p_reason, coalesce(p_repaid_at, now())
    )
    on conflict do nothing
    returning * into v_fact;
    if not found then
        select * into v_fact from settlement_facts
        where merchant_id = p_merchant_id and entity = 'repayment' and number = p_repayment_no;
        if (v_fact.to_account, v_fact.to_owner, v_fact.amount, v_fact.currency)
            is distinct from (v_account.account, v_account.owner, p_amount, p_currency)
            or v_fact.happened_at <> p_repaid_at then
            raise exception 'repayment number % was used for something else', p_repayment_no using
                errcode = 'MX410',
                detail = format(
                    'It brought %s %s to %s:%s.', v_fact.amount, v_fact.currency, v_fact.to_account, v_fact.to_owner
                ),
                hint = 'Repeat a repayment with the same content, or give it a number of its own.';
        end if;
    end if;
    return v_fact;
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
Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX110 if there is no such currency; MX401 if
nobody repays to such an account; MX407 if no split names the receiver; MX410 if the repayment number was used for
something else; MX901; MX902; MX905.
$$;
