create function mixpay.account_balance(
    p_merchant_id text, p_account text, p_at timestamptz default null
) returns setof mixpay.account_total
language plpgsql stable security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $account_balance$
begin
    perform _check_merchant(p_merchant_id);
    perform _check_moment('at', p_at);
    return query
    select * from _totals_of(p_merchant_id, _parse_account(p_account), p_at) as t order by t.currency;
end;
$account_balance$;

comment on function mixpay.account_balance(text, text, timestamptz) is
$$What an account holds, in each of its currencies: what came in, what went out, and the difference, in the smallest
unit.

p_account is channel, bank, order, payee, receiver, fee, channel_fee, surplus, refund, anomaly, loss, rounding or
outside, for all accounts of that kind together; or it names one of them, as in payee:S1, order:A-17, channel:card or
bank:main. After surplus: stands a payment's number, after anomaly: a channel refund's. Channels and banks are below
zero by what they have of ours.

What was written until p_at counts; if left out, until now. A past balance does not change any more when no transaction
runs that began before that moment; see close_period. An account without any movement has no row. fold_balances makes
this call fast.
Raises: MX101 if there is no such merchant; MX401 if there is no account of such a name; MX901; MX905.
$$;
