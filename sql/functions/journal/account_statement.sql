create function mixpay.account_statement(
    p_merchant_id text, p_account text, p_after timestamptz default null, p_until timestamptz default null
) returns setof mixpay.statement_line
language plpgsql stable security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
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
        v_account.account, coalesce(v_account.owner, e.owner, ''), e.currency, e.created_at, e.happened_at, e.source,
        e.number, e.entry, e.cause, e.cause_no, e.other_account, e.other_owner, e.amount,
        (coalesce(b.balance, 0) + sum(e.amount) over (
            partition by e.currency
            order by e.created_at, e.epoch, e.xid, e.source, e.number, e.entry, e.amount
            rows unbounded preceding
        ))::bigint
    from (
        select p.*, p.came_in - p.went_out as amount
        from _entries_of(p_merchant_id, v_account, p_after, p_until) as p
    ) as e
    left join before as b on b.currency = e.currency
    order by e.currency, e.created_at, e.epoch, e.xid, e.source, e.number, e.entry, e.amount;
end;
$account_statement$;

comment on function mixpay.account_statement(text, text, timestamptz, timestamptz) is
$$The movements of an account that were written after p_after and until p_until, each with the balance after it, by
currency and time. If they are left out, it begins with the first movement and ends now.

p_account is as in account_balance. Amounts are in the smallest unit: above zero came in, below zero went out.
happened_at is when it happened, created_at when it was written; books go by created_at.
Raises: MX101 if there is no such merchant; MX401 if there is no account of such a name; MX901; MX905.
$$;
