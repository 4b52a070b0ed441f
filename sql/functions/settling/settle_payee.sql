create function mixpay.settle_payee(
    p_merchant_id text, p_payee_no text, p_settlement_no text, p_until timestamptz, p_currency text default null,
    p_bank text default 'main', p_min_horizon timestamptz default null
) returns mixpay.settlement
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $settle_payee$
declare
    v_settlement settlements;
begin
    perform _check_payee(p_merchant_id, p_payee_no);
    v_settlement := _settle(
        p_merchant_id, row('payee', p_payee_no)::account_name, p_settlement_no, p_until, p_currency, p_bank,
        p_min_horizon
    );
    return row(v_settlement.*)::settlement;
end;
$settle_payee$;

comment on function mixpay.settle_payee(text, text, text, timestamptz, text, text, timestamptz) is
$$Pays out what a payee has earned, once per settlement number: all that was written to its account until p_until (null:
now) and is in no earlier settlement, in the smallest unit.

A debt is netted: if less than nothing is payable, nothing is paid out and the debt is carried over. A payout is at most
10^15; what is beyond it is carried over, too.

What running transactions (this one, too) have written, and what was written after the oldest of them began, is left for
the next settlement. So nothing is skipped and nothing is paid twice. left_out says how much was on record and is left
for the next settlement. waits_for says why: the oldest transaction that still ran, its session, application, login,
database and age (mixpay.horizon has all of them). With p_min_horizon the call is refused if it would leave out anything
that was written until that moment.

p_currency may be left out if the payee has only one. p_bank is the bank account that pays, by your name for it: the
money moves to bank:main, or whichever you say. mixpay.settlement_lines says what it is made of. The same number with
the same content returns the settlement.
Locks: nothing; of two settlements of a payee at once, the second waits for the first one.
Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX110 if there is no such currency; MX402
if the settlement number was used for something else; MX403 if the payee is settled until later; MX404 if it has
several currencies and none is named; MX411 if the database began anew and its epoch was not raised; MX417 if something
written until p_min_horizon would be left out; MX901; MX905.
$$;
