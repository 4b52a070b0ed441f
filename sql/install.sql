-- The whole database, top to bottom: psql -1 -f sql/install.sql
\set ON_ERROR_STOP on
\ir schema/roles.sql
set role mixpay_owner;
\ir schema/types.sql
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
\ir schema/payments.sql
-- Money back.
\ir schema/refunds.sql
\ir schema/refund_details.sql
\ir schema/channel_refunds.sql
\ir schema/anomalies.sql
\ir schema/anomaly_resolutions.sql
-- What happened.
\ir schema/facts.sql
reset role;
\ir code.sql
