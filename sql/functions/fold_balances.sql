create function mixpay.fold_balances(p_merchant_id text) returns mixpay.balance_folds
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set jit = off
as $fold_balances$
declare
    -- A step takes so many facts, and a fold that has half as many movements grows no more: so the sum at a past moment
    -- is never far from a fold, and folds are few, however often this is called.
    c_facts constant bigint := 20000;
    v_epoch bigint;
    v_xid xid8;
    v_last balance_folds;
    v_range journal_range;
    v_nth facts;
    v_is_all boolean;
    v_moved folded_balances[];
    v_ends folded_balances[] := '{}';
begin
    perform _check_merchant(p_merchant_id);
    -- Whoever began before this one has ended: what is below stays as it is.
    select _current_epoch(), pg_snapshot_xmin(pg_current_snapshot()) into v_epoch, v_xid;
    loop
        select * into v_last from balance_folds where merchant_id = p_merchant_id order by fold desc limit 1;
        perform _check_horizon(v_last.until_epoch, v_last.until_xid);
        v_range := row(coalesce(v_last.until_epoch, 0), coalesce(v_last.until_xid, '0'), v_epoch, v_xid);
        if v_last.fold is not null and not exists (
            select from facts as f
            where
                f.merchant_id = p_merchant_id and (f.epoch, f.xid) >= (v_range.from_epoch, v_range.from_xid)
                and (f.epoch, f.xid) < (v_range.until_epoch, v_range.until_xid)
        ) and not exists (
            select from settlement_facts as f
            where
                f.merchant_id = p_merchant_id and (f.epoch, f.xid) >= (v_range.from_epoch, v_range.from_xid)
                and (f.epoch, f.xid) < (v_range.until_epoch, v_range.until_xid)
        ) then
            return v_last;
        end if;
        -- The transaction of the last fact that this step takes, and the first one after that.
        select f.epoch, f.xid into v_nth.epoch, v_nth.xid
        from facts as f
        where
            f.merchant_id = p_merchant_id and (f.epoch, f.xid) >= (v_range.from_epoch, v_range.from_xid)
            and (f.epoch, f.xid) < (v_range.until_epoch, v_range.until_xid)
        order by f.epoch, f.xid
        offset c_facts - 1
        limit 1;
        select f.epoch, f.xid into v_nth.epoch, v_nth.xid
        from facts as f
        where
            f.merchant_id = p_merchant_id and (f.epoch, f.xid) > (v_nth.epoch, v_nth.xid)
            and (f.epoch, f.xid) < (v_range.until_epoch, v_range.until_xid)
        order by f.epoch, f.xid
        limit 1;
        v_is_all := not found;
        if not v_is_all then
            v_range.until_epoch := v_nth.epoch;
            v_range.until_xid := v_nth.xid;
        end if;
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
            select count(*) as movements, min(m.created_at) as earliest_at, max(m.created_at) as latest_at
            from (
                select f.created_at from facts as f
                where
                    f.merchant_id = p_merchant_id and (f.epoch, f.xid) >= (v_range.from_epoch, v_range.from_xid)
                    and (f.epoch, f.xid) < (v_range.until_epoch, v_range.until_xid) and f.amount is not null
                union all
                select f.created_at from settlement_facts as f
                where
                    f.merchant_id = p_merchant_id and (f.epoch, f.xid) >= (v_range.from_epoch, v_range.from_xid)
                    and (f.epoch, f.xid) < (v_range.until_epoch, v_range.until_xid) and f.amount is not null
            ) as m
        ) as n
        where b.merchant_id = p_merchant_id and b.fold = v_last.fold
        returning b.* into v_last;
        v_moved := array(
            select row(
                p_merchant_id, m.account, m.owner, m.currency, v_last.fold, m.came_in + coalesce(e.came_in, b.came_in, 0),
                m.went_out + coalesce(e.went_out, b.went_out, 0), false
            )::folded_balances
            from _moved_in(p_merchant_id, v_range, null, null, null) as m
            left join unnest(v_ends) as e on e.account = m.account and e.owner = m.owner and e.currency = m.currency
            left join folded_balances as b
                on
                    b.is_last and b.merchant_id = p_merchant_id and b.account = m.account and b.owner = m.owner
                    and b.currency = m.currency
        );
        insert into folded_balances select m.* from unnest(v_moved) as m
        on conflict (merchant_id, account, owner, currency, fold) do update
        set came_in = excluded.came_in, went_out = excluded.went_out;
        v_ends := v_moved || array(
            select e from unnest(v_ends) as e
            where not exists (
                select from unnest(v_moved) as m
                where m.account = e.account and m.owner = e.owner and m.currency = e.currency
            )
        );
        exit when v_is_all;
    end loop;
    -- Which of an account's rows is the last one is said once, when all are there.
    update folded_balances as b set is_last = false
    from unnest(v_ends) as e
    where
        b.is_last and b.merchant_id = p_merchant_id and b.account = e.account and b.owner = e.owner
        and b.currency = e.currency and b.fold <> e.fold;
    update folded_balances as b set is_last = true
    from unnest(v_ends) as e
    where
        b.merchant_id = p_merchant_id and b.account = e.account and b.owner = e.owner and b.currency = e.currency
        and b.fold = e.fold and not b.is_last;
    return v_last;
end;
$fold_balances$;

comment on function mixpay.fold_balances(text) is $$
Sums up what was written to the journal since the last time, so that balances need not add it up again; returns the last
fold. Any scheduler may call it, as often as it likes: a matter of speed only, every balance is the same without. A fold
grows until it is large enough; of a journal that has grown long without, it makes many.

What transactions have written that still run, or that began after one that does, is left for the next time.
Locks: the last fold, or the place of the next; a second call waits for the first one.
Raises: MX101 if there is no such merchant; MX411 if the database began anew and its epoch was not raised; MX901.
$$;
