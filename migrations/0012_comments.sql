-- Comments of tables, columns, domains and types are understood at first reading.
-- No row is read or written.
-- The code stays.
set role mixpay_owner;

comment on domain mixpay.payment_state is
'pending: started; authorized: the channel has reserved the money, which is not ours yet; succeeded: the money '
'arrived; failed: it did not arrive, because it was refused, voided or expired; closed: its trade was closed before it '
'arrived.';

comment on domain mixpay.order_state is
'Of an order over all its trades. payable: less is paid of it than it costs; paid: all of it is paid; partly_refunded: '
'all of it is paid, and some has gone back; refunded: all that was paid of it has gone back.';

comment on domain mixpay.channel_refund_state is
'waiting: for a person or a moment; pending: to be sent; sent: a worker has claimed it; doubt: nobody knows whether '
'the channel sent the money; succeeded: the money went back; failed: it did not; bounced: it went, and came back; '
'written_off: nobody will hand it over.';

comment on domain mixpay.log is
'What a log of facts is of: each trade, settlement, repayment, adjustment, channel fee and channel payout has one.';

comment on domain mixpay.account is
'channel: what a channel has of ours, below zero; order: money of an order in escrow; surplus: what a trade did not '
'need of a payment; refund: on its way back; anomaly: moved without a place in the books; outside: anomalies that were '
'written off, and payouts before 0.5.0; payee, receiver, fee: whose the money is; channel_fee: set aside for what '
'channels take; bank: what a bank has of ours, below zero; loss: what a channel took back and nobody owes us; '
'rounding: what a till never handed over.';

comment on domain mixpay.match_rule is
'By what a line and something of ours were matched. channel_txn_no, our_no: by that number; payment: of one payment, '
'with the same amount; amount: the same amount and nearly the same moment; batch: the sum of several; booked: somebody '
'booked it from the line.';

comment on domain mixpay.reconciliation_result is
'matched; expected: one side is there, and the other may still come; missing_there, missing_here: the other did not '
'come; amount, currency, state, fee: the sides differ; duplicate: another line says the same; unknown: nothing that we '
'know of.';

comment on type mixpay.refund_share is
'What one payment bears of a refund: refundable is what it could bear, amount is what it bears, in the smallest unit.';

comment on type mixpay.route_choice is
'A route as it is judged for one attempt to pay: the problem for which it cannot be taken, or else the points for '
'which it is chosen, from stands_from up to, but not including, stands_to.';

comment on type mixpay.clearing is
'What accounts get out of escrow, or give back (below zero), and what that is together; split_no, if a split says who '
'gets it; and the state of the order before and after, if the change of the line changes it.';

comment on table mixpay.epochs is
'The epochs of the database: the first begins with the installation, each later one with a restore. The highest is the '
'current one.';

comment on column mixpay.channels.kind is
'How money goes back. online, wallet: the channel is asked to send it; voucher: it gives vouchers back; offline: a '
'person hands the money over.';

comment on column mixpay.channels.refund_interval is
'How much time must lie between two refunds of one payment; null: none.';

comment on column mixpay.channels.txn_numbers is
'How often it uses a number for a payment. unique: once for ever; daily: once in a day; none: again at any time.';

comment on column mixpay.channels.day_zone is
'The time zone of the days in which daily numbers (txn_numbers) are used once.';

comment on column mixpay.channels.is_limited is
'It has a rule that limits refunds: can_refund or can_refund_in_part is false, or a limit is set.';

comment on column mixpay.orders.merge_count is
'How many trades it has been merged into. merge_orders and merge_many raise it; that update locks the row, so two '
'merges of the order wait for each other.';

comment on column mixpay.trades.allocation is
'How payments are divided among its orders: the merchant''s choice when the orders were merged.';

comment on column mixpay.trades.fifo_paid_at is
'With fifo_seq, where order refunds begin to look: nothing of the payments before (paid_at, seq) is left to refund; '
'null: they begin at the first one. It only makes them fast: a refund need not read all payments that are spent.';

comment on column mixpay.trade_orders.alone is
'True: it is the order''s only line, and its share was all of the order, so its paid and refunded are those of the '
'order. False: those of the order are in order_totals.';

comment on column mixpay.repricings.merge_count is
'How many trades the order had been merged into by then. A line of the order whose nth is above this was merged later.';

comment on column mixpay.repricings.amount is 'What it costs from then on, in the currency''s smallest unit.';

comment on column mixpay.payments.method is
'The payment method that the caller named. If the caller named no channel, routing chose one for it.';

comment on column mixpay.payments.asked is
'The amount that it was started or recorded with, in the currency''s smallest unit.';

comment on column mixpay.payments.spent is
'True: all of applied has been refunded or is on its way back, so an order refund can take nothing from it. Also true '
'while applied is 0.';

comment on column mixpay.payments.captures is
'If this is a further capture: the payment whose authorization it captures.';

comment on column mixpay.payments.txn_day is
'The day in which channel_txn_no is unique, by the channel''s txn_numbers at the time when it was written. 0001-01-01: '
'it is unique for ever; null: it need not be unique.';

comment on table mixpay.returns is
'Money of a payment that its channel took back, such as a debit that bounced: what it paid is to be paid again.';

comment on column mixpay.returns.amount is
'What the channel took back, in the currency''s smallest unit: the sum of unapplied, lost and what it took of the '
'payment''s surplus.';

comment on column mixpay.returns.lost is
'What the payment and its orders no longer had, such as money refunded before: a loss, for nobody owes it. It falls '
'when such a refund does not get through.';

comment on column mixpay.chargebacks.amount is
'What the channel took, in the currency''s smallest unit, without its fee.';

comment on column mixpay.chargebacks.fee is
'What the channel took for the chargeback, in the smallest unit; a reversal does not give it back.';

comment on column mixpay.chargebacks.lost is
'What the payment and its orders no longer had, such as money refunded before: a loss. It falls when such a refund '
'does not get through, and when the chargeback is reversed.';

comment on column mixpay.refunds.kind is
'order: of an order; offline: of an order, paid out by hand; surplus: what a trade did not need; reversal: taken from '
'orders, because a trade was closed, or an order was cancelled or costs less; return, chargeback: the channel took it '
'back by itself.';

comment on column mixpay.refunds.payment_nos is
'The payments that the caller named, if any: the refund takes from them in this order, not first in, first out.';

comment on column mixpay.refunds.return_no is
'The return that took this money. Of kind surplus: the return that took a part of the surplus and left this one, which '
'goes back to the buyer.';

comment on column mixpay.refunds.chargeback_no is
'The chargeback that took this money. Of kind surplus: the chargeback that took a part of the surplus and left this '
'one, which goes back to the buyer.';

comment on table mixpay.anomalies is
'Money that a channel sent back although its amount had been freed and given to others.';

comment on column mixpay.disputes.refund_no is
'The refund that gave the buyer money back, if the dispute ended with one.';

comment on column mixpay.splits.divided is
'How much of the order was divided so far, in the smallest unit; a refund does not lower it. Whoever divides raises '
'it; that update locks the row, so two trades of the order wait for each other.';

comment on column mixpay.split_receivers.fixed is
'Its fixed amount of the whole order, in the currency''s smallest unit; 0: none.';

comment on column mixpay.split_receivers.takes_remainder is
'It gets what the others leave, and bears what receivers with kept_on_refund keep.';

comment on column mixpay.split_receivers.kept_on_refund is
'A refund takes nothing back from it; the receiver who takes the remainder bears that.';

comment on column mixpay.split_shares.amount is
'Its share of what was divided, in the smallest unit; a refund does not lower it.';

comment on column mixpay.split_shares.taken_back is
'Its part of what was refunded since, in proportion to its share. With kept_on_refund, the receiver keeps this money, '
'and the receiver who takes the remainder gives it back.';

comment on column mixpay.facts.epoch is
'The epoch of the transaction. Transaction ids begin anew in each epoch, so epoch and xid together give its place.';

comment on column mixpay.facts.order_no is
'The order that it is about; if money moves from one order to another, the one that it leaves.';

comment on column mixpay.facts.order_from_state is
'If this changes the state of an order, the state before; else empty. It is the order that gets the money, or else '
'order_no.';

comment on column mixpay.facts.order_to_state is
'If this changes the state of an order, the state after it, over all its trades; else empty.';

comment on column mixpay.settlements.carried_in is
'What the account had from before its lines, in the smallest unit. Below zero: a debt. Above zero: a payout that '
'failed, a repayment, or what was beyond the largest payout.';

comment on column mixpay.reconciled_accounts.lag is
'How far the moments of a line and of what is on record may lie apart, and how long one side waits for the other.';

comment on column mixpay.reconciled_accounts.fee_fixed is
'What the channel may take of each payment in addition to fee_rate, in the smallest unit.';

comment on column mixpay.reconciled_accounts.write_off_limit is
'The largest difference that may be written off, in the smallest unit.';

comment on column mixpay.reconciled_accounts.last_run is
'The number of the last run. Each reconciliation is a run, and so is each call that resolves a difference, takes a '
'resolution back or withdraws a statement. A run raises it, and that locks the account.';

comment on column mixpay.statements.format is 'Where its lines come from, in a word: the format of the file.';

comment on column mixpay.statements.resolution_no is
'The resolution that withdrew it: nothing is compared with it then. Empty: it was not withdrawn.';

comment on column mixpay.statement_lines.part is
'If a line of the file says several things: which of them this is, such as fee; else empty.';

comment on column mixpay.statement_lines.fee is
'What the channel took for it, in the smallest unit; amount is what moved before that was taken off. Empty: the line '
'names no fee.';

comment on column mixpay.line_matches.theirs is 'What the line moved, in the smallest unit; 0 if nothing moved.';

comment on column mixpay.line_matches.run is 'Which run of the account (last_run) gave this result.';

comment on column mixpay.line_matches.resolution_no is
'The resolution of the difference; empty: there is none, or it was taken back.';

comment on table mixpay.unmatched_lines is
'Lines of statements of which nothing of ours was found when they were compared; it may have come later.';

comment on column mixpay.unmatched_lines.theirs is 'What the line moved, in the smallest unit; 0 if it failed.';

comment on column mixpay.unmatched_lines.run is 'Which run of the account (last_run) gave this result.';

comment on column mixpay.unmatched_lines.resolution_no is
'The resolution of the difference; empty: there is none, or it was taken back.';

comment on table mixpay.unmatched_items is
'What of ours had no line when its statement was compared; the line may have come later.';

comment on column mixpay.unmatched_items.theirs is
'What its batch sums to, or its part of the line that pays several; else 0.';

comment on column mixpay.unmatched_items.run is 'Which run of the account (last_run) gave this result.';

comment on column mixpay.unmatched_items.resolution_no is
'The resolution of the difference; empty: there is none, or it was taken back.';

comment on column mixpay.result_changes.run is 'Which run of the account (last_run) gave the later result.';

comment on column mixpay.resolutions.statement_no is
'The statement of the line that it is about, with line_no and part; or the statement that was withdrawn. Empty: it is '
'about something of ours without a line.';

comment on column mixpay.resolutions.kind is
'What of ours it is about, or what was booked from the line; number says which. Empty: it is about a line alone, or a '
'whole statement.';

comment on table mixpay.balance_folds is
'Stretches of the journal that are summed up in folded_balances, so that balances need not read them again.';

comment on table mixpay.folded_balances is
'What had come into and gone out of accounts at the end of each fold that has movements of them.';

comment on column mixpay.folded_balances.is_last is 'No later fold has movements of this account in this currency.';

comment on column mixpay.closed_periods.until_at is
'The last moment of the period: what was written after it is in a later one.';

comment on column mixpay.closed_periods.seen is
'The snapshot in which the period was closed; epoch says of which epoch. What other transactions wrote, because they '
'ended later, is in a later period, even if its created_at is before until_at.';

comment on table mixpay.closed_balances is
'What had come into and gone out of each account, from the beginning until the end of each closed period.';

reset role;
