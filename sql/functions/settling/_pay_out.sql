create function mixpay._pay_out(
    p_merchant_id text, p_account mixpay.account_name, p_settlement_no text, p_next mixpay.settlements, p_bank text
) returns mixpay.settlements
language plpgsql
set search_path = mixpay, pg_temp
as $_pay_out$
declare
    v_settlement settlements;
begin
    insert into settlements (
        merchant_id, settlement_no, account, owner, currency, nth, until_at, from_epoch, from_xid, until_epoch,
        until_xid, carried_in, earned, amount, carried_out, last_entry, bank, left_out,
        waits_for
    ) values (
        p_merchant_id, p_settlement_no, p_account.account, p_account.owner, p_next.currency, p_next.nth,
        p_next.until_at, p_next.from_epoch, p_next.from_xid, p_next.until_epoch, p_next.until_xid, p_next.carried_in,
        p_next.earned, p_next.amount, p_next.carried_out, 1, p_bank,
        p_next.left_out, p_next.waits_for
    )
    on conflict do nothing
    returning * into v_settlement;
    if found then
        perform _write_facts(array[_settlement_fact(v_settlement, '')], 0);
    end if;
    return v_settlement;
end;
$_pay_out$;

comment on function mixpay._pay_out(text, mixpay.account_name, text, mixpay.settlements, text) is
$$Writes down a settlement, whose figures _next_settlement has made, and its payout from a bank account. Null if
somebody took the number, or settled the same account, meanwhile.

Locks: nothing; of two settlements of an account at once, the second waits for the first one.
$$;
