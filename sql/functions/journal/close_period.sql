create function mixpay.close_period(
    p_merchant_id text, p_until timestamptz, p_wait interval default '10 seconds'
) returns mixpay.closed_periods
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $close_period$
declare
    v_period closed_periods;
    v_last timestamptz;
    v_running text[];
    v_deadline timestamptz;
    v_is_over boolean := false;
begin
    perform _check_merchant(p_merchant_id);
    perform _check_moment('until', p_until);
    if p_wait is null or p_wait < '0' or p_wait > '1 hour' then
        raise exception 'wait is out of bounds' using
            errcode = 'MX905',
            detail = format('It is %s.', coalesce(p_wait::text, 'null')),
            hint = 'Wait for 0 seconds to 1 hour.';
    end if;
    if p_until is null or p_until >= now() then
        raise exception 'a period is closed when it is over' using
            errcode = 'MX905',
            detail = format('It is to end at %s.', coalesce(p_until::text, '(null)')),
            hint = 'Name a moment in the past.';
    end if;
    loop
        select * into v_period from closed_periods where merchant_id = p_merchant_id and until_at = p_until;
        if found then
            return v_period;
        end if;
        select max(until_at) into v_last from closed_periods where merchant_id = p_merchant_id;
        if v_last > p_until then
            raise exception 'a later period is closed already' using
                errcode = 'MX409',
                detail = format('It ended at %s.', v_last),
                hint = 'Close one period after the other. account_balance tells a balance at any moment.';
        end if;
        exit when v_is_over;
        if current_setting('transaction_isolation') <> 'read committed' then
            raise exception 'a period cannot be closed in a snapshot from before' using
                errcode = 'MX408',
                detail = format('The transaction is %s.', current_setting('transaction_isolation')),
                hint = 'Call close_period in a transaction of its own, read committed.';
        end if;
        -- Whoever got its first command just before the end may need a moment to be seen.
        perform pg_sleep(extract(epoch from p_until + interval '100 milliseconds' - clock_timestamp()));
        -- Whoever began before the end may still write into the period. A transaction holds its own virtual id locked
        -- as long as it runs, and unlike its beginning that is for everyone to see. Autovacuum is nobody's, and writes
        -- nothing.
        v_running := array(
            select distinct l.virtualtransaction
            from pg_catalog.pg_locks as l
            left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
            left join pg_catalog.pg_prepared_xacts as x on l.pid is null and x.transaction = l.transactionid
            where
                l.locktype in ('virtualxid', 'transactionid') and l.granted and l.pid is distinct from pg_backend_pid()
                and coalesce(a.datname, x.database, current_database()) = current_database()
                and (a.pid is null or a.usesysid is not null)
                and (a.xact_start is null or a.xact_start <= p_until)
        );
        v_deadline := clock_timestamp() + p_wait;
        loop
            v_running := array(
                select distinct l.virtualtransaction from pg_catalog.pg_locks as l
                where
                    l.locktype in ('virtualxid', 'transactionid') and l.granted
                    and l.virtualtransaction = any (v_running)
            );
            exit when v_running = '{}';
            if clock_timestamp() >= v_deadline then
                raise exception 'the period is not over for everyone' using
                    errcode = 'MX408',
                    detail = format(
                        '%s transactions still run that may have begun before its end.', cardinality(v_running)
                    ),
                    hint = 'Try again when they have ended. See pg_stat_activity, and pg_prepared_xacts.';
            end if;
            perform pg_sleep(0.02);
        end loop;
        v_is_over := true;
        -- Of two that close periods at once, the second waits here, then looks what the first one did.
        perform from merchants where merchant_id = p_merchant_id for no key update;
    end loop;
    -- Should anybody still come who says that he began before, he is in the next period: what is in this one is what
    -- one statement sees.
    with period as (
        insert into closed_periods (merchant_id, until_at, epoch, seen)
        select p_merchant_id, p_until, _current_epoch(), pg_current_snapshot()
        returning *
    ), balances as (
        insert into closed_balances (merchant_id, until_at, account, owner, currency, came_in, went_out)
        select p_merchant_id, p_until, t.account, t.owner, t.currency, t.came_in, t.went_out
        from _all_totals(p_merchant_id, p_until, null, null) as t
    )
    select * into v_period from period;
    return v_period;
end;
$close_period$;

comment on function mixpay.close_period(text, timestamptz, interval) is
$$Closes the books of a period that ended at p_until: the balances that all accounts had then are written down and stay.
What is told later, even if it happened earlier, is in the next period, with its true date.

It waits up to p_wait for the transactions that may have begun before the end, so call it in a transaction of its own.
If mixpay_owner may not see when others' transactions began (pg_read_all_stats), it waits for all that run. The same
call again returns the period.
Locks: the merchant, when the waiting is over: of two that close periods at once, the second waits for the first one.
Raises: MX101 if there is no such merchant; MX408 if such transactions still run, or the transaction is not read
committed; MX409 if a later period is closed; MX901; MX905.
$$;
