-- The whole database, top to bottom: psql -1 -f sql/install.sql
\set ON_ERROR_STOP on
-- No function of others, whatever schemas there are, is taken for one of ours or of PostgreSQL.
set local search_path = pg_catalog, pg_temp;
\ir schema/roles.sql
set role mixpay_owner;
\ir schema/types.sql
\ir schema/epochs.sql
-- Reference data: shared by all merchants.
\ir schema/currencies.sql
\ir schema/channels.sql
\ir schema/state_transitions.sql
-- Whose money: merchants, their payees, what is to be paid.
\ir schema/merchants.sql
\ir schema/payees.sql
\ir schema/orders.sql
\ir schema/routes.sql
-- Money in.
\ir schema/trades.sql
\ir schema/trade_orders.sql
\ir schema/repricings.sql
\ir schema/order_totals.sql
\ir schema/payments.sql
-- Money back: what channels took by themselves, and what is sent.
\ir schema/returns.sql
\ir schema/chargebacks.sql
\ir schema/refunds.sql
\ir schema/refund_details.sql
\ir schema/channel_refunds.sql
\ir schema/bounced_transfers.sql
\ir schema/anomalies.sql
\ir schema/anomaly_resolutions.sql
-- Whose it is: in escrow, released, divided.
\ir schema/releases.sql
\ir schema/disputes.sql
\ir schema/splits.sql
\ir schema/split_receivers.sql
\ir schema/split_shares.sql
-- What happened.
\ir schema/facts.sql
-- Money out.
\ir schema/settlements.sql
\ir schema/repayments.sql
-- What was said about accounts, channels and banks.
\ir schema/adjustments.sql
\ir schema/channel_fees.sql
\ir schema/channel_payouts.sql
-- What channels and banks say, and how it compares.
\ir schema/reconciled_accounts.sql
\ir schema/statements.sql
\ir schema/statement_lines.sql
\ir schema/statement_totals.sql
\ir schema/line_matches.sql
\ir schema/unmatched_lines.sql
\ir schema/unmatched_items.sql
\ir schema/result_changes.sql
\ir schema/resolutions.sql
-- What is summed up.
\ir schema/balance_folds.sql
\ir schema/folded_balances.sql
\ir schema/closed_periods.sql
\ir schema/closed_balances.sql
-- What callers write down beside it.
\ir schema/notes.sql
reset role;
\ir code.sql
