create function mixpay._next_settlement(
    p_merchant_id text, p_account mixpay.account_name, p_until timestamptz, p_currency text, p_epoch bigint, p_xid xid8
) returns mixpay.settlements
language plpgsql
set search_path = mixpay, pg_temp
-- As in _moved_of.
set plan_cache_mode = force_generic_plan set max_parallel_workers_per_gather = 0
as $_next_settlement$
declare
    v_new settlements;
    v_last settlements;
begin
    select * into v_last from settlements
    where
        merchant_id = p_merchant_id and account = p_account.account and owner = p_account.owner
        and currency = p_currency
    order by nth desc
    limit 1;
    if p_until < v_last.until_at then
        raise exception '% is settled until later', p_account.owner using
            errcode = 'MX403',
            detail = format('Settlement %s goes until %s.', v_last.settlement_no, v_last.until_at),
            hint = 'Name a later moment. What an older transaction wrote late is in the next settlement, too.';
    end if;
    perform _check_horizon(v_last.until_epoch, v_last.until_xid);
    v_new.currency := p_currency;
    v_new.nth := coalesce(v_last.nth, 0) + 1;
    v_new.from_epoch := coalesce(v_last.until_epoch, 0);
    v_new.from_xid := coalesce(v_last.until_xid, '0');
    -- Nobody can write any more before the oldest transaction that runs. That may be less than last time, when somebody
    -- elsewhere who was passed over has just ended.
    if (p_epoch, p_xid) < (v_new.from_epoch, v_new.from_xid) then
        p_epoch := v_new.from_epoch;
        p_xid := v_new.from_xid;
    end if;
    v_new.until_epoch := p_epoch;
    v_new.until_xid := p_xid;
    v_new.until_at := coalesce(p_until, greatest(clock_timestamp(), v_last.until_at));
    if p_until is not null then
        -- A stretch of the log: what is behind the first fact that was written later is left as well.
        select e.epoch, e.xid into v_new.until_epoch, v_new.until_xid
        from (
            (
                select f.epoch, f.xid from facts as f
                where
                    f.merchant_id = p_merchant_id and f.to_owner = p_account.owner and f.to_account = p_account.account
                    and f.to_account in ('payee', 'receiver', 'fee') and f.log in ('trade', 'adjustment')
                    and (f.epoch, f.xid) >= (v_new.from_epoch, v_new.from_xid) and f.created_at > p_until
                order by f.epoch, f.xid
                limit 1
            )
            union all
            (
                select f.epoch, f.xid from facts as f
                where
                    f.merchant_id = p_merchant_id and f.from_owner = p_account.owner
                    and f.from_account = p_account.account
                    and f.from_account in ('payee', 'receiver', 'fee') and f.log in ('trade', 'adjustment')
                    and (f.epoch, f.xid) >= (v_new.from_epoch, v_new.from_xid) and f.created_at > p_until
                order by f.epoch, f.xid
                limit 1
            )
            union all
            select v_new.until_epoch, v_new.until_xid
        ) as e
        order by e.epoch, e.xid
        limit 1;
    end if;
    select coalesce(sum(p.came_in - p.went_out), 0) into v_new.earned
    from postings as p
    where
        p.merchant_id = p_merchant_id and p.account = p_account.account and p.owner = p_account.owner
        and p.account in ('payee', 'receiver', 'fee') and p.source in ('trade', 'adjustment')
        and p.currency = p_currency
        and (p.epoch, p.xid) >= (v_new.from_epoch, v_new.from_xid)
        and (p.epoch, p.xid) < (v_new.until_epoch, v_new.until_xid);
    v_new.left_out := coalesce(_left_out(p_merchant_id, p_account, p_currency, v_new.until_at, p_epoch, p_xid), 0);
    v_new.waits_for := case when v_new.left_out <> 0 then _oldest_transaction() end;
    v_new.carried_in := _carried_over(p_merchant_id, p_account, v_new);
    -- What is beyond the largest amount is for the next one.
    v_new.amount := least(1000000000000000, greatest(0, v_new.carried_in + v_new.earned));
    v_new.carried_out := v_new.carried_in + v_new.earned - v_new.amount;
    return v_new;
end;
$_next_settlement$;

comment on function mixpay._next_settlement(text, mixpay.account_name, timestamptz, text, bigint, xid8) is
$$The figures of the next settlement of an account in one currency: the stretch of the log that it covers, what the
account's facts earned there, and what was carried over. It is written down by _settle.

p_epoch and p_xid are up to where the log is final (final_below), as one look has told all that the caller asks of it.
Raises: MX403 if the account is settled until later; MX411 if the database began anew and its epoch was not raised.
$$;
