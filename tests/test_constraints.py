"""Each constraint holds alone: what it refuses is refused although no function stands before it."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from books import let_folds_be_small
from psycopg import Connection
from shop import (
    Shop,
    day,
    open_for_a_fourth_week,
    open_for_a_third_week,
    open_for_a_week,
    open_for_a_week_of_returns,
    open_for_a_week_of_statements,
    open_for_another_week,
)

from mixpay_db.resources import migrations_dir

FACT = (
    "insert into mixpay.facts (merchant_id, log, log_no, entry, entity, number, from_state, "
    "to_state, from_account, from_owner, to_account, to_owner, amount, epoch, currency, "
    "happened_at) values ('m', {}, 1, 'CNY', now())"
)
REPAYMENT = (
    "insert into mixpay.repayments (merchant_id, repayment_no, account, owner, amount, currency, "
    "repaid_at) values ('m', {}, 'CNY', now())"
)
RETURN = (
    "insert into mixpay.returns (merchant_id, return_no, payment_no, amount, lost, returned_at) "
    "values ('m', {}, now())"
)
CHARGEBACK = (
    "insert into mixpay.chargebacks (merchant_id, chargeback_no, payment_no, order_no, amount, "
    "lost, reversed, state, charged_at, reversed_at) values ('m', {})"
)
SPLIT_RECEIVER = (
    "insert into mixpay.split_receivers (merchant_id, split_no, position, kind, receiver, fixed, "
    "rate, takes_remainder, kept_on_refund, account) values ('m', {}, 'receiver')"
)
ADJUSTMENT = (
    "insert into mixpay.adjustments (merchant_id, adjustment_no, account, owner, against_account, "
    "against_owner, amount, currency) values ('m', {}, 'CNY')"
)
CHANNEL_FEE = (
    "insert into mixpay.channel_fees (merchant_id, fee_no, channel, amount, currency, payment_no, "
    "charged_at) values ('m', {}, now())"
)


REPRICING = (
    "insert into mixpay.repricings (merchant_id, reprice_no, order_no, nth, merge_count, "
    "from_amount, amount, reason) values ('m', {})"
)
ONE_MORE = "'N', 'A', 1, 1, 90, 100, 'x'"
BOUNCED = (
    "insert into mixpay.bounced_transfers (merchant_id, channel_refund_no, nth, refunded_at, "
    "bounced_at) select merchant_id, channel_refund_no, 1, now(), now() "
    "from mixpay.channel_refunds where refund_no = 'R1'"
)
NOTES = (
    "insert into mixpay.notes (merchant_id, entity, number, notes) values ('m', 'order', 'A', {})"
)

LINE = (
    "insert into mixpay.statement_lines (merchant_id, amount, currency, happened_at, statement_no, "
    "line_no, kind, state) values ('m', 1, 'CNY', now(), {})"
)
TOTAL = (
    "insert into mixpay.statement_totals (merchant_id, line_count, amount, fee, statement_no, "
    "currency) values ('m', 1, 1, 0, {})"
)
STATEMENT = (
    "insert into mixpay.statements (merchant_id, account, format, statement_no, owner) "
    "values ('m', 'channel', 'lines', {})"
)
MATCH = (
    "insert into mixpay.line_matches (merchant_id, statement_no, part, account, owner, currency, "
    "theirs, ours, happened_at, run, line_no, kind, number, rule, result) "
    "values ('m', 'S-1', '', 'channel', 'bank', 'CNY', 1, 1, now(), 1, {})"
)
RESOLUTION = (
    "insert into mixpay.resolutions (merchant_id, account, owner, resolved_by, resolution_no, "
    "action, takes_back, reason) values ('m', 'channel', 'bank', 'Zoe', {})"
)


def settlement(**columns: Any) -> str:
    """A settlement of nothing in which every constraint but one is met."""
    row = {
        "settlement_no": "N",
        "account": "payee",
        "owner": "S",
        "currency": "CNY",
        "nth": 9,
        "until_at": "2026-01-01Z",
        "from_epoch": 1,
        "from_xid": "0",
        "until_epoch": 1,
        "until_xid": "0",
        "carried_in": 0,
        "earned": 0,
        "amount": 0,
        "carried_out": 0,
        **columns,
    }
    values = ", ".join("null" if value is None else f"'{value}'" for value in row.values())
    return f"insert into mixpay.settlements (merchant_id, {', '.join(row)}) values ('m', {values})"


# By table or domain and constraint: what it alone refuses.
REFUSED: dict[tuple[str, str], str] = {
    # Domains.
    ("account", "account_is_known"): FACT.format(
        "'trade', 'T1', 99, 'trade', 'T1', null, null, 'channel', 'card', 'x', 'x', 1"
    ),
    ("allocation", "allocation_is_known"): "update mixpay.merchants set allocation = 'lifo'",
    ("amount", "amount_is_0_to_1e15"): "update mixpay.trades set paid = -1 where trade_no = 'T4'",
    ("channel_refund_state", "channel_refund_state_is_known"): (
        "update mixpay.channel_refunds set state = 'lost', due_at = null, refunded_at = null"
    ),
    ("entity", "entity_is_known"): FACT.format(
        "'trade', 'T1', 99, 'x', 'T1', '', 'open', null, null, null, null, null"
    ),
    ("log", "log_is_known"): FACT.format(
        "'order', 'A', 1, 'trade', 'T1', '', 'open', null, null, null, null, null"
    ),
    ("channel_number", "channel_number_is_1_to_255_characters"): (
        "update mixpay.payments set channel_txn_no = E'a\\tb' where payment_no = 'P4'"
    ),
    ("number", "number_is_1_to_64_printable_ascii"): (
        "insert into mixpay.merchants (merchant_id, title, allocation) values ('a b', 'x', 'fifo')"
    ),
    ("order_state", "order_state_is_known"): (
        "insert into mixpay.facts (merchant_id, log, log_no, entry, epoch, entity, number, "
        "from_state, to_state, currency, happened_at, order_from_state, order_to_state) "
        "values ('m', 'trade', 'T1', 99, 1, 'trade', 'T1', 'open', 'open', 'CNY', now(), "
        "'paid', 'lost')"
    ),
    ("payment_state", "payment_state_is_known"): (
        "update mixpay.payments set state = 'lost' where payment_no = 'P4'"
    ),
    ("positive_amount", "amount_is_1_to_1e15"): (
        "update mixpay.payments set asked = 0 where payment_no = 'P4'"
    ),
    ("signed_amount", "amount_is_1_to_1e15_either_way"): ADJUSTMENT.format(
        "'N', 'payee', 'S', 'fee', 'x', 0"
    ),
    ("share_kind", "share_kind_is_known"): SPLIT_RECEIVER.format(
        "'X1', 9, 'friend', 'me', 0, 1, false, false"
    ),
    ("trade_state", "trade_state_is_known"): (
        "update mixpay.trades set state = 'lost' where trade_no = 'T4'"
    ),
    # Reference data.
    ("channels", "channels_pkey"): "insert into mixpay.channels values ('card', 'Card', 'online')",
    ("channels", "channel_is_a_short_lower_case_name"): (
        "insert into mixpay.channels values ('Card', 'Card', 'online')"
    ),
    ("channels", "kind_is_known"): "insert into mixpay.channels values ('x', 'X', 'barter')",
    ("channels", "channels_fallback_channel_fkey"): (
        "update mixpay.channels set fallback_channel = 'x' where channel = 'card'"
    ),
    ("channels", "txn_numbers_are_known"): "update mixpay.channels set txn_numbers = 'weekly'",
    ("channels", "fallback_is_another_channel"): (
        "update mixpay.channels set fallback_channel = 'card' where channel = 'card'"
    ),
    ("channels", "limits_are_positive"): (
        "update mixpay.channels set refund_window = '1 month -30 days' where channel = 'card'"
    ),
    ("channels", "title_is_not_blank"): "insert into mixpay.channels values ('x', ' ', 'online')",
    ("channels", "title_has_no_control_characters"): (
        "update mixpay.channels set title = E'a\\tb'"
    ),
    ("currencies", "currencies_pkey"): "insert into mixpay.currencies values ('CNY', 2, 'Yuan')",
    ("currencies", "currency_is_an_iso_4217_code"): (
        "insert into mixpay.currencies values ('cny', 2, 'Yuan')"
    ),
    ("currencies", "exponent_is_0_to_4"): "insert into mixpay.currencies values ('XYZ', 5, 'X')",
    ("state_transitions", "state_transitions_pkey"): (
        "insert into mixpay.state_transitions values ('trade', '', 'open', 'again')"
    ),
    ("state_transitions", "entity_is_known"): (
        "insert into mixpay.state_transitions values ('x', '', 'open', 'x')"
    ),
    # Whose money.
    ("merchants", "merchants_pkey"): (
        "insert into mixpay.merchants (merchant_id, title, allocation) values ('m', 'x', 'fifo')"
    ),
    ("merchants", "title_is_not_blank"): "update mixpay.merchants set title = ' '",
    ("merchants", "title_has_no_control_characters"): (
        "update mixpay.merchants set title = E'a\\tb'"
    ),
    ("payees", "payees_pkey"): (
        "insert into mixpay.payees (merchant_id, payee_no, title) values ('m', 'S', 'x')"
    ),
    ("payees", "payees_merchant_id_fkey"): (
        "insert into mixpay.payees (merchant_id, payee_no, title) values ('n', 'S', 'x')"
    ),
    ("payees", "title_is_not_blank"): "update mixpay.payees set title = ' '",
    ("payees", "title_has_no_control_characters"): ("update mixpay.payees set title = E'a\\tb'"),
    ("orders", "orders_pkey"): "update mixpay.orders set order_no = 'A'",
    ("orders", "orders_merchant_id_fkey"): (
        "insert into mixpay.orders (merchant_id, order_no, currency, amount) "
        "values ('n', 'A', 'CNY', 1)"
    ),
    ("orders", "orders_merchant_id_payee_no_fkey"): "update mixpay.orders set payee_no = 'X'",
    ("orders", "merge_count_is_positive"): "update mixpay.orders set merge_count = 0",
    ("routes", "routes_pkey"): (
        "insert into mixpay.routes (merchant_id, method, channel, currency, priority, weight) "
        "values ('m', 'qr', 'card', 'CNY', 1, 1)"
    ),
    ("routes", "method_is_named"): "update mixpay.routes set method = ''",
    ("routes", "weight_is_0_to_1e6"): "update mixpay.routes set weight = -1",
    ("routes", "range_is_not_empty"): "update mixpay.routes set min_amount = 2, max_amount = 1",
    # Money in.
    ("trades", "trades_pkey"): (
        "insert into mixpay.trades (merchant_id, trade_no, currency, amount, allocation) "
        "values ('m', 'T1', 'CNY', 1, 'fifo')"
    ),
    ("trades", "trades_merchant_id_fkey"): (
        "insert into mixpay.trades (merchant_id, trade_no, currency, amount, allocation) "
        "values ('n', 'T', 'CNY', 1, 'fifo')"
    ),
    ("trade_rules", "open_lacks_something_and_paid_nothing"): (
        "update mixpay.trades set paid = amount where trade_no = 'T2'"
    ),
    ("trade_rules", "paid_is_never_above_amount"): (
        "update mixpay.trades set paid = amount + 1 where trade_no = 'T3'"
    ),
    ("trade_rules", "refunded_is_never_above_paid"): (
        "update mixpay.trades set refunded = paid + 1 where trade_no = 'T2'"
    ),
    ("trade_rules", "only_a_closed_trade_keeps_paid"): (
        "update mixpay.trades set keeps_paid = true where trade_no = 'T1'"
    ),
    ("trade_orders", "trade_orders_pkey"): (
        "update mixpay.trade_orders set position = 1 where order_no = 'B'"
    ),
    ("trade_orders", "trade_orders_merchant_id_trade_no_fkey"): (
        "update mixpay.trade_orders set trade_no = 'X' where trade_no = 'T2'"
    ),
    ("trade_orders", "trade_orders_merchant_id_order_no_fkey"): (
        "update mixpay.trade_orders set order_no = 'X' where trade_no = 'T2'"
    ),
    ("trade_orders", "nth_is_the_orders_own_counter"): (
        "update mixpay.trade_orders set nth = 1 where trade_no = 'T4'"
    ),
    ("trade_orders", "an_order_has_one_live_line"): (
        "update mixpay.trade_orders set live = true where trade_no = 'T3'"
    ),
    ("trade_order_rules", "amount_is_never_above_asked"): (
        "update mixpay.trade_orders set amount = asked + 1 where cancelled_at is null"
    ),
    ("repricings", "repricings_pkey"): (
        REPRICING.format("'N', 'A', 1, 1, 1, 1, null), ('m', 'N', 'B', 1, 1, 1, 1, null")
    ),
    ("repricings", "repricings_merchant_id_order_no_fkey"): REPRICING.format(
        "'N', 'X', 1, 1, 1, 1, null"
    ),
    ("repricings", "counters_are_positive"): REPRICING.format("'N', 'A', 0, 1, 1, 1, null"),
    ("repricings", "reason_has_no_control_characters"): REPRICING.format(
        "'N', 'A', 1, 1, 1, 1, E'a\nb'"
    ),
    ("repricings", "nth_repricing_is_the_orders_own_counter"): REPRICING.format(
        "'N', 'A', 1, 1, 1, 1, null), ('m', 'N2', 'A', 1, 1, 1, 1, null"
    ),
    ("notes", "notes_pkey"): NOTES.format("'{}'), ('m', 'order', 'A', '{}'"),
    ("notes", "notes_are_a_flat_object"): NOTES.format("""'{"a": [1]}'"""),
    ("notes", "notes_are_at_most_16_kb"): NOTES.format(
        "jsonb_build_object('a', repeat('x', 16384))"
    ),
    ("notes", "keys_are_at_most_100"): NOTES.format(
        "(select jsonb_object_agg(n, 1) from generate_series(1, 101) as n)"
    ),
    ("notes", "keys_are_1_to_64_characters"): NOTES.format(
        "jsonb_build_object(repeat('k', 65), 1)"
    ),
    ("notes", "notes_have_no_control_characters"): NOTES.format(
        "jsonb_build_object('a', 'b' || chr(155))"
    ),
    ("trade_order_rules", "paid_is_never_above_amount"): (
        "update mixpay.trade_orders set paid = amount + 1 where cancelled_at is null"
    ),
    # What is cleared is never below zero, so the other rule would refuse it, too.
    ("trade_order_rules", "refunded_is_never_above_paid"): (
        "alter domain mixpay.trade_order_rules "
        "drop constraint cleared_is_never_above_what_is_there; "
        "update mixpay.trade_orders set refunded = paid + 1"
    ),
    ("trade_order_rules", "cleared_is_never_above_what_is_there"): (
        "update mixpay.trade_orders set cleared = cleared + 1 where order_no = 'M'"
    ),
    ("trade_order_rules", "a_release_is_due_only_with_a_hold"): (
        "update mixpay.trade_orders set release_due_at = now()"
    ),
    ("trade_order_rules", "a_cancelled_line_needs_nothing"): (
        "update mixpay.trade_orders set amount = 30 where order_no = 'F'"
    ),
    ("order_totals", "order_totals_pkey"): (
        "insert into mixpay.order_totals select * from mixpay.order_totals"
    ),
    ("order_totals", "order_totals_merchant_id_order_no_fkey"): (
        "insert into mixpay.order_totals values ('m', 'X', 1, 0, 0)"
    ),
    ("order_totals", "refunded_is_never_above_paid"): (
        "update mixpay.order_totals set refunded = paid + 1"
    ),
    ("payments", "payments_pkey"): (
        "update mixpay.payments set payment_no = 'P3' where payment_no = 'P4'"
    ),
    ("payments", "payments_merchant_id_trade_no_fkey"): "update mixpay.payments set trade_no = 'X'",
    ("payments", "a_channel_transaction_pays_once"): (
        "update mixpay.payments set channel = 'card', channel_txn_no = 'X1' where payment_no = 'P4'"
    ),
    ("payments", "payments_merchant_id_captures_fkey"): (
        "update mixpay.payments set captures = 'X' where payment_no = 'P4'"
    ),
    ("payment_rules", "captures_another"): (
        "update mixpay.payments set captures = 'P4' where payment_no = 'P4'"
    ),
    ("payment_rules", "an_authorization_has_its_amount"): (
        "update mixpay.payments set authorization_no = 'a-1' where payment_no = 'P4'"
    ),
    ("payment_rules", "amount_is_applied_and_surplus"): (
        "update mixpay.payments set surplus = 1 where payment_no = 'P3'"
    ),
    ("payment_rules", "only_a_success_brings_money"): (
        "update mixpay.payments set state = 'succeeded' where payment_no = 'P4'"
    ),
    ("payment_rules", "money_has_its_moment_and_place"): (
        "update mixpay.payments set seq = 1 where payment_no = 'P4'"
    ),
    ("payment_rules", "order_refunds_are_never_above_applied"): (
        "update mixpay.payments set refunded = applied + 1 where payment_no = 'P3'"
    ),
    ("payment_rules", "refunded_includes_surplus_refunded"): (
        "update mixpay.payments set refunded = 9 where payment_no = 'P2'"
    ),
    ("payment_rules", "surplus_refunded_is_never_above_surplus"): (
        "update mixpay.payments set surplus_refunded = 11, refunded = 11 where payment_no = 'P2'"
    ),
    # Money back.
    ("refunds", "refunds_pkey"): (
        "insert into mixpay.refunds (merchant_id, refund_no, kind, order_no, amount) "
        "values ('m', 'R1', 'order', 'A', 1)"
    ),
    ("refunds", "refunds_merchant_id_order_no_fkey"): (
        "update mixpay.refunds set order_no = 'X' where refund_no = 'R1'"
    ),
    ("refund_rules", "kind_is_known"): (
        "update mixpay.refunds set kind = 'gift', order_no = null where refund_no = 'R1'"
    ),
    ("refund_rules", "order_is_named_by_order_refunds"): (
        "update mixpay.refunds set order_no = null where refund_no = 'R1'"
    ),
    ("refund_rules", "payment_nos_is_a_plain_list"): (
        "update mixpay.refunds set payment_nos = '{{P1}}' where refund_no = 'R1'"
    ),
    ("refund_rules", "parts_are_never_above_amount"): (
        "update mixpay.refunds set succeeded = 31 where refund_no = 'R1'"
    ),
    ("refund_rules", "state_follows_from_the_parts"): (
        "update mixpay.refunds set succeeded = 29 where refund_no = 'R1'"
    ),
    ("refund_rules", "reason_has_no_control_characters"): (
        "update mixpay.refunds set reason = E'a\\tb'"
    ),
    ("refunds", "refunds_merchant_id_return_no_fkey"): (
        "update mixpay.refunds set return_no = 'X' where kind = 'return'"
    ),
    ("refunds", "refunds_merchant_id_chargeback_no_fkey"): (
        "update mixpay.refunds set chargeback_no = 'X' where kind = 'chargeback'"
    ),
    ("refund_rules", "its_cause_is_named"): (
        "update mixpay.refunds set return_no = 'V1' where refund_no = 'R1'"
    ),
    ("returns", "returns_pkey"): RETURN.format("'V1', 'P1', 1, 0"),
    ("returns", "returns_merchant_id_payment_no_fkey"): RETURN.format("'V9', 'X', 1, 0"),
    ("returns", "parts_are_never_above_amount"): RETURN.format("'V9', 'P1', 1, 2"),
    ("chargebacks", "chargebacks_pkey"): CHARGEBACK.format(
        "'C1', 'P1', null, 1, 0, 0, 'charged', now(), null"
    ),
    ("chargebacks", "chargebacks_merchant_id_payment_no_fkey"): CHARGEBACK.format(
        "'C9', 'X', null, 1, 0, 0, 'charged', now(), null"
    ),
    ("chargebacks", "chargebacks_merchant_id_order_no_fkey"): CHARGEBACK.format(
        "'C9', 'P1', 'X', 1, 0, 0, 'charged', now(), null"
    ),
    ("chargebacks", "parts_are_never_above_amount"): CHARGEBACK.format(
        "'C9', 'P1', null, 1, 2, 0, 'charged', now(), null"
    ),
    ("chargebacks", "state_follows_from_reversed"): CHARGEBACK.format(
        "'C9', 'P1', null, 2, 0, 0, 'reversed', now(), null"
    ),
    ("returns", "reason_has_no_control_characters"): (
        "insert into mixpay.returns (merchant_id, return_no, payment_no, amount, reason, "
        "returned_at) values ('m', 'V9', 'P1', 1, E'a\\tb', now())"
    ),
    ("chargebacks", "reason_has_no_control_characters"): (
        "insert into mixpay.chargebacks (merchant_id, chargeback_no, payment_no, amount, reason, "
        "charged_at) values ('m', 'C9', 'P1', 1, E'a\\tb', now())"
    ),
    ("chargebacks", "reversal_reason_has_no_control_characters"): (
        "update mixpay.chargebacks set reversal_reason = E'a\\tb' where chargeback_no = 'C1'"
    ),
    ("chargebacks", "reversed_has_its_moment"): (
        "update mixpay.chargebacks set reversed_at = null where chargeback_no = 'C1'"
    ),
    ("refund_details", "refund_details_pkey"): (
        "insert into mixpay.refund_details (merchant_id, refund_no, payment_no, amount) "
        "values ('m', 'R1', 'P1', 1)"
    ),
    ("refund_details", "refund_details_merchant_id_refund_no_fkey"): (
        "insert into mixpay.refund_details (merchant_id, refund_no, payment_no, amount) "
        "values ('m', 'X', 'P1', 1)"
    ),
    ("refund_details", "refund_details_merchant_id_payment_no_fkey"): (
        "insert into mixpay.refund_details (merchant_id, refund_no, payment_no, amount) "
        "values ('m', 'R1', 'X', 1)"
    ),
    ("channel_refunds", "channel_refunds_pkey"): (
        "insert into mixpay.channel_refunds (merchant_id, channel_refund_no, refund_no, "
        "payment_no, channel, amount, state) select merchant_id, channel_refund_no, refund_no, "
        "payment_no, channel, amount, 'waiting' from mixpay.channel_refunds where refund_no = 'R2'"
    ),
    ("channel_refunds", "channel_refunds_merchant_id_refund_no_payment_no_fkey"): (
        "insert into mixpay.channel_refunds (merchant_id, channel_refund_no, refund_no, "
        "payment_no, channel, amount, state) values ('m', 'N', 'R1', 'P3', 'card', 1, 'waiting')"
    ),
    ("channel_refunds", "a_detail_has_one_standing_channel_refund"): (
        "insert into mixpay.channel_refunds (merchant_id, channel_refund_no, refund_no, "
        "payment_no, channel, amount, state) values ('m', 'N', 'R1', 'P1', 'card', 30, 'waiting')"
    ),
    ("channel_refund_rules", "cleared_is_never_above_amount"): (
        "update mixpay.channel_refunds set cleared = amount + 1"
    ),
    ("channel_refund_rules", "work_is_due_some_time"): (
        "update mixpay.channel_refunds set due_at = null where refund_no = 'R3'"
    ),
    ("channel_refund_rules", "money_that_went_back_has_its_moment"): (
        "update mixpay.channel_refunds set refunded_at = null where refund_no = 'R1'"
    ),
    ("channel_refund_rules", "money_that_came_back_has_its_moment"): (
        "update mixpay.channel_refunds set bounced_at = now() where refund_no = 'R1'"
    ),
    ("channel_refunds", "channel_refunds_merchant_id_redirected_from_fkey"): (
        "update mixpay.channel_refunds set redirected_from = 'X' where refund_no = 'R1'"
    ),
    ("channel_refunds", "a_channel_refund_has_one_successor"): (
        "update mixpay.channel_refunds set redirected_from = (select max(redirected_from) "
        "from mixpay.channel_refunds where redirected_from is not null) where refund_no = 'R1'"
    ),
    ("channel_refund_rules", "reason_has_no_control_characters"): (
        "update mixpay.channel_refunds set reason = E'a\\tb'"
    ),
    ("anomalies", "anomalies_pkey"): (
        "insert into mixpay.anomalies (merchant_id, channel_refund_no, amount, happened_at) "
        "select merchant_id, channel_refund_no, 1, now() from mixpay.anomalies"
    ),
    ("anomalies", "anomalies_merchant_id_channel_refund_no_fkey"): (
        "insert into mixpay.anomalies (merchant_id, channel_refund_no, amount, happened_at) "
        "values ('m', 'X', 1, now())"
    ),
    ("anomaly_resolutions", "anomaly_resolutions_pkey"): (
        "insert into mixpay.anomaly_resolutions (merchant_id, channel_refund_no, resolution) "
        "select merchant_id, channel_refund_no, 'booked' from mixpay.anomaly_resolutions"
    ),
    ("anomaly_resolutions", "anomaly_resolutions_merchant_id_channel_refund_no_nth_fkey"): (
        "insert into mixpay.anomaly_resolutions (merchant_id, channel_refund_no, resolution, nth) "
        "select merchant_id, channel_refund_no, 'booked', 2 from mixpay.anomalies"
    ),
    ("bounced_transfers", "bounced_transfers_pkey"): BOUNCED + "; " + BOUNCED,
    ("bounced_transfers", "bounced_transfers_merchant_id_channel_refund_no_fkey"): (
        "insert into mixpay.bounced_transfers values ('m', 'X', 1, null, now(), now())"
    ),
    ("anomaly_resolutions", "resolution_is_known"): (
        "insert into mixpay.anomaly_resolutions (merchant_id, channel_refund_no, resolution) "
        "select merchant_id, channel_refund_no, 'forgotten' from mixpay.anomaly_list"
    ),
    ("anomaly_resolutions", "recovered_has_its_moment"): (
        "insert into mixpay.anomaly_resolutions (merchant_id, channel_refund_no, resolution) "
        "select merchant_id, channel_refund_no, 'recovered' from mixpay.anomaly_list"
    ),
    ("anomaly_resolutions", "reason_has_no_control_characters"): (
        "insert into mixpay.anomaly_resolutions "
        "(merchant_id, channel_refund_no, resolution, reason) "
        "select merchant_id, channel_refund_no, 'booked', E'a\\tb' from mixpay.anomaly_list"
    ),
    # What happened.
    ("epochs", "epochs_pkey"): "insert into mixpay.epochs (epoch) values (1)",
    ("epochs", "epoch_is_positive"): "insert into mixpay.epochs (epoch) values (0)",
    ("facts", "facts_pkey"): FACT.format(
        "'trade', 'T1', 1, 'trade', 'T1', '', 'open', null, null, null, null, null"
    ),
    ("fact_rules", "a_change_has_two_states"): FACT.format(
        "'trade', 'T1', 99, 'trade', 'T1', null, 'open', null, null, null, null, null"
    ),
    ("fact_rules", "a_movement_has_two_accounts"): FACT.format(
        "'trade', 'T1', 99, 'trade', 'T1', '', 'open', 'channel', 'card', null, null, null"
    ),
    ("fact_rules", "owner_of_the_money_is_named"): FACT.format(
        "'trade', 'T1', 99, 'trade', 'T1', null, null, 'order', null, 'payee', 'S', 1"
    ),
    ("fact_rules", "says_something"): FACT.format(
        "'trade', 'T1', 99, 'trade', 'T1', null, null, null, null, null, null, null"
    ),
    # Whose it is.
    ("releases", "releases_pkey"): (
        "insert into mixpay.releases (merchant_id, release_no, order_no, amount, was_due) "
        "values ('m', 'L1', 'A', 1, false)"
    ),
    ("releases", "releases_merchant_id_order_no_fkey"): (
        "insert into mixpay.releases (merchant_id, release_no, order_no, amount, was_due) "
        "values ('m', 'N', 'X', 1, false)"
    ),
    ("disputes", "disputes_pkey"): (
        "insert into mixpay.disputes (merchant_id, dispute_no, order_no) values ('m', 'D1', 'A')"
    ),
    ("disputes", "disputes_merchant_id_order_no_fkey"): (
        "insert into mixpay.disputes (merchant_id, dispute_no, order_no) values ('m', 'N', 'X')"
    ),
    ("disputes", "disputes_merchant_id_refund_no_fkey"): (
        "update mixpay.disputes set refund_no = 'X' where dispute_no = 'D1'"
    ),
    ("disputes", "state_is_known"): (
        "update mixpay.disputes set state = 'lost' where dispute_no = 'D2'"
    ),
    ("disputes", "outcome_is_known"): (
        "update mixpay.disputes set outcome = 'nobody', refund_no = null where dispute_no = 'D1'"
    ),
    ("disputes", "closed_has_its_outcome_and_moment"): (
        "update mixpay.disputes set closed_at = null where dispute_no = 'D1'"
    ),
    ("disputes", "refund_is_the_buyers"): (
        "update mixpay.disputes set outcome = 'payee' where dispute_no = 'D1'"
    ),
    ("disputes", "an_order_has_one_open_dispute"): (
        "insert into mixpay.disputes (merchant_id, dispute_no, order_no) values ('m', 'N', 'L')"
    ),
    ("disputes", "reason_has_no_control_characters"): (
        "update mixpay.disputes set reason = E'a\\tb'"
    ),
    ("disputes", "closing_reason_has_no_control_characters"): (
        "update mixpay.disputes set closing_reason = E'a\\tb'"
    ),
    ("splits", "splits_pkey"): (
        "insert into mixpay.splits (merchant_id, split_no, order_no, takes_place) "
        "values ('m', 'X1', 'A', 'release')"
    ),
    ("splits", "splits_merchant_id_order_no_fkey"): (
        "insert into mixpay.splits (merchant_id, split_no, order_no, takes_place) "
        "values ('m', 'N', 'X', 'release')"
    ),
    ("splits", "takes_place_is_known"): (
        "insert into mixpay.splits (merchant_id, split_no, order_no, takes_place) "
        "values ('m', 'N', 'A', 'never')"
    ),
    ("splits", "an_order_has_one_split"): (
        "insert into mixpay.splits (merchant_id, split_no, order_no, takes_place) "
        "values ('m', 'N', 'M', 'release')"
    ),
    ("split_receivers", "split_receivers_pkey"): SPLIT_RECEIVER.format(
        "'X1', 1, 'receiver', 'me', 0, 1, false, false"
    ),
    ("split_receivers", "split_receivers_merchant_id_split_no_fkey"): SPLIT_RECEIVER.format(
        "'X', 1, 'receiver', 'me', 0, 1, false, false"
    ),
    ("split_receivers", "a_receiver_stands_once_in_a_split"): SPLIT_RECEIVER.format(
        "'X1', 9, 'receiver', 'agent', 0, 1, false, false"
    ),
    ("split_receivers", "rate_is_0_to_10000"): SPLIT_RECEIVER.format(
        "'X1', 9, 'receiver', 'me', 0, 10001, false, false"
    ),
    ("split_receivers", "the_remainder_has_no_rate"): SPLIT_RECEIVER.format(
        "'X1', 9, 'receiver', 'me', 1, 0, true, false"
    ),
    ("split_receivers", "the_remainder_is_not_kept"): SPLIT_RECEIVER.format(
        "'X1', 9, 'receiver', 'me', 0, 0, true, true"
    ),
    ("split_receivers", "account_is_its_kinds"): SPLIT_RECEIVER.format(
        "'X1', 9, 'channel_fee', 'me', 0, 1, false, false"
    ),
    ("split_receivers", "one_takes_the_remainder"): SPLIT_RECEIVER.format(
        "'X1', 9, 'receiver', 'me', 0, 0, true, false"
    ),
    ("split_shares", "split_shares_pkey"): (
        "insert into mixpay.split_shares (merchant_id, trade_no, split_no, position, amount) "
        "values ('m', 'T8', 'X1', 1, 1)"
    ),
    ("split_shares", "split_shares_merchant_id_trade_no_fkey"): (
        "insert into mixpay.split_shares (merchant_id, trade_no, split_no, position, amount) "
        "values ('m', 'X', 'X1', 1, 1)"
    ),
    ("split_shares", "split_shares_merchant_id_split_no_position_fkey"): (
        "insert into mixpay.split_shares (merchant_id, trade_no, split_no, position, amount) "
        "values ('m', 'T8', 'X1', 9, 1)"
    ),
    ("split_shares", "taken_back_is_never_above_amount"): (
        "update mixpay.split_shares set taken_back = amount + 1"
    ),
    # What was paid out.
    ("settlements", "settlements_pkey"): settlement(settlement_no="S1"),
    ("settlements", "settlements_merchant_id_payee_no_fkey"): settlement(owner="X"),
    ("settlements", "it_is_a_payees_or_a_receivers"): settlement(account="fee"),
    ("settlements", "range_goes_forward"): settlement(from_xid="2", until_xid="1"),
    ("settlements", "it_sums_exactly"): settlement(earned=1),
    ("settlements", "what_can_be_paid_is_paid"): settlement(earned=1, carried_out=1),
    ("settlements", "state_is_known"): settlement(state="lost", amount=1, earned=1),
    ("settlements", "reversed_has_its_moment"): settlement(state="reversed", amount=1, earned=1),
    ("settlements", "only_a_payout_is_reversed"): settlement(
        state="reversed", reversed_at="2026-01-01Z"
    ),
    ("settlements", "an_accounts_settlements_are_numbered"): settlement(nth=1),
    ("settlements", "reason_has_no_control_characters"): (
        "update mixpay.settlements set reason = E'a\\tb'"
    ),
    ("settlements", "waits_for_has_no_control_characters"): settlement(waits_for="a\tb"),
    ("repayments", "repayments_pkey"): REPAYMENT.format("'B1', 'payee', 'S', 1"),
    ("repayments", "somebody_owes_it"): REPAYMENT.format("'N', 'order', 'A', 1"),
    ("repayments", "reason_has_no_control_characters"): (
        "insert into mixpay.repayments (merchant_id, repayment_no, account, owner, amount, "
        "currency, repaid_at, reason) "
        "values ('m', 'N', 'payee', 'S', 1, 'CNY', now(), E'a\\tb')"
    ),
    # What was said about accounts, channels and banks.
    ("adjustments", "adjustments_pkey"): ADJUSTMENT.format("'J1', 'payee', 'S', 'fee', 'x', 1"),
    ("adjustments", "only_accounts_of_somebody_are_adjusted"): ADJUSTMENT.format(
        "'N', 'payee', 'S', 'order', 'A', 1"
    ),
    ("adjustments", "its_accounts_are_two"): ADJUSTMENT.format(
        "'N', 'payee', 'S', 'payee', 'S', 1"
    ),
    ("adjustments", "reason_has_no_control_characters"): (
        "insert into mixpay.adjustments (merchant_id, adjustment_no, account, owner, "
        "against_account, against_owner, amount, currency, reason) "
        "values ('m', 'N', 'payee', 'S', 'fee', 'x', 1, 'CNY', E'a\\tb')"
    ),
    ("channel_fees", "reason_has_no_control_characters"): (
        "insert into mixpay.channel_fees (merchant_id, fee_no, channel, amount, currency, "
        "charged_at, reason) values ('m', 'N', 'card', 1, 'CNY', now(), E'a\\tb')"
    ),
    ("channel_fees", "channel_fees_pkey"): CHANNEL_FEE.format("'F1', 'card', 1, 'CNY', null"),
    ("channel_fees", "channel_fees_merchant_id_payment_no_fkey"): CHANNEL_FEE.format(
        "'N', 'card', 1, 'CNY', 'X'"
    ),
    ("channel_payouts", "channel_payouts_pkey"): (
        "insert into mixpay.channel_payouts (merchant_id, payout_no, channel, amount, currency, "
        "bank, paid_at) values ('m', 'O1', 'card', 1, 'CNY', 'main', now())"
    ),
    # What channels and banks say.
    ("line_kind", "line_kind_is_known"): LINE.format("'S-1', 9, 'gift', 'succeeded'"),
    ("line_state", "line_state_is_known"): LINE.format("'S-1', 9, 'fee', 'lost'"),
    ("own_kind", "own_kind_is_known"): MATCH.format("9, 'gift', 'N', 'our_no', 'matched'"),
    ("match_rule", "match_rule_is_known"): MATCH.format("9, 'fee', 'N', 'luck', 'matched'"),
    ("reconciliation_result", "reconciliation_result_is_known"): MATCH.format(
        "9, 'fee', 'N', 'our_no', 'odd'"
    ),
    ("reconciled_accounts", "reconciled_accounts_pkey"): (
        "insert into mixpay.reconciled_accounts (merchant_id, account, owner) "
        "values ('m', 'channel', 'bank')"
    ),
    ("reconciled_accounts", "statements_are_of_channels_and_banks"): (
        "insert into mixpay.reconciled_accounts (merchant_id, account, owner) "
        "values ('m', 'payee', 'S')"
    ),
    ("reconciled_accounts", "lag_is_at_most_a_year"): (
        "update mixpay.reconciled_accounts set lag = '-1 second'"
    ),
    ("reconciled_accounts", "fee_rate_is_in_millionths"): (
        "update mixpay.reconciled_accounts set fee_rate = 1000001"
    ),
    ("statements", "statements_pkey"): STATEMENT.format("'S-1', 'bank'"),
    ("statements", "statements_merchant_id_account_owner_fkey"): STATEMENT.format("'N', 'x'"),
    ("statements", "period_goes_forward"): "update mixpay.statements set until_at = from_at",
    ("statements", "a_sealed_statement_has_its_period"): (
        "update mixpay.statements set from_at = null, until_at = null"
    ),
    ("statements", "only_a_sealed_statement_is_reconciled"): (
        "update mixpay.statements set sealed_at = null"
    ),
    ("statement_lines", "statement_lines_pkey"): LINE.format("'S-1', 1, 'fee', 'failed'"),
    ("statement_lines", "statement_lines_merchant_id_statement_no_fkey"): LINE.format(
        "'N', 1, 'fee', 'failed'"
    ),
    ("statement_totals", "statement_totals_pkey"): TOTAL.format("'S-1', 'CNY'"),
    ("statement_totals", "statement_totals_merchant_id_statement_no_fkey"): TOTAL.format(
        "'N', 'CNY'"
    ),
    ("line_matches", "line_matches_pkey"): MATCH.format("1, 'fee', 'N', 'our_no', 'matched'"),
    ("line_matches", "what_is_ours_is_matched_once"): MATCH.format(
        "9, 'payment', 'Z1', 'our_no', 'matched'"
    ),
    ("unmatched_lines", "unmatched_lines_pkey"): (
        "insert into mixpay.unmatched_lines select * from mixpay.unmatched_lines"
    ),
    ("unmatched_items", "unmatched_items_pkey"): (
        "insert into mixpay.unmatched_items select * from mixpay.unmatched_items"
    ),
    ("unmatched_items", "a_sum_has_its_line"): "update mixpay.unmatched_items set line_no = 1",
    ("unmatched_items", "unmatched_items_merchant_id_statement_no_fkey"): (
        "update mixpay.unmatched_items set statement_no = 'N'"
    ),
    ("result_changes", "result_changes_pkey"): (
        "insert into mixpay.result_changes select * from mixpay.result_changes"
    ),
    ("resolutions", "resolutions_pkey"): RESOLUTION.format("'E1', 'ignored', null, null"),
    ("resolutions", "resolutions_merchant_id_takes_back_fkey"): RESOLUTION.format(
        "'N', 'taken_back', 'X', null"
    ),
    ("resolutions", "action_is_known"): RESOLUTION.format("'N', 'forgotten', null, null"),
    ("resolutions", "a_statement_is_withdrawn_whole"): RESOLUTION.format(
        "'N', 'withdrawn', null, null"
    ),
    ("resolutions", "only_taking_back_names_another"): RESOLUTION.format(
        "'N', 'taken_back', null, null"
    ),
    ("resolutions", "reason_has_no_control_characters"): RESOLUTION.format(
        "'N', 'ignored', null, E'a\\tb'"
    ),
    ("resolutions", "a_resolution_is_taken_back_once"): RESOLUTION.format(
        "'N', 'taken_back', 'E1', null), "
        "('m', 'channel', 'bank', 'Zoe', 'O', 'taken_back', 'E1', null"
    ),
    # What was summed up.
    ("balance_folds", "balance_folds_pkey"): "update mixpay.balance_folds set fold = 1",
    ("balance_folds", "range_goes_forward"): "update mixpay.balance_folds set until_epoch = -1",
    ("balance_folds", "movements_have_their_time"): (
        "update mixpay.balance_folds set latest_at = null"
    ),
    ("folded_balances", "folded_balances_pkey"): (
        "update mixpay.folded_balances set fold = 1, is_last = false where account = 'order'"
    ),
    ("folded_balances", "an_account_has_one_last_balance"): (
        "update mixpay.folded_balances set is_last = true"
    ),
    ("closed_periods", "closed_periods_pkey"): (
        "insert into mixpay.closed_periods select * from mixpay.closed_periods"
    ),
    ("closed_periods", "a_period_ends_before_it_is_closed"): (
        "insert into mixpay.closed_periods "
        "values ('m', now() + '1 s', 1, pg_current_snapshot(), now())"
    ),
    ("closed_balances", "closed_balances_pkey"): (
        "insert into mixpay.closed_balances select * from mixpay.closed_balances"
    ),
    ("closed_balances", "closed_balances_merchant_id_until_at_fkey"): (
        "insert into mixpay.closed_balances (merchant_id, until_at, account, owner, currency, "
        "came_in, went_out) values ('m', '2026-01-01Z', 'order', '', 'CNY', 0, 0)"
    ),
}

CONSTRAINTS = """
select coalesce(nullif(c.conrelid, 0)::regclass::text, c.contypid::regtype::text), c.conname
from pg_constraint as c
where
    c.connamespace = 'mixpay'::regnamespace and c.contype in ('c', 'f', 'p', 'u', 'x')
    -- This only asks the rules of the row, of which each is here.
    and c.conname <> 'rules_hold'
union all
select i.indrelid::regclass::text, i.indexrelid::regclass::text
from pg_index as i
inner join pg_class as t on t.oid = i.indrelid
where
    t.relnamespace = 'mixpay'::regnamespace and i.indisunique
    and not exists (select from pg_constraint where conindid = i.indexrelid)
"""


def test_each_holds_alone(
    shop: Shop, connect: Callable[..., Connection[Any]], subtests: pytest.Subtests
) -> None:
    open_for_a_week(shop)
    open_for_another_week(shop)
    let_folds_be_small(shop, 100)
    open_for_a_third_week(shop)
    open_for_a_week_of_returns(shop)
    open_for_a_fourth_week(shop)
    open_for_a_week_of_statements(shop)
    conn = connect(autocommit=False)
    for (where, name), statement in REFUSED.items():
        with subtests.test(name, where=where):
            conn.execute("set local role mixpay_owner")
            with pytest.raises(psycopg.errors.IntegrityError) as refused:
                conn.execute(statement)
            assert refused.value.diag.constraint_name == name
            assert where in (refused.value.diag.table_name, refused.value.diag.datatype_name)
        conn.rollback()


def test_none_is_forgotten(conn: Connection[Any]) -> None:
    catalog = {
        tuple(name.removeprefix("mixpay.") for name in row)
        for row in conn.execute(CONSTRAINTS).fetchall()
    }
    assert set(REFUSED) == catalog


def test_each_table_asks_the_rules_of_its_rows(conn: Connection[Any]) -> None:
    rules = conn.execute(
        "select c.relname, t.typname from pg_type as t "
        "inner join pg_class as c on c.reltype = t.typbasetype "
        "where t.typtype = 'd' and t.typnamespace = 'mixpay'::regnamespace and c.relkind = 'r'"
    ).fetchall()
    asked = conn.execute(
        "select conrelid::regclass::text, pg_get_constraintdef(oid), convalidated "
        "from pg_constraint where conname = 'rules_hold'"
    ).fetchall()
    assert len(rules) > 5
    assert set(asked) == {
        (f"mixpay.{table}", f"CHECK ((NOT (({table}.*)::mixpay.{domain} IS NULL)))", True)
        for table, domain in rules
    }


def test_migrations_change_no_domain_below_rules_that_are_asked() -> None:
    """PostgreSQL 15 adds no check to a domain of a column of a row that a domain has rules for."""
    files = sorted(migrations_dir().glob("*.sql"))
    later = [path for path in files if path.name > "0007_rules.sql"]
    assert len(later) < len(files)
    for path in later:
        text = path.read_text(encoding="utf-8")
        changed = re.search(r"alter domain \S+ add constraint", text)
        assert not changed or "drop constraint rules_hold" in text, path.name


FACTS_STAY = [
    "update mixpay.facts set amount = 1",
    "delete from mixpay.facts",
    "truncate mixpay.facts",
    "delete from mixpay.refund_details",
    "truncate mixpay.refund_details cascade",
    "update mixpay.refund_details set amount = 1",
    "update mixpay.refund_details set payment_no = 'P2'",
    f"{BOUNCED}; update mixpay.bounced_transfers set refunded_at = now()",
    f"{BOUNCED}; update mixpay.bounced_transfers set channel_txn_no = 'X9';"
    " update mixpay.bounced_transfers set channel_txn_no = 'X8'",
    "delete from mixpay.bounced_transfers",
    "truncate mixpay.bounced_transfers",
    "update mixpay.anomalies set amount = 1",
    "update mixpay.anomalies set nth = 2",
    "update mixpay.anomalies set channel_txn_no = 'X9' where channel_txn_no is not null",
    "update mixpay.anomalies set channel_txn_no = null",
    "delete from mixpay.anomalies",
    "truncate mixpay.anomalies cascade",
    "update mixpay.anomaly_resolutions set resolution = 'booked'",
    "update mixpay.anomaly_resolutions set recovered_at = created_at - interval '1 day' "
    "where resolution = 'recovered'; update mixpay.anomaly_resolutions set recovered_at = now() "
    "where resolution = 'recovered'",
    "delete from mixpay.anomaly_resolutions",
    "truncate mixpay.anomaly_resolutions",
    "update mixpay.repayments set amount = 1",
    "delete from mixpay.repayments",
    "truncate mixpay.repayments",
    "update mixpay.adjustments set amount = 1",
    "delete from mixpay.adjustments",
    "truncate mixpay.adjustments",
    "update mixpay.channel_fees set amount = 1",
    "delete from mixpay.channel_fees",
    "truncate mixpay.channel_fees",
    "update mixpay.channel_payouts set amount = 1",
    "delete from mixpay.channel_payouts",
    "truncate mixpay.channel_payouts",
    "update mixpay.statements set owner = owner",
    "delete from mixpay.statements",
    "truncate mixpay.statements cascade",
    "update mixpay.statement_lines set amount = 1",
    "delete from mixpay.statement_lines",
    "truncate mixpay.statement_lines",
    "update mixpay.statement_totals set amount = 1",
    "delete from mixpay.statement_totals",
    "truncate mixpay.statement_totals",
    "update mixpay.statements set resolution_no = 'E9' where resolution_no is not null",
    "update mixpay.line_matches set number = 'Z9'",
    "update mixpay.line_matches set rule = 'amount' where rule = 'channel_txn_no'",
    "delete from mixpay.line_matches",
    "truncate mixpay.line_matches",
    "update mixpay.unmatched_lines set theirs = 1",
    "delete from mixpay.unmatched_lines",
    "truncate mixpay.unmatched_lines",
    "update mixpay.unmatched_items set ours = 1",
    "delete from mixpay.unmatched_items",
    "truncate mixpay.unmatched_items",
    "update mixpay.result_changes set run = 9",
    "delete from mixpay.result_changes",
    "truncate mixpay.result_changes",
    "update mixpay.resolutions set resolved_by = 'nobody'",
    "delete from mixpay.resolutions",
    "truncate mixpay.resolutions",
    "update mixpay.epochs set epoch = epoch + 1",
    "delete from mixpay.epochs",
    "truncate mixpay.epochs",
    "delete from mixpay.orders",
    "truncate mixpay.orders cascade",
    "delete from mixpay.trades",
    "truncate mixpay.trades cascade",
    "delete from mixpay.trade_orders",
    "truncate mixpay.trade_orders",
    "delete from mixpay.order_totals",
    "truncate mixpay.order_totals",
    "delete from mixpay.payments",
    "truncate mixpay.payments cascade",
    "delete from mixpay.refunds",
    "truncate mixpay.refunds cascade",
    "delete from mixpay.channel_refunds where redirected_from is not null",
    "truncate mixpay.channel_refunds cascade",
    "update mixpay.returns set amount = amount + 1",
    "delete from mixpay.returns",
    "truncate mixpay.returns cascade",
    "update mixpay.chargebacks set fee = fee + 1",
    "update mixpay.chargebacks set payment_no = 'P1'",
    "delete from mixpay.chargebacks",
    "truncate mixpay.chargebacks cascade",
    "delete from mixpay.disputes",
    "truncate mixpay.disputes",
    "update mixpay.repricings set amount = 1",
    "delete from mixpay.repricings",
    "truncate mixpay.repricings",
    "update mixpay.releases set amount = 1",
    "delete from mixpay.releases",
    "truncate mixpay.releases",
    "update mixpay.split_receivers set rate = 1 where not takes_remainder",
    "delete from mixpay.split_receivers",
    "truncate mixpay.split_receivers cascade",
    "update mixpay.closed_periods set created_at = now()",
    "delete from mixpay.closed_periods",
    "truncate mixpay.closed_periods cascade",
    "update mixpay.closed_balances set came_in = 0",
    "delete from mixpay.closed_balances",
    "truncate mixpay.closed_balances",
    "update mixpay.settlements set carried_in = carried_in + 1, earned = earned - 1",
    "update mixpay.settlements set until_at = until_at + interval '1 day'",
    "update mixpay.settlements set owner = 'V'",
    "update mixpay.settlements set bank = 'x'",
    "delete from mixpay.settlements",
    "truncate mixpay.settlements",
    "update mixpay.splits set takes_place = 'release'",
    "delete from mixpay.splits",
    "truncate mixpay.splits cascade",
    "delete from mixpay.split_shares",
    "truncate mixpay.split_shares",
]
# What may come later, once: a reason, and a moment that was assumed.
FACTS_STAY += [
    f"update mixpay.{table} set {column} = {first}; update mixpay.{table} set {column} = {again}"
    for column, first, then, tables in [
        (
            "reason",
            "'x'",
            "'y'",
            "resolutions anomaly_resolutions repayments adjustments channel_fees returns "
            "chargebacks",
        ),
        ("returned_at", "created_at - interval '1 day'", "now()", "returns"),
        ("charged_at", "created_at - interval '1 day'", "now()", "chargebacks channel_fees"),
        ("paid_at", "created_at - interval '1 day'", "now()", "channel_payouts"),
        ("repaid_at", "created_at - interval '1 day'", "now()", "repayments"),
        ("happened_at", "created_at - interval '1 day'", "now()", "anomalies"),
    ]
    for table in tables.split()
    # The same is refused, too; only of an anomaly one of two is written again with the other.
    for again in ([then] if table == "anomalies" else [then, column])
] + [f"{REPRICING.format(ONE_MORE)}; update mixpay.repricings set reason = 'y'"]
# What may go: what is set up, as far as nothing refers to it, and sums that are made anew.
MAY_GO = {
    "currencies", "state_transitions", "channels", "merchants", "payees", "routes", "balance_folds",
    "folded_balances", "notes", "reconciled_accounts",
}  # fmt: skip
# Totals and states, which move.
MOVES = {
    "orders", "trades", "trade_orders", "order_totals", "payments", "refunds", "channel_refunds",
    "disputes", "split_shares",
}  # fmt: skip
# Of what else is on record, what may change: what may come later, once, and what moves.
MAY_CHANGE = {
    "adjustments": "reason",
    "anomalies": "channel_txn_no happened_at",
    "anomaly_resolutions": "reason recovered_at",
    "bounced_transfers": "bounced_at channel_txn_no",
    "channel_fees": "charged_at reason",
    "channel_payouts": "paid_at",
    "chargebacks": "charged_at lost reason reversal_reason reversed reversed_at state",
    "line_matches": "fee_ours ours resolution_no result rule run theirs",
    "refund_details": "freed",
    "repayments": "reason repaid_at",
    "repricings": "reason",
    "resolutions": "reason",
    "returns": "lost reason returned_at unapplied",
    "settlements": "last_entry reason reversed_at state",
    "splits": "divided",
    "statements": "from_at line_count reconciled_at resolution_no sealed_at until_at",
    "unmatched_items": "batch_no line_no ours part resolution_no result run statement_no theirs",
    "unmatched_lines": "resolution_no result run",
}

BACKWARDS = [
    "update mixpay.trades set state = 'open' where trade_no = 'T3'",
    "update mixpay.trades set state = 'paid', paid = amount where trade_no = 'T3'",
    "update mixpay.payments set state = 'closed', amount = 0, applied = 0, paid_at = null, "
    "seq = null where payment_no = 'P3'",
    "update mixpay.refunds set state = 'processing', succeeded = 0 where refund_no = 'R1'",
    "update mixpay.channel_refunds set state = 'failed', refunded_at = null where refund_no = 'R1'",
    "update mixpay.channel_refunds set state = 'pending' where refund_no = 'R3'",
    "update mixpay.channel_refunds set state = 'bounced', refunded_at = now(), bounced_at = now(), "
    "due_at = null where refund_no = 'R3'",
    "update mixpay.channel_refunds set state = 'pending', due_at = now() where refund_no = 'R2'",
    "update mixpay.chargebacks set state = 'charged', reversed = 0, reversed_at = null",
    "update mixpay.disputes set state = 'open', outcome = null, closed_at = null, "
    "refund_no = null where dispute_no = 'D1'",
    # Both of its changes are legal, so one of them is taken away.
    "update mixpay.settlements set reason = reason; delete from mixpay.state_transitions "
    "where from_state = 'reversed'; update mixpay.settlements set state = 'settled', "
    "reversed_at = null where settlement_no = 'S1'",
    # Nor does anything begin where it should end.
    "insert into mixpay.trades (merchant_id, trade_no, currency, amount, allocation, state) "
    "values ('m', 'T99', 'CNY', 1, 'fifo', 'closed')",
    "insert into mixpay.payments (merchant_id, payment_no, trade_no, channel, recorded, asked, "
    "state) values ('m', 'P99', 'T2', 'card', false, 1, 'closed')",
    "insert into mixpay.refunds (merchant_id, refund_no, kind, order_no, amount, freed, state) "
    "values ('m', 'R99', 'order', 'A', 1, 1, 'failed')",
    "insert into mixpay.channel_refunds (merchant_id, channel_refund_no, refund_no, payment_no, "
    "channel, amount, state, refunded_at, bounced_at) values ('m', 'N', 'R2', 'P1', 'card', 20, "
    "'bounced', now(), now())",
    "insert into mixpay.disputes (merchant_id, dispute_no, order_no, state, outcome, closed_at) "
    "values ('m', 'N', 'A', 'closed', 'payee', now())",
    CHARGEBACK.format("'C9', 'P1', null, 1, 0, 1, 'reversed', now(), now()"),
    settlement(state="reversed", amount=1, earned=1, reversed_at="2026-01-01Z"),
]


@pytest.mark.parametrize(
    ("statements", "message"), [(FACTS_STAY, "facts stay"), (BACKWARDS, "cannot become")]
)
def test_triggers_refuse_the_owner_too(
    shop: Shop, subtests: pytest.Subtests, statements: list[str], message: str
) -> None:
    open_for_a_week(shop)
    open_for_another_week(shop)
    open_for_a_third_week(shop)
    open_for_a_week_of_returns(shop)
    open_for_a_fourth_week(shop)
    open_for_a_week_of_statements(shop)
    shop.conn.execute("set role mixpay_owner")
    for statement in statements:
        with (
            subtests.test(statement),
            shop.unchanged(),
            pytest.raises(psycopg.errors.IntegrityError, match=message),
        ):
            shop.conn.execute(statement)


def test_nothing_that_happened_can_go(conn: Connection[Any]) -> None:
    """Of every table that is not set up or summed up, neither a row nor all of them."""
    tables = {
        name
        for (name,) in conn.execute(
            "select relname from pg_class "
            "where relnamespace = 'mixpay'::regnamespace and relkind = 'r'"
        ).fetchall()
    }
    for statement in ("delete from mixpay.", "truncate mixpay."):
        refused = {
            tried.removeprefix(statement).split()[0]
            for tried in FACTS_STAY
            if tried.startswith(statement)
        }
        assert refused == tables - MAY_GO


def test_no_column_of_what_happened_changes(conn: Connection[Any]) -> None:
    """But those that may; each is tried alone, for a trigger that names it is easily lost."""
    columns = conn.execute(
        "select c.relname, a.attname from pg_attribute as a "
        "inner join pg_class as c on c.oid = a.attrelid "
        "where c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'r' "
        "and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' "
        "and c.relname <> all (%s) order by 1, 2",
        [list(MAY_GO | MOVES)],
    ).fetchall()
    changed: dict[str, list[str]] = {}
    for table, column in columns:
        with conn.transaction(force_rollback=True):
            conn.execute("set local role mixpay_owner")
            with suppress(psycopg.errors.RestrictViolation):
                conn.execute(f"update mixpay.{table} set {column} = {column}")
                changed.setdefault(table, []).append(column)
    assert {table: " ".join(names) for table, names in changed.items()} == MAY_CHANGE


def test_a_withdrawn_statement_lets_nothing_of_another_merchants_go(shop: Shop) -> None:
    other = Shop(shop.conn, "w")
    other.call("register_merchant", "Other")
    for whose in (shop, other):
        whose.call("open_statement", "S-4", "bank:giro")
        line = {"line_no": 1, "kind": "transfer", "amount": 9, "currency": "CNY"}
        whose.call("load_statement_lines", "S-4", [{**line, "happened_at": day(60).isoformat()}])
        whose.call("seal_statement", "S-4", 1)
        whose.rows("reconcile", "S-4")
    shop.call("withdraw_statement", "E1", "S-4", "Zoe", "of another account")

    left = "select merchant_id from mixpay.unmatched_lines"
    assert shop.query(left) == [("w",)]
    with pytest.raises(psycopg.errors.RestrictViolation, match="S-4 was not withdrawn"):
        shop.conn.execute("delete from mixpay.unmatched_lines")


def test_no_trigger_is_forgotten(conn: Connection[Any]) -> None:
    triggers = conn.execute(
        "select tgrelid::regclass::text, tgname from pg_trigger "
        "where tgrelid::regclass::text like 'mixpay.%' and not tgisinternal "
        # These refuse nothing.
        "and tgname !~ 'numbers_have_their_day|changes_are_on_record'"
    ).fetchall()
    tried = {
        (statement.removeprefix("insert into ").split()[0], "beginning")
        if statement.startswith("insert")
        else (statement.replace(" from ", " ").split()[1], "transition")
        for statement in BACKWARDS
    }
    tried |= {(statement.replace(" from ", " ").split()[1], "stay") for statement in FACTS_STAY}
    for table, name in triggers:
        kind = next(kind for kind in ("beginning", "transition", "stay") if kind in name)
        assert (table, kind) in tried, f"{table}: {name}"
