-- What is replaceable, in the order in which each part may use the parts above it.
\set ON_ERROR_STOP on
set role mixpay_owner;
\ir unload.sql
-- What may be asked.
\ir views/channel_list.sql
\ir views/merchant_list.sql
\ir views/payee_list.sql
\ir views/trade_balances.sql
\ir views/order_balances.sql
\ir views/payment_balances.sql
\ir views/refund_list.sql
\ir views/channel_refund_list.sql
\ir views/allocations.sql
\ir views/refund_explained.sql
\ir views/trade_flow.sql
\ir views/history.sql
-- What may be done. Input, and what is shared by all:
\ir functions/_check_number.sql
\ir functions/_check_amount.sql
\ir functions/_check_text.sql
\ir functions/_check_title.sql
\ir functions/_check_choice.sql
\ir functions/_check_moment.sql
\ir functions/_check_json.sql
\ir functions/_check_json_array.sql
\ir functions/_check_payment_nos.sql
\ir functions/_parse_moment.sql
\ir functions/_new_number.sql
\ir functions/_check_merchant.sql
\ir functions/_check_channel.sql
\ir functions/register_merchant.sql
\ir functions/register_channel.sql
\ir functions/register_payee.sql
-- Merging.
\ir functions/_parse_merges.sql
\ir functions/_held_of_order.sql
\ir functions/_find_merged.sql
\ir functions/_store_orders.sql
\ir functions/_abandon_trades.sql
\ir functions/_make_trades.sql
\ir functions/merge_many.sql
\ir functions/merge_orders.sql
-- Paying.
\ir functions/_lock_trade.sql
\ir functions/_lock_trade_of_payment.sql
\ir functions/_refuse_payment_no.sql
\ir functions/_refuse_channel_txn_no.sql
\ir functions/_reserve_refund.sql
\ir functions/_divide.sql
\ir functions/_apply_payment.sql
\ir functions/start_payment.sql
\ir functions/succeed_payment.sql
\ir functions/fail_payment.sql
\ir functions/record_payment.sql
\ir functions/_record_plain_payments.sql
\ir functions/record_payments.sql
-- Refunding.
\ir functions/_plan_refund.sql
\ir functions/preview_refund.sql
\ir functions/refund_order.sql
-- Sending refunds.
\ir functions/_lock_channel_refund.sql
\ir functions/_check_lease.sql
\ir functions/_refuse_channel_refund_news.sql
\ir functions/_is_still_free.sql
\ir functions/_list_anomaly.sql
\ir functions/_settle_channel_refund.sql
\ir functions/claim_channel_refunds.sql
\ir functions/complete_channel_refund.sql
\ir functions/doubt_channel_refund.sql
\ir functions/fail_channel_refund.sql
-- What the tables refuse by themselves.
\ir triggers/refuse_illegal_transitions.sql
\ir triggers/facts_stay.sql
-- Who may.
\ir grants.sql
reset role;
