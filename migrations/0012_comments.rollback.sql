-- Takes back 0012.
set role mixpay_owner;

comment on domain mixpay.payment_state is
'pending: started; authorized: the channel reserved the money, which is not ours yet; succeeded: the money arrived; '
'failed: it did not; closed: its trade was closed.';

comment on domain mixpay.order_state is
'Of an order over all its trades. payable: something of it was never paid; paid: all of it is; partly_refunded: all of '
'it was paid, and some has gone back; refunded: all that was paid of it has gone back.';

comment on domain mixpay.channel_refund_state is
'waiting: for a person or a moment; pending: to be sent; sent: by a worker; doubt: nobody knows; bounced: came back; '
'written_off: nobody will hand it over.';

comment on domain mixpay.log is 'What has a life, and so a log, of its own.';

comment on domain mixpay.account is
'channel: clearing with a channel; order: in escrow of an order; surplus: of a payment; refund: on its way back; '
'anomaly: moved without a place in the books; outside: where nothing of ours is; payee, receiver, fee: whose it is; '
'channel_fee: what channels take; bank: our money at a bank, below zero; loss: what a channel took back and nobody '
'owes us; rounding: what a till never handed over.';

comment on domain mixpay.match_rule is
'channel_txn_no, our_no: the number; payment: of one payment, with the same amount; amount: the same amount and nearly '
'the same moment; batch: the sum of several; booked: somebody booked it from the line.';

comment on domain mixpay.reconciliation_result is
'matched; expected: one side is there, and the other may still come; missing_there, missing_here: it did not; amount, '
'currency, state, fee: the sides differ; duplicate: another line says the same; unknown: nothing that we know of.';

comment on type mixpay.refund_share is
'What one payment bears of a refund, in the smallest unit: amount, and before it refundable, what it could still bear.';

comment on type mixpay.route_choice is
'A route as it is judged for one attempt to pay: why it cannot be taken, or the points for which it would be.';

comment on type mixpay.clearing is
'What accounts get out of escrow, or give back (below zero), and what that is together; split_no if the split makes '
'it; and what the change of the line makes of its order, if it changes its state.';

comment on table mixpay.epochs is 'How many times the database began anew; the last one is now.';

comment on column mixpay.channels.kind is
'online and wallet: asked to send money back; voucher: gives back what it was; offline: a person hands the money over.';

comment on column mixpay.channels.refund_interval is 'How far apart the refunds of one payment must be; null: at once.';

comment on column mixpay.channels.txn_numbers is
'Its own numbers of payments: unique, one for ever; daily, one within a day; none, it may use one again at any time.';

comment on column mixpay.channels.day_zone is 'The time zone of that day.';

comment on column mixpay.channels.is_limited is 'It has a rule about refunds; if not, nobody has to ask which.';

comment on column mixpay.orders.merge_count is
'How many trades it has been merged into. Only merge_orders raises it: that update is the lock that keeps two merges '
'apart.';

comment on column mixpay.trades.allocation is 'The merchant''s choice when the orders were merged.';

comment on column mixpay.trades.fifo_paid_at is
'With fifo_seq, where order refunds start to look: every payment before (paid_at, seq) holds nothing any more; null: '
'at the first. A matter of speed: else each refund would step over the index entries of all that was just spent.';

comment on column mixpay.trade_orders.alone is
'The order''s only line, and its share was all of the order: what it is paid and refunded is what the order is. Else '
'the order has its totals in order_totals.';

comment on column mixpay.repricings.merge_count is
'How many trades it had been merged into by then: whether a merge came before this, its line''s nth says.';

comment on column mixpay.repricings.amount is 'What it costs since, in the currency''s smallest unit.';

comment on column mixpay.payments.method is 'What the caller asked for when the channel was left to routing.';

comment on column mixpay.payments.asked is 'What was started, in the currency''s smallest unit.';

comment on column mixpay.payments.spent is 'It holds nothing any more that an order refund could take.';

comment on column mixpay.payments.captures is
'The payment whose authorization this one captures, too: a further capture.';

comment on column mixpay.payments.txn_day is
'Within which day that number is unique, by what its channel says when the number is written; 0001-01-01: for ever; '
'null: not at all.';

comment on table mixpay.returns is 'Money of a payment that came back: what it paid is to be paid again.';

comment on column mixpay.returns.amount is
'What its channel took back, in the currency''s smallest unit: un-applied, of its surplus, or lost.';

comment on column mixpay.returns.lost is
'What had been given back before, so that nobody owes it; falls when such money is free again.';

comment on column mixpay.chargebacks.amount is
'What the channel took, in the currency''s smallest unit, its fee aside.';

comment on column mixpay.chargebacks.fee is
'What the channel takes for the chargeback; it stays when that is reversed.';

comment on column mixpay.chargebacks.lost is
'What payment and orders had given back before; falls when such money is free again, and when the chargeback is '
'reversed.';

comment on column mixpay.refunds.kind is
'order: by first in, first out; offline: paid out by hand; surplus: what a trade did not need; reversal: un-applied; '
'return, chargeback: taken back by the channel itself.';

comment on column mixpay.refunds.payment_nos is
'The payments an operator named, in this order, instead of first in, first out.';

comment on column mixpay.refunds.return_no is
'The return that took this money; of a surplus: that left this much of it.';

comment on column mixpay.refunds.chargeback_no is
'The chargeback that took this money; of a surplus: that left this much of it.';

comment on table mixpay.anomalies is 'Money that a channel sent although its amount was no longer free.';

comment on column mixpay.disputes.refund_no is 'What the buyer got back by it.';

comment on column mixpay.splits.divided is
'What was divided so far, refunds aside, in the smallest unit. Whoever divides raises it: that update is the lock that '
'keeps apart two trades of the order.';

comment on column mixpay.split_receivers.fixed is 'Of the order, in the currency''s smallest unit.';

comment on column mixpay.split_receivers.takes_remainder is 'It gets what the others leave, and bears what they keep.';

comment on column mixpay.split_receivers.kept_on_refund is
'A refund takes nothing back from it; who takes the rest bears that.';

comment on column mixpay.split_shares.amount is 'Its share of what was divided, refunds aside, in the smallest unit.';

comment on column mixpay.split_shares.taken_back is
'Its part of what was refunded since; who keeps his fee has it nevertheless, and who takes the rest bears it.';

comment on column mixpay.facts.epoch is 'Counts the restores: with xid, the place of the transaction among all.';

comment on column mixpay.facts.order_no is
'The order that it is about; from one order to another: the one that it leaves.';

comment on column mixpay.facts.order_from_state is
'The state of the order whose money it is before this: of the one that gets it, or else of order_no. Empty unless this '
'changes it.';

comment on column mixpay.facts.order_to_state is 'The state of that order then, over all its trades.';

comment on column mixpay.settlements.carried_in is
'What stood before, in the smallest unit: a debt is below zero, a payout that failed since above.';

comment on column mixpay.reconciled_accounts.lag is
'How far the two moments may lie apart, and how long one side waits for the other.';

comment on column mixpay.reconciled_accounts.fee_fixed is 'What it may take beside, in the smallest unit.';

comment on column mixpay.reconciled_accounts.write_off_limit is 'Up to which difference one may be written off.';

comment on column mixpay.reconciled_accounts.last_run is 'How often results were told; grows under the lock.';

comment on column mixpay.statements.format is 'Where its lines come from, in a word: of what format the file was.';

comment on column mixpay.statements.resolution_no is 'How somebody withdrew it. Nothing is compared with it then.';

comment on column mixpay.statement_lines.part is 'What of the line it says, where one says several things; else empty.';

comment on column mixpay.statement_lines.fee is
'What the channel took for it beside the amount; empty: it does not say.';

comment on column mixpay.line_matches.theirs is 'What the line moved, in the smallest unit; nothing, if it failed.';

comment on column mixpay.line_matches.run is 'The run of the account that said the result.';

comment on column mixpay.line_matches.resolution_no is 'How somebody resolved the difference, if it stands.';

comment on table mixpay.unmatched_lines is 'Lines of statements of which nothing of ours was found, at first.';

comment on column mixpay.unmatched_lines.theirs is 'What the line moved, in the smallest unit; nothing, if it failed.';

comment on column mixpay.unmatched_lines.run is 'The run of the account that said the result.';

comment on column mixpay.unmatched_lines.resolution_no is 'How somebody resolved it, if that stands.';

comment on table mixpay.unmatched_items is 'What of ours statements should have covered and did not, at first.';

comment on column mixpay.unmatched_items.theirs is
'What its batch sums to, or its part of the line that pays several; else nothing.';

comment on column mixpay.unmatched_items.run is 'The run of the account that said the result.';

comment on column mixpay.unmatched_items.resolution_no is 'How somebody resolved it, if that stands.';

comment on column mixpay.result_changes.run is 'The run of the account that said something else.';

comment on column mixpay.resolutions.statement_no is 'The line that it is about, with line_no and part; or';

comment on column mixpay.resolutions.kind is
'what of ours it is about, number says which; or what was booked from the line.';

comment on table mixpay.balance_folds is 'The stretches of the journal that are summed up.';

comment on table mixpay.folded_balances is 'What accounts had got and given at the end of each fold that moved them.';

comment on column mixpay.folded_balances.is_last is 'No later fold moved it.';

comment on column mixpay.closed_periods.until_at is
'Its last moment: what was written until then is in it, or in one before.';

comment on column mixpay.closed_periods.seen is
'The transactions whose movements are in it, of this epoch: one that comes after all is in the next one, whatever it '
'says.';

comment on table mixpay.closed_balances is 'The accounts as they stood when each period ended: since the beginning.';

reset role;
