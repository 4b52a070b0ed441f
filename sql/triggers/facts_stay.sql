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

-- What is written once.
create trigger facts_stay before update or delete or truncate on mixpay.facts
for each statement execute function mixpay._refuse_to_change_facts();

create trigger epochs_stay before update or delete or truncate on mixpay.epochs
for each statement execute function mixpay._refuse_to_change_facts();

create trigger statement_lines_stay before update or delete or truncate on mixpay.statement_lines
for each statement execute function mixpay._refuse_to_change_facts();

create trigger statement_totals_stay before update or delete or truncate on mixpay.statement_totals
for each statement execute function mixpay._refuse_to_change_facts();

create trigger result_changes_stay before update or delete or truncate on mixpay.result_changes
for each statement execute function mixpay._refuse_to_change_facts();

create trigger releases_stay before update or delete or truncate on mixpay.releases
for each statement execute function mixpay._refuse_to_change_facts();

create trigger receivers_stay before update or delete or truncate on mixpay.split_receivers
for each statement execute function mixpay._refuse_to_change_facts();

create trigger periods_stay before update or delete or truncate on mixpay.closed_periods
for each statement execute function mixpay._refuse_to_change_facts();

create trigger closed_balances_stay before update or delete or truncate on mixpay.closed_balances
for each statement execute function mixpay._refuse_to_change_facts();

-- What is written once, but for what may come later, and then stays: the channel's number, the reason, and a moment
-- that was assumed, for then it is the one of writing.
create trigger channel_payouts_stay before delete or truncate on mixpay.channel_payouts
for each statement execute function mixpay._refuse_to_change_facts();

create trigger channel_payouts_stay_but_moment
before update of merchant_id, payout_no, channel, amount, currency, bank, created_at on mixpay.channel_payouts
for each statement execute function mixpay._refuse_to_change_facts();

create trigger moments_of_channel_payouts_stay before update on mixpay.channel_payouts
for each row when (old.paid_at <> old.created_at) execute function mixpay._refuse_to_change_facts();

create trigger anomalies_stay before delete or truncate on mixpay.anomalies
for each statement execute function mixpay._refuse_to_change_facts();

create trigger anomalies_stay_but_numbered
before update of merchant_id, channel_refund_no, amount, created_at on mixpay.anomalies
for each statement execute function mixpay._refuse_to_change_facts();

create trigger numbers_of_anomalies_stay before update on mixpay.anomalies
for each row when (
    old.channel_txn_no is not null and new.channel_txn_no is distinct from old.channel_txn_no
) execute function mixpay._refuse_to_change_facts();

create trigger moments_of_anomalies_stay before update on mixpay.anomalies
for each row when (old.happened_at <> old.created_at and new.happened_at <> old.happened_at)
execute function mixpay._refuse_to_change_facts();

create trigger repayments_stay before delete or truncate on mixpay.repayments
for each statement execute function mixpay._refuse_to_change_facts();

create trigger repayments_stay_but_reason
before update of
merchant_id, repayment_no, account, owner, amount, currency, created_at, bank on mixpay.repayments
for each statement execute function mixpay._refuse_to_change_facts();

create trigger reasons_of_repayments_stay before update of reason on mixpay.repayments
for each row when (old.reason is not null) execute function mixpay._refuse_to_change_facts();

create trigger moments_of_repayments_stay before update of repaid_at on mixpay.repayments
for each row when (old.repaid_at <> old.created_at) execute function mixpay._refuse_to_change_facts();

create trigger repricings_stay before delete or truncate on mixpay.repricings
for each statement execute function mixpay._refuse_to_change_facts();

create trigger repricings_stay_but_reason
before update of
merchant_id, reprice_no, order_no, nth, merge_count, from_amount, amount, created_at on mixpay.repricings
for each statement execute function mixpay._refuse_to_change_facts();

create trigger reasons_of_repricings_stay before update on mixpay.repricings
for each row when (old.reason is not null) execute function mixpay._refuse_to_change_facts();

create trigger adjustments_stay before delete or truncate on mixpay.adjustments
for each statement execute function mixpay._refuse_to_change_facts();

create trigger adjustments_stay_but_reason
before update of
merchant_id, adjustment_no, account, owner, against_account, against_owner, amount, currency,
created_at on mixpay.adjustments
for each statement execute function mixpay._refuse_to_change_facts();

create trigger reasons_of_adjustments_stay before update on mixpay.adjustments
for each row when (old.reason is not null) execute function mixpay._refuse_to_change_facts();

create trigger channel_fees_stay before delete or truncate on mixpay.channel_fees
for each statement execute function mixpay._refuse_to_change_facts();

create trigger channel_fees_stay_but_reason
before update of
merchant_id, fee_no, channel, amount, currency, payment_no, created_at on mixpay.channel_fees
for each statement execute function mixpay._refuse_to_change_facts();

create trigger reasons_of_channel_fees_stay before update of reason on mixpay.channel_fees
for each row when (old.reason is not null) execute function mixpay._refuse_to_change_facts();

create trigger moments_of_channel_fees_stay before update of charged_at on mixpay.channel_fees
for each row when (old.charged_at <> old.created_at) execute function mixpay._refuse_to_change_facts();

create trigger resolutions_stay before delete or truncate on mixpay.resolutions
for each statement execute function mixpay._refuse_to_change_facts();

create trigger resolutions_stay_but_reason
before update of
merchant_id, resolution_no, account, owner, statement_no, line_no, part, kind, number, action, amount, takes_back,
resolved_by, session, created_at on mixpay.resolutions
for each statement execute function mixpay._refuse_to_change_facts();

create trigger reasons_of_resolutions_stay before update on mixpay.resolutions
for each row when (old.reason is not null) execute function mixpay._refuse_to_change_facts();

create trigger resolutions_stay before delete or truncate on mixpay.anomaly_resolutions
for each statement execute function mixpay._refuse_to_change_facts();

create trigger resolutions_stay_but_reason
before update of
merchant_id, channel_refund_no, resolution, created_at on mixpay.anomaly_resolutions
for each statement execute function mixpay._refuse_to_change_facts();

create trigger reasons_of_resolutions_stay before update on mixpay.anomaly_resolutions
for each row when (old.reason is not null) execute function mixpay._refuse_to_change_facts();

-- What changes, and is never deleted. A row that others refer to could not go; one that only facts tell of could.
create trigger orders_stay before delete or truncate on mixpay.orders
for each statement execute function mixpay._refuse_to_change_facts();

create trigger trades_stay before delete or truncate on mixpay.trades
for each statement execute function mixpay._refuse_to_change_facts();

create trigger lines_stay before delete or truncate on mixpay.trade_orders
for each statement execute function mixpay._refuse_to_change_facts();

create trigger totals_stay before delete or truncate on mixpay.order_totals
for each statement execute function mixpay._refuse_to_change_facts();

create trigger payments_stay before delete or truncate on mixpay.payments
for each statement execute function mixpay._refuse_to_change_facts();

create trigger refunds_stay before delete or truncate on mixpay.refunds
for each statement execute function mixpay._refuse_to_change_facts();

create trigger channel_refunds_stay before delete or truncate on mixpay.channel_refunds
for each statement execute function mixpay._refuse_to_change_facts();

create trigger disputes_stay before delete or truncate on mixpay.disputes
for each statement execute function mixpay._refuse_to_change_facts();

create trigger returns_stay before delete or truncate on mixpay.returns
for each statement execute function mixpay._refuse_to_change_facts();

create trigger chargebacks_stay before delete or truncate on mixpay.chargebacks
for each statement execute function mixpay._refuse_to_change_facts();

-- Of a return, only totals move; of a chargeback, what its reversal says, too.
create trigger returns_stay_but_totals
before update of merchant_id, return_no, payment_no, amount, created_at on mixpay.returns
for each statement execute function mixpay._refuse_to_change_facts();

create trigger reasons_of_returns_stay before update of reason on mixpay.returns
for each row when (old.reason is not null) execute function mixpay._refuse_to_change_facts();

create trigger moments_of_returns_stay before update of returned_at on mixpay.returns
for each row when (old.returned_at <> old.created_at) execute function mixpay._refuse_to_change_facts();

create trigger chargebacks_stay_but_reversed
before update of
merchant_id, chargeback_no, payment_no, order_no, amount, fee, created_at on mixpay.chargebacks
for each statement execute function mixpay._refuse_to_change_facts();

create trigger reasons_of_chargebacks_stay before update of reason on mixpay.chargebacks
for each row when (old.reason is not null) execute function mixpay._refuse_to_change_facts();

create trigger moments_of_chargebacks_stay before update of charged_at on mixpay.chargebacks
for each row when (old.charged_at <> old.created_at) execute function mixpay._refuse_to_change_facts();

-- Of a detail, only freed may change; of a settlement, what its reversal says, or takes back; of a split, how much was
-- divided.
create trigger details_stay before delete or truncate on mixpay.refund_details
for each statement execute function mixpay._refuse_to_change_facts();

create trigger details_stay_but_freed
before update of merchant_id, refund_no, payment_no, amount on mixpay.refund_details
for each statement execute function mixpay._refuse_to_change_facts();

create trigger settlements_stay before delete or truncate on mixpay.settlements
for each statement execute function mixpay._refuse_to_change_facts();

create trigger settlements_stay_but_reversed
before update of
merchant_id, settlement_no, account, owner, currency, nth, until_at, from_epoch, from_xid, until_epoch, until_xid,
carried_in, earned, amount, carried_out, bank, left_out, waits_for, created_at on mixpay.settlements
for each statement execute function mixpay._refuse_to_change_facts();

create trigger splits_stay before delete or truncate on mixpay.splits
for each statement execute function mixpay._refuse_to_change_facts();

create trigger shares_stay before delete or truncate on mixpay.split_shares
for each statement execute function mixpay._refuse_to_change_facts();

create trigger splits_stay_but_divided
before update of merchant_id, split_no, order_no, takes_place, created_at on mixpay.splits
for each statement execute function mixpay._refuse_to_change_facts();

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

-- Of a statement, only its count, its moments and whether it is withdrawn change; of a match and of what has none, only
-- what was found.
create trigger statements_stay before delete or truncate on mixpay.statements
for each statement execute function mixpay._refuse_to_change_facts();

create trigger withdrawn_statements_stay before update of resolution_no on mixpay.statements
for each row when (old.resolution_no is not null) execute function mixpay._refuse_to_change_facts();

create trigger statements_stay_but_sealed
before update of merchant_id, statement_no, account, owner, format, created_at on mixpay.statements
for each statement execute function mixpay._refuse_to_change_facts();

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
before update of merchant_id, account, owner, kind, number, currency, ours, happened_at on mixpay.unmatched_items
for each statement execute function mixpay._refuse_to_change_facts();
