create function mixpay._refuse_to_change_facts() returns trigger
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_to_change_facts$
begin
    raise exception 'facts stay: no % here', lower(tg_op) using
        errcode = 'restrict_violation',
        detail = 'What happened is written once. Totals and states move, and a new fact says why.';
end;
$_refuse_to_change_facts$;

comment on function mixpay._refuse_to_change_facts() is
$$Refuses whatever it is called for.
$$;

create trigger facts_stay before update or delete or truncate on mixpay.facts
for each statement execute function mixpay._refuse_to_change_facts();

-- No row of these tables goes. What of it moves is named (null: anything does), and what may come later and then stays:
-- a channel's number, a reason, who withdrew it, and a moment that was assumed, for then it is the one of writing.
do $facts_stay$
declare
    v_trigger text;
begin
    for v_trigger in
        with tables as (
            select t.name, t.moves::text[], t.comes_later::text[]
            from (
                values
                -- What is written once.
                ('epochs', '{}', '{}'),
                ('statement_lines', '{}', '{}'),
                ('statement_totals', '{}', '{}'),
                ('result_changes', '{}', '{}'),
                ('releases', '{}', '{}'),
                ('split_receivers', '{}', '{}'),
                ('closed_periods', '{}', '{}'),
                ('closed_balances', '{}', '{}'),
                ('repricings', '{}', '{reason}'),
                ('adjustments', '{}', '{reason}'),
                ('resolutions', '{}', '{reason}'),
                ('anomaly_resolutions', '{}', '{reason, recovered_at}'),
                ('anomalies', '{}', '{channel_txn_no, happened_at}'),
                ('repayments', '{}', '{reason, repaid_at}'),
                ('channel_fees', '{}', '{reason, charged_at}'),
                ('channel_payouts', '{}', '{paid_at}'),
                -- Totals; a moment that may have been assumed; what a reversal says, or takes back; what a statement is
                -- when it is complete.
                ('refund_details', '{freed}', '{}'),
                ('bounced_transfers', '{bounced_at}', '{channel_txn_no}'),
                ('splits', '{divided}', '{}'),
                ('returns', '{unapplied, lost}', '{reason, returned_at}'),
                ('chargebacks', '{state, lost, reversed, reversal_reason, reversed_at}', '{reason, charged_at}'),
                ('settlements', '{state, reason, reversed_at, last_entry}', '{}'),
                ('statements', '{line_count, from_at, until_at, sealed_at, reconciled_at}', '{resolution_no}'),
                -- A row that others refer to could not go; one that only facts tell of could.
                ('orders', null, null),
                ('trades', null, null),
                ('trade_orders', null, null),
                ('order_totals', null, null),
                ('payments', null, null),
                ('refunds', null, null),
                ('channel_refunds', null, null),
                ('disputes', null, null),
                ('split_shares', null, null)
            ) as t (name, moves, comes_later)
        )
        select format(
            'create trigger %1$s_stay before %2$s delete or truncate on mixpay.%1$s '
            'for each statement execute function mixpay._refuse_to_change_facts()',
            t.name, case t.moves || t.comes_later when '{}' then 'update or'
                else 'update of ' || string_agg(a.attname, ', ' order by a.attname) || ' or' end
        )
        from tables as t
        left join pg_attribute as a
            on
                a.attrelid = format('mixpay.%s', t.name)::regclass and a.attnum > 0 and not a.attisdropped
                and a.attgenerated = '' and a.attname <> all (t.moves || t.comes_later)
        group by t.name, t.moves, t.comes_later
        union all
        -- Whoever learns one of a transfer's two writes the other as it is.
        select format(
            'create trigger %2$s_of_%1$s_stays before update of %2$s on mixpay.%1$s '
            'for each row when (%3$s) execute function mixpay._refuse_to_change_facts()',
            t.name, c.name,
            case when c.name ~ '_at$' then format('old.%s <> old.created_at', c.name)
                else format('old.%s is not null', c.name) end
            || case
                when t.name in ('anomalies', 'bounced_transfers') then
                    format(' and new.%1$s is distinct from old.%1$s', c.name)
                else ''
            end
        )
        from tables as t
        cross join unnest(t.comes_later) as c (name)
    loop
        execute v_trigger;
    end loop;
end;
$facts_stay$;

create function mixpay._refuse_unless_withdrawn() returns trigger
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_unless_withdrawn$
begin
    if not exists (
        select from statements
        where merchant_id = old.merchant_id and statement_no = old.statement_no and resolution_no is not null
    ) then
        raise exception 'facts stay: no % here', lower(tg_op) using
            errcode = 'restrict_violation',
            detail = format('Statement %s was not withdrawn.', old.statement_no);
    end if;
    return old;
end;
$_refuse_unless_withdrawn$;

comment on function mixpay._refuse_unless_withdrawn() is
$$Refuses what it is called for, unless the row is of a statement that somebody has withdrawn.
$$;

-- Of a match and of what has none, only what was found changes.
create trigger matches_stay before truncate on mixpay.line_matches
for each statement execute function mixpay._refuse_to_change_facts();

-- One that somebody booked goes when that is taken back; resolutions say both. One of several lines that sum to
-- something of ours goes when another of them does; all go when their statement is withdrawn.
create trigger matches_stay_but_booked before delete on mixpay.line_matches
for each row when (old.rule not in ('booked', 'batch')) execute function mixpay._refuse_unless_withdrawn();

create trigger matches_stay_but_found
before update of
merchant_id, statement_no, line_no, part, account, owner, kind, number, currency, fee_theirs, happened_at
on mixpay.line_matches
for each statement execute function mixpay._refuse_to_change_facts();

-- A line turns out to be one of several.
create trigger rules_of_matches_stay before update of rule on mixpay.line_matches
for each row when (new.rule <> old.rule and new.rule <> 'batch') execute function mixpay._refuse_to_change_facts();

create trigger unmatched_lines_stay before truncate on mixpay.unmatched_lines
for each statement execute function mixpay._refuse_to_change_facts();

create trigger unmatched_lines_stay_but_withdrawn before delete on mixpay.unmatched_lines
for each row execute function mixpay._refuse_unless_withdrawn();

create trigger unmatched_lines_stay_but_found
before update of
merchant_id, statement_no, line_no, part, account, owner, currency, theirs, happened_at on mixpay.unmatched_lines
for each statement execute function mixpay._refuse_to_change_facts();

create trigger unmatched_items_stay before truncate on mixpay.unmatched_items
for each statement execute function mixpay._refuse_to_change_facts();

create trigger unmatched_items_stay_but_withdrawn before delete on mixpay.unmatched_items
for each row execute function mixpay._refuse_unless_withdrawn();

create trigger unmatched_items_stay_but_found
before update of merchant_id, account, owner, kind, number, currency, happened_at on mixpay.unmatched_items
for each statement execute function mixpay._refuse_to_change_facts();

-- More of a chargeback may come back later.
create trigger what_is_ours_stays before update of ours on mixpay.unmatched_items
for each row when (new.ours <> old.ours and new.kind <> 'chargeback_reversal')
execute function mixpay._refuse_to_change_facts();
