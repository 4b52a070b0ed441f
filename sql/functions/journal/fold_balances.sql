create function mixpay.fold_balances(p_merchant_id text) returns mixpay.balance_folds
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $fold_balances$
declare
    -- A step takes so many facts, and a fold that has half as many movements grows no more: so the sum at a past moment
    -- is never far from a fold, and folds are few, however often this is called.
    c_facts constant bigint := 20000;
    v_epoch bigint;
    v_xid xid8;
    v_last balance_folds;
    v_range journal_range;
    v_end folded_balances;
    v_ends folded_balances[] := array[]::folded_balances[];
begin
    perform _check_merchant(p_merchant_id);
    -- Whoever began before this one has ended: what is below stays as it is.
    select _current_epoch(), b.xid into v_epoch, v_xid from final_below as b;
    loop
        select * into v_last from balance_folds where merchant_id = p_merchant_id order by fold desc limit 1;
        perform _check_horizon(v_last.until_epoch, v_last.until_xid);
        v_range := row(coalesce(v_last.until_epoch, 0), coalesce(v_last.until_xid, '0'), v_epoch, v_xid);
        exit when v_last.fold is not null and not exists (
            select from facts as f
            where
                f.merchant_id = p_merchant_id and f.epoch > 0
                and (f.epoch, f.xid) >= (v_range.from_epoch, v_range.from_xid)
                and (f.epoch, f.xid) < (v_range.until_epoch, v_range.until_xid)
        );
        v_range := _next_stretch(p_merchant_id, v_range, c_facts);
        if v_last.movements < c_facts / 2 then
            update balance_folds set until_epoch = v_range.until_epoch, until_xid = v_range.until_xid
            where
                merchant_id = p_merchant_id and fold = v_last.fold
                and (until_epoch, until_xid) = (v_range.from_epoch, v_range.from_xid);
        else
            insert into balance_folds (
                merchant_id, fold, from_epoch, from_xid, until_epoch, until_xid, movements, latest_at
            ) values (
                p_merchant_id, coalesce(v_last.fold, 0) + 1, v_range.from_epoch, v_range.from_xid, v_range.until_epoch,
                v_range.until_xid, 0, v_last.latest_at
            )
            on conflict do nothing
            returning * into v_last;
        end if;
        if not found then
            -- Somebody else has just folded.
            select * into v_last from balance_folds where merchant_id = p_merchant_id order by fold desc limit 1;
            return v_last;
        end if;
        update balance_folds as b
        set
            movements = b.movements + n.movements, earliest_at = least(b.earliest_at, n.earliest_at),
            latest_at = greatest(b.latest_at, n.latest_at)
        from (
            select count(*) as movements, min(f.created_at) as earliest_at, max(f.created_at) as latest_at
            from facts as f
            where
                f.merchant_id = p_merchant_id and f.epoch > 0
                and (f.epoch, f.xid) >= (v_range.from_epoch, v_range.from_xid)
                and (f.epoch, f.xid) < (v_range.until_epoch, v_range.until_xid) and f.amount is not null
        ) as n
        where b.merchant_id = p_merchant_id and b.fold = v_last.fold
        returning b.* into v_last;
        v_ends := _fold_stretch(v_last, v_range, v_ends);
        exit when (v_range.until_epoch, v_range.until_xid) = (v_epoch, v_xid);
    end loop;
    -- Which of an account's rows is the last one is said once, when all are there.
    foreach v_end in array v_ends loop
        update folded_balances set is_last = false
        where
            is_last and merchant_id = p_merchant_id and account = v_end.account and owner = v_end.owner
            and currency = v_end.currency and fold <> v_end.fold;
        update folded_balances set is_last = true
        where
            merchant_id = p_merchant_id and account = v_end.account and owner = v_end.owner
            and currency = v_end.currency and fold = v_end.fold and not is_last;
    end loop;
    return v_last;
end;
$fold_balances$;

comment on function mixpay.fold_balances(text) is
$$Sums up what was written to the journal since the last time, so that balances need not add it up again; returns the
last fold. Any scheduler may call it, as often as it likes. It is a matter of speed only: every balance is the same
without it. A small fold grows with the next call. If there is much to sum up, the call makes many folds.

What running transactions have written, and what was written after the oldest of them began, is left for the next time.
Locks: the last fold, or the place of the next; a second call waits for the first one.
Raises: MX101 if there is no such merchant; MX411 if the database began anew and its epoch was not raised; MX901.
$$;
