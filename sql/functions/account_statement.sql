create function mixpay.account_statement(
    p_merchant_id text, p_account text, p_after timestamptz default null, p_until timestamptz default null
) returns setof mixpay.statement_line
language plpgsql stable security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $account_statement$
declare
    v_account account_name;
begin
    perform _check_merchant(p_merchant_id);
    perform _check_moment('after', p_after);
    perform _check_moment('until', p_until);
    v_account := _parse_account(p_account);
    return query
    with before as (
        select t.currency, t.balance
        from _totals_of(p_merchant_id, v_account, p_after) as t
        where p_after is not null
    )
    select
        v_account.account, coalesce(v_account.owner, s.owner, ''), j.currency, j.created_at, j.happened_at, j.source,
        j.number::text, j.entry, j.cause::text, j.cause_no::text, s.other_account, s.other_owner, s.amount,
        (coalesce(b.balance, 0) + sum(s.amount) over (
            partition by j.currency
            order by j.created_at, j.epoch, j.xid, j.source, j.number, j.entry, s.amount
            rows unbounded preceding
        ))::bigint
    from _entries_of(p_merchant_id, v_account, p_after, p_until) as j
    cross join lateral (values
        (j.to_account::text, j.to_owner, j.from_account::text, j.from_owner, j.amount::bigint),
        (j.from_account::text, j.from_owner, j.to_account::text, j.to_owner, -j.amount::bigint)
    ) as s (account, owner, other_account, other_owner, amount)
    left join before as b on b.currency = j.currency
    where s.account = v_account.account and (v_account.owner is null or s.owner = v_account.owner)
    order by j.currency, j.created_at, j.epoch, j.xid, j.source, j.number, j.entry, s.amount;
end;
$account_statement$;

comment on function mixpay.account_statement(text, text, timestamptz, timestamptz) is $$
The movements of an account that were written after p_after and until p_until, each with the balance after it, by
currency and time; left out: from the first, and until now.

p_account is as in account_balance. Amounts are in the smallest unit: above zero what came in, below what went out.
happened_at is when it happened, created_at when it was written, and books go by that.
Raises: MX101 if there is no such merchant; MX401 if there is no account of such a name; MX901; MX905.
$$;
