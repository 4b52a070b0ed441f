create function mixpay.settle_all(
    p_merchant_id text, p_until timestamptz default null, p_limit bigint default 1000, p_bank text default 'main'
) returns setof mixpay.settlement_attempt
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $settle_all$
declare
    v_at timestamptz := clock_timestamp();
    v_until timestamptz := coalesce(p_until, v_at);
    v_total account_total;
    v_account account_name;
    v_next settlements;
    v_attempt settlement_attempt;
    v_settled bigint := 0;
    v_epoch bigint;
    v_xid xid8;
begin
    perform _check_merchant(p_merchant_id);
    perform _check_until(p_until);
    perform _check_limit(p_limit);
    perform _check_number('bank', p_bank);
    -- All in one order: two of these calls at once wait for each other once, and then for nobody.
    for v_total in
        select t.*
        from unnest(array['payee', 'receiver']) as k (account)
        cross join lateral _all_totals(p_merchant_id, v_until, k.account, null) as t
        where t.owner <> '' and t.balance > 0
        order by t.account, t.owner, t.currency
    loop
        v_account := row(v_total.account, v_total.owner)::account_name;
        v_attempt := row(v_total.account, v_total.owner, v_total.currency, null, null, v_until, null, null);
        loop
            begin
                select _current_epoch(), b.xid into v_epoch, v_xid from final_below as b;
                v_next := _next_settlement(p_merchant_id, v_account, v_until, v_total.currency, v_epoch, v_xid);
            exception
                when sqlstate 'MX403' then
                    -- It was settled until later, so all until then is settled.
                    v_next := null;
            end;
            -- What is left may be of transactions that still run.
            exit when v_next.amount is null or v_next.amount = 0;
            v_next := _pay_out(p_merchant_id, v_account, _new_number(v_at, v_settled), v_next, p_bank);
            if v_next.settlement_no is not null then
                v_settled := v_settled + 1;
                v_attempt.settlement_no := v_next.settlement_no;
                v_attempt.amount := v_next.amount;
                v_attempt.left_out := v_next.left_out;
                v_attempt.waits_for := v_next.waits_for;
                return next v_attempt;
                exit;
            end if;
        end loop;
        exit when v_settled = p_limit;
    end loop;
end;
$settle_all$;

comment on function mixpay.settle_all(text, timestamptz, bigint, text) is
$$Settles every payee and receiver to whom something is payable, in every currency, until a moment (if left out, now),
as settle_payee and settle_receiver do it: under numbers that it makes itself, paid by bank account p_bank. Any
scheduler may call it.

It returns a row for each settlement, at most p_limit of them, by account: call again until there are no more.
settle_payee says what left_out and waits_for are. If nothing is payable to an account, it gets no settlement: a debt
waits until it can be netted. Calling twice pays nothing twice.
Locks: nothing; of two settlements of an account at once, the second waits for the first one.
Raises: MX101 if there is no such merchant; MX411 if the database began anew and its epoch was not raised; MX901; MX904;
MX905.
$$;
