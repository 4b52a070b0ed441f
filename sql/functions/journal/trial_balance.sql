create function mixpay.trial_balance(p_merchant_id text, p_at timestamptz default null)
returns setof mixpay.account_total
language plpgsql stable security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $trial_balance$
begin
    perform _check_merchant(p_merchant_id);
    perform _check_moment('at', p_at);
    return query
    select * from _all_totals(p_merchant_id, p_at, null, '') as t
    order by t.currency, t.account;
end;
$trial_balance$;

comment on function mixpay.trial_balance(text, timestamptz) is
$$All money of a merchant, by kind of account and currency, in the smallest unit; the balances of a currency sum to
zero.

What was written until p_at counts; if left out, until now. Accounts below zero are where the money came from: channels
and banks, which have as much of ours.
Raises: MX101 if there is no such merchant; MX901; MX905.
$$;
