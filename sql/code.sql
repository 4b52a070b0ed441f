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
\ir views/repricing_list.sql
\ir views/payment_balances.sql
\ir views/refund_list.sql
\ir views/channel_refund_list.sql
\ir views/allocations.sql
\ir views/surplus_list.sql
\ir views/doubt_list.sql
\ir views/bounced_list.sql
\ir views/waiting_list.sql
\ir views/manual_list.sql
\ir views/anomaly_list.sql
\ir views/return_list.sql
\ir views/chargeback_list.sql
\ir views/loss_list.sql
\ir views/route_list.sql
\ir views/payment_routes.sql
\ir views/authorization_list.sql
\ir views/release_list.sql
\ir views/due_list.sql
\ir views/dispute_list.sql
\ir views/split_list.sql
\ir views/journal.sql
\ir views/postings.sql
\ir views/refund_explained.sql
\ir views/account_balances.sql
\ir views/payee_balances.sql
\ir views/shortfall_list.sql
\ir views/settlement_list.sql
\ir views/settlement_lines.sql
\ir views/payout_list.sql
\ir views/period_list.sql
\ir views/trade_flow.sql
\ir views/day_flow.sql
\ir views/channel_balances.sql
\ir views/bank_balances.sql
\ir views/adjustment_list.sql
\ir views/channel_fee_list.sql
\ir views/channel_payout_list.sql
\ir views/history.sql
\ir views/events.sql
\ir views/note_list.sql
\ir views/horizon.sql
-- What may be done. First what all calls share; then step by step what a caller does, each step with its own helpers.
-- What every call does first: it looks at what it was given. A refusal has a code, the numbers and the way out.
\ir functions/input/_check_number.sql
\ir functions/input/_check_channel_txn_no.sql
\ir functions/input/_check_amount.sql
\ir functions/input/_check_plain.sql
\ir functions/input/_check_signed_amount.sql
\ir functions/input/_check_text.sql
\ir functions/input/_check_title.sql
\ir functions/input/_check_choice.sql
\ir functions/input/_check_moment.sql
\ir functions/input/_check_past.sql
\ir functions/input/_same_moment.sql
\ir functions/input/_check_json.sql
\ir functions/input/_check_json_array.sql
\ir functions/input/_check_batch.sql
\ir functions/input/_check_payment_nos.sql
\ir functions/input/_check_limit.sql
\ir functions/input/_parse_moment.sql
\ir functions/input/_parse_payment_nos.sql
\ir functions/input/_new_number.sql
\ir functions/input/_check_merchant.sql
\ir functions/input/_check_channel.sql
\ir functions/input/_check_currency.sql
\ir functions/input/_check_payee.sql
\ir functions/input/_check_order.sql
-- What every call does last: it writes down what happened, in the one log, and counts it.
\ir functions/log/_write_facts.sql
\ir functions/log/_fact.sql
\ir functions/log/_order_fact.sql
\ir functions/log/_movement.sql
\ir functions/log/_recorded_fact.sql
\ir functions/log/_post.sql
\ir functions/log/_post_all.sql
-- What every call that moves money does next: it locks the trades, in ascending number, and only then reads.
\ir functions/locking/_lock_orders_of_payment.sql
\ir functions/locking/_lock_orders_of_loss.sql
\ir functions/locking/_lock_trade.sql
\ir functions/locking/_lock_trade_of_payment.sql
\ir functions/locking/_trade_nos.sql
\ir functions/locking/_lock_trades.sql
\ir functions/locking/_lock_trades_of_order.sql
\ir functions/locking/_lock_channel_refund.sql
-- Before any order: a merchant, its payees, the channels, and which channel a payment method takes.
\ir functions/registering/register_merchant.sql
\ir functions/registering/register_channel.sql
\ir functions/registering/register_payee.sql
\ir functions/registering/set_route.sql
\ir functions/registering/explain_route.sql
-- 1. The buyer puts orders together: merge_orders makes one trade of them, merge_many makes many.
\ir functions/merging/_check_merge_lines.sql
\ir functions/merging/_parse_merges.sql
\ir functions/merging/_read_orders.sql
\ir functions/merging/_taken_of_order.sql
\ir functions/merging/_find_merged.sql
\ir functions/merging/_find_merged_since.sql
\ir functions/merging/_refuse_wrong_orders.sql
\ir functions/merging/_store_orders.sql
\ir functions/merging/_count_orders.sql
\ir functions/merging/_abandon_trades.sql
\ir functions/merging/_lines_of_known_orders.sql
\ir functions/merging/_make_trades.sql
\ir functions/merging/_merge.sql
\ir functions/merging/merge_many.sql
\ir functions/merging/merge_orders.sql
-- Whose the money is: how an amount is divided among a trade's orders, and an order's among its receivers.
\ir functions/dividing/_apportion.sql
\ir functions/dividing/_share_balances.sql
\ir functions/dividing/_take_back.sql
\ir functions/dividing/_divide_shares.sql
\ir functions/dividing/_split_standing.sql
\ir functions/dividing/_taken_from_payee.sql
\ir functions/dividing/_clear_split_line.sql
\ir functions/dividing/_clear_line.sql
\ir functions/dividing/_clearing_facts.sql
\ir functions/dividing/_lock_splits.sql
\ir functions/dividing/_allot.sql
-- One engine reserves money for a refund and frees it again: the same totals, with the sign of the amount.
\ir functions/reserving/_find_destination.sql
\ir functions/reserving/_refund_fact.sql
\ir functions/reserving/_channel_refund_fact.sql
\ir functions/reserving/_count_refunded.sql
\ir functions/reserving/_count_parts.sql
\ir functions/reserving/_new_channel_refund.sql
\ir functions/reserving/_reserve_refund.sql
\ir functions/reserving/_move_channel_refund.sql
-- 2. The buyer pays: start_payment before the channel is asked, authorize_payment, succeed_payment or fail_payment when
-- it answers; record_payment when the money is there already.
\ir functions/paying/_refuse_payment_no.sql
\ir functions/paying/_txn_day.sql
\ir functions/paying/_refuse_channel_txn_no.sql
\ir functions/paying/_check_captured.sql
\ir functions/paying/_payment_fact.sql
\ir functions/paying/_name_transaction.sql
\ir functions/paying/_count_payment.sql
\ir functions/paying/_paid_fact.sql
\ir functions/paying/_apply_payment.sql
\ir functions/paying/start_payment.sql
\ir functions/paying/authorize_payment.sql
\ir functions/paying/succeed_payment.sql
\ir functions/paying/fail_payment.sql
\ir functions/paying/record_payment.sql
\ir functions/paying/_fill_lines.sql
\ir functions/paying/_apply_payments.sql
\ir functions/paying/_plain_payments.sql
\ir functions/paying/_store_payments.sql
\ir functions/paying/_refuse_taken_payment.sql
\ir functions/paying/record_payments.sql
\ir functions/paying/_plain_successes.sql
\ir functions/paying/_store_successes.sql
\ir functions/paying/succeed_payments.sql
-- 3. He does not go on: cancel_order takes one order out, close_trade ends the trade, expire_trades sweeps the rest.
-- Or an order costs something else: reprice_order.
\ir functions/undoing/_take_oldest.sql
\ir functions/undoing/_unapply.sql
\ir functions/undoing/_reverse.sql
\ir functions/undoing/_end_trade.sql
\ir functions/undoing/close_trade.sql
\ir functions/undoing/cancel_order.sql
\ir functions/undoing/expire_trades.sql
\ir functions/undoing/_refuse_repricing.sql
\ir functions/undoing/_reprice_line.sql
\ir functions/undoing/reprice_order.sql
-- 4. He gets money back: preview_refund says where from, refund_order reserves it, record_refund says it was cash.
\ir functions/refunding/_refuse_refund_no.sql
\ir functions/refunding/_same_refund.sql
\ir functions/refunding/_take_named.sql
\ir functions/refunding/_plan_refund.sql
\ir functions/refunding/_give_back.sql
\ir functions/refunding/_refund_once.sql
\ir functions/refunding/preview_refund.sql
\ir functions/refunding/refund_order.sql
\ir functions/refunding/_refunded_line.sql
\ir functions/refunding/_plain_refunds.sql
\ir functions/refunding/_take_from_many.sql
\ir functions/refunding/_store_refunds.sql
\ir functions/refunding/_any_is_limited.sql
\ir functions/refunding/_refund_plain.sql
\ir functions/refunding/refund_orders.sql
\ir functions/refunding/record_refund.sql
-- 6. Money in escrow is released, by call or by its date, unless a dispute holds it back.
\ir functions/escrow/_refuse_dispute.sql
\ir functions/escrow/_refuse_ownerless.sql
\ir functions/escrow/_first_trade_no.sql
\ir functions/escrow/_release.sql
\ir functions/escrow/release_order.sql
\ir functions/escrow/release_due.sql
\ir functions/escrow/open_dispute.sql
\ir functions/escrow/close_dispute.sql
-- 7. An order's money is divided among receivers: split_order, once.
\ir functions/splitting/_parse_shares.sql
\ir functions/splitting/_split_lines.sql
\ir functions/splitting/split_order.sql
-- 5. A worker sends it: claim_channel_refunds, commit, ask the channel, then complete, doubt, fail or defer.
-- What comes later is told, too: bounce, write_off, redirect, resolve_anomaly; and what a channel sent by itself:
-- record_channel_refund.
\ir functions/sending/_check_lease.sql
\ir functions/sending/_refuse_channel_refund_news.sql
\ir functions/sending/_is_still_free.sql
\ir functions/sending/_list_anomaly.sql
\ir functions/sending/_name_transfer.sql
\ir functions/sending/_heard_before.sql
\ir functions/sending/_redirect.sql
\ir functions/sending/_refuse_money_for_voucher.sql
\ir functions/sending/due_merchants.sql
\ir functions/sending/_keep_rules.sql
\ir functions/sending/claim_channel_refunds.sql
\ir functions/sending/complete_channel_refund.sql
\ir functions/sending/_store_completions.sql
\ir functions/sending/_complete_plain.sql
\ir functions/sending/complete_channel_refunds.sql
\ir functions/sending/record_channel_refund.sql
\ir functions/sending/doubt_channel_refund.sql
\ir functions/sending/fail_channel_refund.sql
\ir functions/sending/defer_channel_refund.sql
\ir functions/sending/bounce_channel_refund.sql
\ir functions/sending/write_off.sql
\ir functions/sending/redirect_channel_refund.sql
\ir functions/sending/resolve_anomaly.sql
-- 8. Money moved elsewhere, and a call says so: return_payment, charge_back_payment, reverse_chargeback.
\ir functions/elsewhere/_payment_that_arrived.sql
\ir functions/elsewhere/_lines_to_take.sql
\ir functions/elsewhere/_free_surplus.sql
\ir functions/elsewhere/_rest_of_surplus.sql
\ir functions/elsewhere/_waits_for.sql
\ir functions/elsewhere/_leave_to_a_person.sql
\ir functions/elsewhere/_let_go.sql
\ir functions/elsewhere/_loss.sql
\ir functions/elsewhere/_reopen_lines.sql
\ir functions/elsewhere/_take_returned.sql
\ir functions/elsewhere/_cover_return.sql
\ir functions/elsewhere/_take_charged_back.sql
\ir functions/elsewhere/_cover_chargeback.sql
\ir functions/elsewhere/_cover_losses.sql
\ir functions/elsewhere/_same_return.sql
\ir functions/elsewhere/return_payment.sql
\ir functions/elsewhere/_same_chargeback.sql
\ir functions/elsewhere/_charge.sql
\ir functions/elsewhere/charge_back_payment.sql
\ir functions/elsewhere/_lock_trade_of_chargeback.sql
\ir functions/elsewhere/_give_charged_back.sql
\ir functions/elsewhere/reverse_chargeback.sql
-- 9. The books: balances and statements of any account, folds that keep them fast, periods that are closed.
\ir functions/journal/_current_epoch.sql
\ir functions/journal/_check_horizon.sql
\ir functions/journal/_parse_account.sql
\ir functions/journal/_fold_at.sql
\ir functions/journal/_journal_ranges.sql
\ir functions/journal/_moved_in.sql
\ir functions/journal/_moved_of.sql
\ir functions/journal/_all_totals.sql
\ir functions/journal/_entries_of.sql
\ir functions/journal/_totals_of.sql
\ir functions/journal/account_balance.sql
\ir functions/journal/account_statement.sql
\ir functions/journal/trial_balance.sql
\ir functions/journal/_next_stretch.sql
\ir functions/journal/_fold_stretch.sql
\ir functions/journal/fold_balances.sql
\ir functions/journal/close_period.sql
-- 10. Payees and receivers are paid out: settle_payee, settle_receiver, settle_all; a payout that failed is reversed, one
-- that had arrived after all reinstated, a debt repaid.
\ir functions/settling/_check_receiver.sql
\ir functions/settling/_check_settlement.sql
\ir functions/settling/_check_until.sql
\ir functions/settling/_carried_over.sql
\ir functions/settling/_left_out.sql
\ir functions/settling/_refuse_left_out.sql
\ir functions/settling/_next_settlement.sql
\ir functions/settling/_settlement_fact.sql
\ir functions/settling/_pay_out.sql
\ir functions/settling/_settle.sql
\ir functions/settling/settle_payee.sql
\ir functions/settling/settle_receiver.sql
\ir functions/settling/settle_all.sql
\ir functions/settling/reverse_settlement.sql
\ir functions/settling/reinstate_settlement.sql
\ir functions/settling/record_repayment.sql
-- 11. Whatever else moved is told: adjust_account, record_channel_fee, record_channel_payout.
\ir functions/accounts/_parse_adjustable.sql
\ir functions/accounts/adjust_account.sql
\ir functions/accounts/record_channel_fee.sql
\ir functions/accounts/record_channel_payout.sql
-- 12. Whoever follows reads events, from the position of the last one.
\ir functions/following/read_events.sql
-- Whoever wants to remember something of his own about any of it: annotate.
\ir functions/annotating/_check_notes.sql
\ir functions/annotating/_refuse_unknown.sql
\ir functions/annotating/annotate.sql
-- What the tables refuse by themselves.
\ir triggers/refuse_illegal_transitions.sql
\ir triggers/facts_stay.sql
\ir triggers/numbers_have_their_day.sql
-- Who may.
\ir grants.sql
reset role;
