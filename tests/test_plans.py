"""No call reads more of a merchant because statistics are absent, old or another table's (E55).

Each call is made in a database with a handful of rows, and again beside thousands of the same
merchant, in a transaction that is rolled back. Two things are counted: the rows that each scan of
each of its plans meets, and the pages that the whole call touches. A plan that goes by the
merchant alone, or reads a table, meets each of those thousands.

A check meets all of them, but each a few times, not once for each of the others.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from bills import line, load
from psycopg import Connection
from psycopg.types.json import Jsonb
from shop import Json, Shop, day, on_hold, orders

from mixpay_db import database

pytestmark = pytest.mark.fresh_database

THOUSANDS = 1200
# What a scan of a call below meets at most when it goes by key: each is about a few rows.
ROWS = 40
REMOVED = (
    "Rows Removed by Filter",
    "Rows Removed by Index Recheck",
    "Rows Removed by Join Filter",
)
# No node of a check's plan meets more than that many times the rows of the log. (Of a few pages
# PostgreSQL rather reads all for each look-up than their index.)
TIMES = 10
# Deeper indexes take a page more for each look-up; what goes astray takes many more.
MORE = 60
Calls = dict[str, tuple[str, list[Any]]]

# These say of all accounts what they have, and read all that is written and folded of them.
OF_ALL_ACCOUNTS = {"trial_balance", "close_period", "settle_all"}
# These compare all that a statement says with all that is on record of its time, or no longer do.
OF_A_TIME = {"reconcile", "withdraw_statement"}
# What has a few rows, whatever merchants do.
FEW = {"channels", "currencies", "epochs", "state_transitions", "balance_folds"}
# By these numbers a view goes through what its merchant has of it, or what is open of it.
BY_MERCHANT = {
    # The log goes by trade, or by place.
    "events": {"trade_no", "payment_no", "order_no", "refund_no", "channel_refund_no"},
    "history": {"payment_no", "order_no", "refund_no"},
    "journal": {"cause_no", "payment_no", "order_no", "refund_no", "channel_refund_no"},
    "postings": {"cause_no", "payment_no", "order_no", "refund_no", "channel_refund_no"},
    "trade_flow": {"payment_no", "order_no", "refund_no", "channel_refund_no"},
    # A refund of an order is explained from all that the order had.
    "refund_explained": {"trade_no", "payment_no"},
    # Which channel refunds a payment has, channel_refund_list says.
    "transfer_list": {"payment_no", "refund_no"},
    # A channel's number of a payment is looked up beside the channel, where it is unique.
    "payment_balances": {"channel_txn_no"},
    "reconciliation_differences": {"channel_txn_no"},
    # A payee's orders are in order_balances, what a settlement took in settlement_lines.
    "payee_balances": {"payee_no"},
    "release_list": {"payee_no"},
    "settlement_lines": {"order_no"},
    "trade_lines": {"payee_no", "split_no"},
    "trade_settlements": {"order_no", "settlement_no"},
    "order_balances": {"open_trade_no"},
    "statement_line_list": {"resolution_no"},
    # Work that is open.
    "anomaly_list": {"payment_no", "refund_no", "trade_no"},
    "dispute_list": {"payee_no"},
    "due_list": {"payee_no", "split_no", "dispute_no"},
    "loss_list": {"trade_no"},
}
HISTORY = Path(__file__).with_name("history.sql")
SHARE = [{"receiver": "agent", "rate": 1000}]


def of(payee_no: str, /, **amounts: int) -> Json:
    """orders(…) of a payee, whose they are at once."""
    return [{**order, "payee_no": payee_no} for order in orders(**amounts)]


# Calls that are refused, and by which error: each looks for what is in the way.
USED = {"trade_no": "TO", "payment_no": "NEW", "channel": "alipay", "amount": 1}
REFUSED: dict[str, tuple[str, str, list[Any]]] = {
    "record_payment of a number that has paid": (
        "MX207",
        "'TO', 'NEW', 'alipay', 1, %s, 'USED'",
        [day(80)],
    ),
    "record_payments of a number that has paid": (
        "MX207",
        "%s",
        [Jsonb([{**USED, "channel_txn_no": "USED", "paid_at": day(80).isoformat()}])],
    ),
    "record_payment of another one's number": ("MX202", "'TO', 'PP1', 'alipay', 1", []),
    "record_payments of another one's number": (
        "MX202",
        "%s",
        [Jsonb([{**USED, "payment_no": "PP1"}])],
    ),
    "succeed_payment by a number that has paid": ("MX207", "'PO', 'USED', %s", [day(80)]),
    "succeed_payments by a number that has paid": (
        "MX207",
        "%s",
        [Jsonb([{"payment_no": "PO", "channel_txn_no": "USED", "paid_at": day(80).isoformat()}])],
    ),
    "merge_orders of another trade's number": ("MX106", "%s, 'TX'", [Jsonb(orders(O1=100))]),
    "merge_orders of other amounts": ("MX105", "%s", [Jsonb(orders(O1=99))]),
    "merge_orders for nobody": ("MX102", "%s", [Jsonb(of("nobody", NEW=1))]),
    "refund_order of another refund's number": ("MX302", "'P1', 'R1', 29", []),
    "refund_order above what is left": ("MX301", "'P1', 'NEW', 1000", []),
    "cancel_order that is paid": ("MX204", "'TP', 'P1', 'gone'", []),
    "settle_payee with another one's number": ("MX402", "'S', 'S1', null, 'CNY'", []),
}


def prepare(shop: Shop) -> Calls:
    """Something for each call, and the call."""
    shop.call("register_payee", "S", "Store")
    shop.call("register_payee", "V", "Vintage")
    shop.call("set_route", "qr", "card", currency="CNY")
    shop.merge("TO", O1=100, O2=50)
    shop.start("TO", "PO", 20)
    shop.start("TO", "PF", 10)
    shop.merge("TP", P1=100, P2=50)
    shop.pay("TP", "PP1", 60, "wechat", day(80))
    shop.pay("TP", "PP2", 90, "card", day(81))
    shop.refund("P1", "R1", 30)
    shop.refund("P1", "R2", 10)
    shop.fail("R2", "PP1")
    shop.refund("P2", "R3", 20)
    shop.complete("R3", "PP1", "Y3")
    shop.call("merge_orders", on_hold("S", day(1).isoformat(), H=100) + on_hold("S", K=40), "TH")
    shop.pay("TH", "PH", 140, "card")
    shop.record_refund("K", "R4", 5)
    shop.merge("TX", X=10)
    shop.merge("TD", D=10)
    shop.pay("TD", "PD", 4)
    shop.close("TD", keep=True)
    shop.merge("TE", D=10)
    shop.pay("TE", "PE", 6)
    # What was freed and went all the same.
    shop.merge("TA", A=20)
    shop.pay("TA", "PA", 20, "card")
    for refund_no in ("RA1", "RA2"):
        shop.refund("A", refund_no, 20)
        if refund_no == "RA1":
            shop.fail("RA1", "PA")
    shop.complete("RA1", "PA", "YA")
    # What is divided.
    shop.call("merge_orders", on_hold("S", N=50), "TN")
    shop.pay("TN", "PN", 50, "card")
    shop.rows("split_order", "N", "XN", SHARE)
    shop.release("N", "LN", 30)
    shop.call("merge_orders", of("S", Q=60), "TQ")
    shop.rows("split_order", "Q", "XQ", SHARE, "payment")
    shop.pay("TQ", "PQ", 30, "card")
    shop.call("merge_orders", on_hold("S", I=40), "TI")
    shop.pay("TI", "PI", 40, "card")
    shop.call("open_dispute", "I", "DI", "broken")
    # What channels took back.
    shop.merge("TV", V1=100, V2=50)
    shop.pay("TV", "PV", 160, "card")
    shop.refund("V1", "RV", 20)
    shop.call("charge_back_payment", "PV", "C1", 30, "fraud")
    shop.merge("TW", W=100)
    shop.pay("TW", "PW", 100, "card")
    shop.refund("W", "RW", 60)
    shop.call("return_payment", "PW", "V1", "no funds")
    # What was paid out.
    shop.sell("G1", 70, "V")
    shop.settle("S1", "V")
    shop.call("record_repayment", "payee:V", "B1", 5, "CNY")
    shop.sell("G2", 70, "V")
    shop.call("adjust_account", "payee:V", "J1", 5, "CNY", "a bonus")
    shop.sell("G5", 70, "W")
    shop.settle("S2", "W")
    shop.call("reverse_settlement", "S2", "no answer")
    shop.conn.execute("update mixpay.trades set expires_at = '2020-01-01' where trade_no = 'TX'")
    shop.merge("TU", U=5)
    shop.call("record_payment", "TU", "PU", "alipay", 5, day(80), "USED")
    # What channels say.
    shop.call("open_statement", "ST", "channel:card")
    shop.call("load_statement_lines", "ST", [line(1, "payment", 5, day(80), txn="Q1")])
    load(shop, "SU", [line(1, "payment", 5, day(80))])
    shop.call("record_channel_fee", "bank", "BF", 1, "CNY", charged_at=day(80))
    shop.call("set_reconciliation", "channel:bank", write_off_limit=9)
    told = [line(n, "fee", -7, day(80)) for n in (1, 2)]
    load(shop, "SV", [*told, line(3, "payment", 5, day(80))], "channel:bank")
    shop.rows("reconcile", "SV")
    shop.call("book_line", "E1", "SV", 2, "Zoe")

    def number(refund_no: str, payment_no: str = "PP1") -> str:
        return str(shop.channel_refund(refund_no, payment_no).channel_refund_no)

    new = [{"order_no": "N1", "amount": 5, "currency": "CNY"}, *of("S", N2=7)]
    paid = [
        {"trade_no": "TO", "payment_no": f"B{i}", "channel": "card", "amount": 1} for i in (1, 2)
    ]
    paid += [{**paid[0], "trade_no": "TQ", "payment_no": "B3"}]
    refunds = [{"order_no": n, "refund_no": f"B{n}", "amount": 2} for n in ("P1", "P2", "D")]
    answers = [{"payment_no": "PO"}, {"payment_no": "PF", "channel_txn_no": "XF"}]
    done = [{"channel_refund_no": number("R1")}, {"channel_refund_no": number("RA2", "PA")}]
    return {
        "register_merchant": ("'Shop'", []),
        "register_payee": ("'S', 'Store'", []),
        "set_route": ("'qr', 'card', p_currency => 'CNY'", []),
        "explain_route": ("'qr', 'CNY', 10, 'P'", []),
        "merge_orders": ("%s", [Jsonb(new)]),
        "merge_orders again": ("%s, 'NEW'", [Jsonb(orders(X=10))]),
        "merge_orders of new and known": ("%s, 'NEW'", [Jsonb(orders(X=10, N1=5))]),
        "merge_orders of the same number": ("%s, 'TX'", [Jsonb(orders(X=10))]),
        "merge_orders of the same orders": ("%s", [Jsonb(orders(O1=100, O2=50))]),
        "merge_many": ("%s", [Jsonb([{"orders": new}, {"orders": orders(N3=1)}])]),
        "merge_many of known orders": (
            "%s",
            [Jsonb([{"orders": new}, {"orders": orders(X=10)}, {"orders": orders(O1=100, O2=50)}])],
        ),
        "record_payment": ("'TO', 'P', 'card', 5, null, 'X'", []),
        "record_payment of a split": ("'TQ', 'P', 'card', 5", []),
        "record_payment above": ("'TP', 'P', 'card', 5", []),
        "record_payments": ("%s", [Jsonb(paid)]),
        "start_payment": ("'TO', 'P', 5, null, 'qr'", []),
        "succeed_payment": ("'PO', 'X1'", []),
        "succeed_payments": ("%s", [Jsonb(answers)]),
        "fail_payment": ("'PO', 'no'", []),
        "authorize_payment": ("'PO', 'A1'", []),
        "close_trade": ("'TO', 'abandoned'", []),
        "close_trade reversing": ("'TD', 'abandoned'", []),
        "cancel_order": ("'TO', 'O1', 'gone'", []),
        "reprice_order": ("'X', 'N', 7, 'a discount'", []),
        "reprice_order moving money": ("'Q', 'N', 20, 'a discount'", []),
        "annotate": ("'order', 'X', %s", [Jsonb({"a": 1})]),
        "expire_trades": ("1", []),
        "preview_refund": ("'P1', 5", []),
        "refund_order": ("'P1', 'R', 5", []),
        "refund_order by name": ("'P1', 'R', 5, null, array['PP2']", []),
        "refund_order of two trades": ("'D', 'R', 8", []),
        "refund_order of a split": ("'Q', 'R', 8", []),
        "refund_order again": ("'P1', 'R1', 30", []),
        "refund_orders": ("%s", [Jsonb(refunds)]),
        "record_refund": ("'P1', 'R', 5, 'cash'", []),
        "record_refund again": ("'K', 'R4', 5, 'cash'", []),
        "record_channel_refund": ("'P1', 'R', 5, 'PP2', 'X'", []),
        "record_channel_refund of a split": ("'Q', 'R', 8, 'PQ', 'X'", []),
        "release_order": ("'K', 'L', 5", []),
        "release_order of a split": ("'N', 'L', 5", []),
        "release_due": ("1", []),
        "open_dispute": ("'K', 'D'", []),
        "close_dispute": ("'DI', 'buyer', 'yes', 5", []),
        "split_order": ("'K', 'S', %s", [Jsonb(SHARE)]),
        "split_order again": ("'N', 'XN', %s", [Jsonb(SHARE)]),
        "due_merchants": ("", []),
        "claim_channel_refunds": ("'w', 1", []),
        "claim_channel_refunds of a channel": ("'w', 1, '1 minute', array['wechat']", []),
        "complete_channel_refund": ("%s, 'Y'", [number("R1")]),
        "complete_channel_refund late": ("%s, 'Y'", [number("R2")]),
        "complete_channel_refunds": ("%s", [Jsonb(done)]),
        "fail_channel_refund": ("%s, 'no'", [number("R1")]),
        "fail_channel_refund of what covers": ("%s, 'no'", [number("RW", "PW")]),
        "doubt_channel_refund": ("%s, 'lost'", [number("R1")]),
        "defer_channel_refund": ("%s, 'later'", [number("R1")]),
        "write_off": ("%s, 'no such coin'", [number("R1")]),
        "redirect_channel_refund": ("%s, 'bank', 'again'", [number("R2")]),
        "bounce_channel_refund": ("%s, 'closed'", [number("R3")]),
        "resolve_anomaly": ("%s, 'recovered', 'back'", [number("RA1", "PA")]),
        "return_payment": ("'PV', 'NEW', 'no funds'", []),
        "return_payment in part": ("'PP1', 'NEW', 'no funds', 5", []),
        "return_payment of a split": ("'PQ', 'NEW', 'no funds'", []),
        "return_payment again": ("'PW', 'V1', 'no funds'", []),
        "charge_back_payment": ("'PV', 'NEW', 200, 'fraud', 5", []),
        "charge_back_payment of an order": (
            "'PP1', 'NEW', 9, 'fraud', p_order_no => 'P2'",
            [],
        ),
        "charge_back_payment of a split": ("'PQ', 'NEW', 9, 'fraud'", []),
        "charge_back_payment again": ("'PV', 'C1', 30, 'fraud'", []),
        "reverse_chargeback": ("'C1', 'won'", []),
        "reverse_chargeback in part": ("'C1', 'won', 5", []),
        "settle_payee": ("'V', 'NEW', null, 'CNY'", []),
        "settle_payee until": ("'V', 'NEW', now()", []),
        "settle_receiver": ("'agent', 'NEW', null", []),
        "reverse_settlement": ("'S1', 'no such account'", []),
        "reinstate_settlement": ("'S2', 'it had arrived'", []),
        "record_repayment": ("'payee:V', 'NEW', 5, 'CNY'", []),
        "record_repayment for a fee": ("'fee:adjustment', 'NEW', 5, 'CNY'", []),
        "adjust_account": ("'payee:V', 'NEW', 5, 'CNY', 'a bonus'", []),
        "adjust_account of a receiver": ("'receiver:agent', 'NEW', 5, 'CNY', 'a bonus'", []),
        "adjust_account again": ("'payee:V', 'J1', 5, 'CNY', 'a bonus'", []),
        "record_channel_fee": ("'card', 'NEW', 5, 'CNY', 'PP2'", []),
        "record_channel_payout": ("'card', 'NEW', 5, 'CNY'", []),
        "set_reconciliation": ("'channel:card', 5", []),
        "open_statement": ("'NEW', 'channel:card'", []),
        "open_statement again": ("'ST', 'channel:card', now() - interval '1 day', now()", []),
        "load_statement_lines": ("'ST', %s", [Jsonb([line(2, "fee", 5, day(80), txn="Q2")])]),
        "load_statement_lines again": (
            "'SU', %s",
            [Jsonb([line(1, "payment", 5, day(80))])],
        ),
        "seal_statement": ('\'ST\', 1, \'[{"currency": "CNY", "amount": 5}]\'', []),
        "book_line": ("'NEW', 'SV', 1, 'Zoe'", []),
        "book_line of a payment": ("'NEW', 'SV', 3, 'Zoe', p_trade_no => 'TO'", []),
        "ignore_difference": ("'NEW', 'Zoe', null, 'SV', 1", []),
        "write_off_difference": ("'NEW', 'Zoe', null, 'SV', 1", []),
        "mark_received": ("'NEW', 'Zoe', 'channel:bank', 'fee', 'BF'", []),
        "take_back_resolution": ("'NEW', 'E1', 'Zoe'", []),
        "account_balance": ("'payee:S'", []),
        "account_balance of a receiver": ("'receiver:agent'", []),
        "account_balance of an order": ("'order:P1'", []),
        "account_balance of a surplus": ("'surplus:PP1'", []),
        "account_balance of a refund": ("'refund:R1'", []),
        "account_balance of an anomaly": ("%s", ["anomaly:" + number("RA1", "PA")]),
        "account_statement": ("'payee:V'", []),
        "account_statement of an order": ("'order:P1'", []),
        "fold_balances": ("", []),
        "read_events": ("null, 5", []),
    }


def fill(shop: Shop) -> None:
    """Thousands of the same merchant of whatever is not a person or a channel."""
    numbers = range(THOUSANDS)

    def each(call: str, *, begin: int = 0, end: int = THOUSANDS, step: int = 1) -> None:
        """Calls it for each n of them, in one statement."""
        numbers = f"generate_series({begin}, {end - 1}, {step}) as n"
        query = f"select count(*) from {numbers} cross join lateral mixpay.{call} as f"
        shop.conn.execute(query.encode())

    each("register_payee('m', 'F' || n, 'Store')", end=THOUSANDS // 10)
    each("set_route('m', 'F' || n, 'card')", end=THOUSANDS // 10)

    def of_trade(number: int, prefix: str) -> dict[str, Any]:
        order = {"order_no": f"{prefix}{number}", "amount": 10, "currency": "CNY"}
        order |= {"payee_no": f"F{number % (THOUSANDS // 10)}"} if number % 2 else {}
        # One moment for all.
        return order | ({"hold": day(2).isoformat()} if number % 4 == 1 else {})

    ended = {"expires_at": day(3).isoformat()}
    trades: Json = [
        {"trade_no": f"F{n}", "orders": [of_trade(n, "FO"), of_trade(n, "FP")]}
        | (ended if n % 5 == 0 else {})
        for n in numbers
    ]
    shop.rows("merge_many", trades)
    share = f"'{json.dumps(SHARE)}'"
    each(f"split_order('m', 'FO' || n, 'FX' || n, {share})", begin=1, step=8)
    payments: Json = [
        {
            "trade_no": f"F{n}",
            "payment_no": f"FP{n}",
            "channel": "card",
            "amount": 20,
            "channel_txn_no": f"FX{n}",
            "paid_at": day(80).isoformat(),
        }
        for n in numbers
        if n % 5
    ]
    shop.rows("record_payments", payments)
    shop.rows(
        "merge_many", [{"trade_no": f"FE{n}", "orders": [of_trade(n, "FE")]} for n in numbers]
    )
    each("start_payment('m', 'FE' || n, 'FS' || n, 5, 'card')", step=4)
    for prefix in ("FR", "FQ"):
        refunds: Json = [
            {"order_no": f"FO{n}", "refund_no": f"{prefix}{n}", "amount": 1}
            for n in numbers
            if n % 5
        ]
        shop.rows("refund_orders", refunds)
    numbered = (
        "(select channel_refund_no from mixpay.channel_refunds"
        " where merchant_id = 'm' and refund_no = '{}' || n)"
    )
    went, freed = numbered.format("FR"), numbered.format("FQ")
    each(f"complete_channel_refund('m', {went}, 'FY' || n)", begin=1, step=5)
    each(f"fail_channel_refund('m', {freed}, 'no')", begin=1, step=5)
    # Freed, given to another one, and gone all the same.
    each("refund_order('m', 'FO' || n, 'FA' || n, 9)", begin=1, step=5)
    each(f"complete_channel_refund('m', {freed}, 'FZ' || n)", begin=1, step=5)
    each(f"resolve_anomaly('m', {freed}, 'recovered', 'back')", begin=1, step=10)
    each("open_dispute('m', 'FP' || n, 'FD' || n)", begin=1, step=4)
    for begin in (9, 13, 17):
        each("release_order('m', 'FO' || n, 'FL' || n, 1)", begin=begin, step=20)
    each("charge_back_payment('m', 'FP' || n, 'FC' || n, 25, 'fraud')", begin=3, step=15)
    each("return_payment('m', 'FP' || n + 1, 'FV' || n, 'no funds')", begin=3, step=15)
    shop.until_final()
    shop.call("fold_balances")
    for call in (
        "settle_payee('m', 'F' || n, 'F' || n, null, 'CNY')",
        "record_repayment('m', 'payee:F' || n, 'F' || n, 1, 'CNY')",
        "adjust_account('m', 'payee:F' || n, 'F' || n, 1, 'CNY', 'a bonus')",
        "record_channel_fee('m', 'card', 'F' || n, 1, 'CNY')",
        "record_channel_payout('m', 'card', 'F' || n, 1, 'CNY')",
    ):
        each(call, begin=1, end=THOUSANDS // 10, step=2)
    told = [line(n + 1, "payment", 20, day(80), txn=f"FX{n}") for n in numbers]
    load(shop, "FST", told)
    shop.rows("reconcile", "FST")
    shop.until_final()
    shop.call("fold_balances")
    # So much stands behind the last fold in both databases.
    shop.sell("G4", 70, "V")


def tables(conn: Connection[Any]) -> list[tuple[str, str]]:
    """The tables of merchants' rows, and the columns that are written."""
    return conn.execute(
        "select attrelid::regclass::text, string_agg(quote_ident(attname), ', ' order by attnum)"
        " from pg_attribute inner join pg_class as c on c.oid = attrelid"
        " where relnamespace = 'mixpay'::regnamespace and relkind = 'r' and attnum > 0"
        " and not attisdropped and attgenerated = '' group by 1"
        " having bool_or(attname = 'merchant_id') order by 1"
    ).fetchall()


def analyze_one(conn: Connection[Any]) -> None:
    """What ANALYZE says when there is one row in each table: here its merchant looks like a key."""
    found = tables(conn)
    with conn.transaction():
        # Not the tables' keys and triggers are looked at, but their numbers.
        conn.execute("set local session_replication_role = replica")
        for table, _ in found:
            conn.execute(f"create temporary table {table[7:]} as select * from {table}".encode())
        conn.execute(f"truncate {', '.join(table for table, _ in found)}".encode())
        for limit in ("limit 1", "offset 1"):
            for table, columns in found:
                rows = f"select {columns} from pg_temp.{table[7:]} {limit}"
                conn.execute(f"insert into {table} ({columns}) {rows}".encode())
                if limit == "limit 1":
                    conn.execute(f"analyze {table}".encode())
        for table, _ in found:
            conn.execute(f"drop table pg_temp.{table[7:]}".encode())


class Session:
    """A session whose plans can be looked at."""

    def __init__(self, conn: Connection[Any]) -> None:
        self.conn = conn
        self.plans: list[Any] = []
        self.first = first_columns(conn)
        conn.add_notice_handler(self._keep)
        try:
            conn.execute("load 'auto_explain'")
        except psycopg.errors.UndefinedFile:
            pytest.skip("could not run: this server does not have the module auto_explain")
        for name, value in {
            "auto_explain.log_min_duration": "-1",
            "auto_explain.log_analyze": "on",
            "auto_explain.log_timing": "off",
            "auto_explain.log_nested_statements": "on",
            "auto_explain.log_format": "json",
            "client_min_messages": "log",
        }.items():
            conn.execute("select set_config(%s, %s, false)", [name, value])

    def _keep(self, notice: psycopg.errors.Diagnostic) -> None:
        _, _, plan = (notice.message_primary or "").partition("plan:\n")
        if plan:
            self.plans.append(json.loads(plan))

    def call(self, name: str, arguments: str, values: list[Any]) -> int:
        """The pages that a call touches; nothing of it stays."""
        function = name.partition(" ")[0]
        given = "" if function == "due_merchants" else f"'m'{', ' * bool(arguments)}{arguments}"
        query = f"select * from mixpay.{function}({given})"
        with self.conn.transaction(force_rollback=True):
            explain = f"explain (analyze, timing off, buffers, format json) {query}"
            ((plan,),) = self.conn.execute(explain.encode(), values).fetchall()
        top = plan[0]["Plan"]
        return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])

    def pages(self, calls: Calls) -> dict[str, int]:
        """The pages that each call touches when its plans are made."""
        return {name: min(self.call(name, *call) for _ in range(2)) for name, call in calls.items()}

    def faults(self, calls: Calls) -> Iterator[str]:
        """Scans of these calls that meet more than they are about."""
        for name, call in calls.items():
            self.plans.clear()
            self.conn.execute("set auto_explain.log_min_duration = 0")
            self.call(name, *call)
            self.conn.execute("set auto_explain.log_min_duration = -1")
            yield from self._faults_of(name)

    def refusals(self) -> Iterator[str]:
        """The same of calls that are refused."""
        for name, (error, *call) in REFUSED.items():
            self.plans.clear()
            self.conn.execute("set auto_explain.log_min_duration = 0")
            with pytest.raises(psycopg.Error) as raised:
                self.call(name, *call)
            assert raised.value.sqlstate == error, (name, raised.value)
            self.conn.execute("set auto_explain.log_min_duration = -1")
            yield from self._faults_of(name)

    def _faults_of(self, name: str) -> list[str]:
        seen = set()
        for plan in self.plans:
            for fault in find_faults(plan["Plan"], self.first):
                query = " ".join(plan["Query Text"].split())[:200]
                seen.add(f"{name}: {fault}\n    in {query}")
        return sorted(seen)

    def met_by_checks(self, merchant_id: str | None = None) -> dict[str, float]:
        """Of each check, as `mixpay check` runs it, the most rows that a node of its plan meets."""
        self.plans.clear()
        self.conn.execute("set auto_explain.log_min_duration = 0")
        database.run_checks(self.conn, merchant_id)
        self.conn.execute("set auto_explain.log_min_duration = -1")
        met = {query: 0.0 for _, query in database.checks()}
        for plan in self.plans:
            query = plan["Query Text"].partition(" where ")[0]
            if query in met:
                met[query] = max(met[query], *(rows for _, rows in rows_met(plan["Plan"])))
        return {path.stem: met[query] for path, query in database.checks()}


def rows_met(node: dict[str, Any]) -> Iterator[tuple[dict[str, Any], float]]:
    """This node and those below it, each with the rows that it gives or passes over."""
    for child in node.get("Plans", ()):
        yield from rows_met(child)
    yield node, node["Actual Loops"] * sum(node.get(key, 0) for key in ("Actual Rows", *REMOVED))


def first_columns(conn: Connection[Any]) -> dict[str, str]:
    """The first column of each index of merchants' rows."""
    rows = conn.execute(
        "select c.relname, attname from pg_index inner join pg_class as c on c.oid = indexrelid"
        " inner join pg_attribute as a on attrelid = c.oid and attnum = 1"
        " inner join pg_class as t on t.oid = indrelid"
        " where c.relnamespace = 'mixpay'::regnamespace and t.relname <> all (%s)",
        [list(FEW)],
    )
    return dict(rows.fetchall())


def goes_through(node: dict[str, Any], first: dict[str, str]) -> bool:
    """Whether it reads all of an index: the first column is not asked for."""
    column = first.get(node.get("Index Name", ""))
    return column is not None and not re.search(rf"\b{column}\b", node.get("Index Cond", ""))


def read_by_number(conn: Connection[Any]) -> Iterator[tuple[str, str, float]]:
    """Of each number in a view: how many rows a look for one meets, for each that it finds."""
    # A table of a few pages may be read. A larger one would not be.
    conn.execute("set enable_seqscan = off")
    first = first_columns(conn)
    sizes = dict(conn.execute("select relname, reltuples from pg_class where relkind = 'i'"))
    numbers = conn.execute(
        "select relname, attname from pg_attribute inner join pg_class as c on c.oid = attrelid"
        " where relnamespace = 'mixpay'::regnamespace and relkind = 'v' and relname !~ '^_'"
        # A line's number says nothing without its statement's.
        r" and attnum > 0 and attname ~ '_no$' and attname <> 'line_no' order by relname, attnum"
    ).fetchall()
    for view, number in numbers:
        rows = f"from mixpay.{view} where merchant_id = 'm'"
        rarest = conn.execute(
            f"select {number}, count(*) {rows} and {number} is not null group by 1"
            " order by 2, 1 limit 1".encode()
        ).fetchone()
        if rarest is not None:
            query = f"explain (analyze, timing off, format json) select * {rows} and {number} = %s"
            ((plan,),) = conn.execute(query.encode(), rarest[:1]).fetchall()
            met = max(
                sizes[node["Index Name"]] if goes_through(node, first) else rows
                for node, rows in rows_met(plan[0]["Plan"])
            )
            yield view, number, met / rarest[1]
    conn.execute("reset enable_seqscan")


def find_faults(node: dict[str, Any], first: dict[str, str]) -> Iterator[str]:
    """Scans of merchants' tables below this node that meet many rows, or are none of an index."""
    for found, rows in rows_met(node):
        kind, table = found["Node Type"], found.get("Relation Name")
        if not kind.endswith("Scan") or table is None or table in FEW:
            continue
        if kind == "Seq Scan" or rows > ROWS or goes_through(found, first):
            by = found.get("Index Name", "")
            yield f"{kind} of {table} {by} {found.get('Index Cond', '')} meets {rows:.0f} rows"


def test_e55_every_call_is_here(shop: Shop) -> None:
    rows = shop.query(
        "select proname from pg_proc where pronamespace = 'mixpay'::regnamespace and prosecdef"
        " and proname !~ '^_'"
    )
    called = {name.partition(" ")[0] for name in prepare(shop)}
    # A channel is no merchant's.
    assert called | OF_ALL_ACCOUNTS | OF_A_TIME | {"register_channel"} == {
        row.proname for row in rows
    }


@pytest.mark.parametrize("statistics", ["absent", "of nothing", "of one row", "old", "fresh"])
def test_e55_a_call_reads_no_more_beside_thousands(
    shop: Shop, connect: Callable[..., Connection[Any]], statistics: str
) -> None:
    # Nobody shall learn of the tables by himself while the test runs.
    for table, _ in tables(shop.conn):
        shop.conn.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())
    if statistics == "of nothing":
        shop.conn.execute("analyze")
    calls = prepare(shop)
    if statistics == "old":
        shop.conn.execute("analyze")
    elif statistics == "of one row":
        analyze_one(shop.conn)
    shop.until_final()
    shop.call("fold_balances")
    shop.sell("G3", 70, "V")
    early = Session(connect())
    few = early.pages(calls)
    list(early.refusals())
    fill(shop)
    if statistics == "fresh":
        shop.conn.execute("analyze")
    # Plans that were made while tables were empty, and plans that are made now.
    for session in (early, Session(connect())):
        many = session.pages(calls)
        worse = [
            f"{n}: {few[n]} pages, now {many[n]}" for n in calls if many[n] > 2 * few[n] + MORE
        ]
        worse += [*session.faults(calls), *session.refusals()]
        assert not worse, "\n".join(worse)
    # Views trust the statistics.
    if statistics == "fresh":
        read = {(view, number): met for view, number, met in read_by_number(shop.conn)}
        by_key = {
            key: met for key, met in read.items() if key[1] not in BY_MERCHANT.get(key[0], ())
        }
        assert {key: met for key, met in by_key.items() if met > ROWS} == {}
        # Nothing is named above that goes by key.
        assert {key for key, met in read.items() if met <= ROWS} == by_key.keys()
    # A check compares all that there is once, or little of a merchant who has little.
    session = Session(connect())
    [(log,)] = shop.conn.execute("select count(*) from mixpay.facts")
    met = session.met_by_checks()
    assert max(met.values()) >= log
    assert {name: rows for name, rows in met.items() if rows > TIMES * log} == {}
    met = session.met_by_checks("beginner")
    # Of one row, ANALYZE says that whatever there is is of one merchant.
    if statistics != "of one row":
        assert {name: rows for name, rows in met.items() if rows > THOUSANDS} == {}


def test_e55_what_a_statement_says_is_shown_by_going_once_through_it(shop: Shop) -> None:
    """Nothing has a number: so all stays with what had no partner at first."""
    numbers = range(1, THOUSANDS)
    shop.rows(
        "merge_many", [{"trade_no": f"T{n}", "orders": orders(**{f"O{n}": n})} for n in numbers]
    )
    payments: Json = [
        {
            "trade_no": f"T{n}",
            "payment_no": f"P{n}",
            "channel": "card",
            "amount": n,
            "paid_at": day(80).isoformat(),
        }
        for n in numbers
    ]
    shop.rows("record_payments", payments)
    load(shop, "S", [line(n, "payment", n, day(80)) for n in numbers])
    shop.rows("reconcile", "S")
    assert {row.rule for row in shop.query("select rule from mixpay.line_matches")} == {"amount"}

    def met(view: str) -> float:
        query = f"select * from mixpay.{view} where merchant_id = 'm'"
        [[[plan]]] = shop.query(f"explain (analyze, timing off, format json) {query}")
        return max(rows for _, rows in rows_met(plan["Plan"]))

    assert met("reconciliation_summary") <= TIMES * len(numbers)
    shop.conn.execute("analyze")
    for view in ("reconciliation_summary", "statement_line_list", "reconciliation_differences"):
        assert met(view) <= TIMES * len(numbers), view


PARTS = 300
# Which way these go is for the statistics to say; what explains refunds, adds up for each of them.
TRUSTING = {"allocations", "channel_refund_list", "payee_balances", "refund_explained"}


def test_e55_what_has_many_parts_is_shown_by_going_through_them_a_few_times(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    """A trade, an order, a refund, a payout and a statement that are new: nobody analyzed them."""
    for table, _ in tables(shop.conn):
        shop.conn.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())
    shop.call("register_payee", "S", "Store")
    parts = range(PARTS)
    shop.call("merge_orders", of("S", **{f"M{n}": 10 for n in parts}), "TM")
    shop.call("merge_orders", of("S", B=10 * PARTS), "TB")
    for trade_no in ("TM", "TB"):
        payments = [
            {
                "trade_no": trade_no,
                "payment_no": f"{trade_no}{n}",
                "channel": "card",
                "amount": 10,
                "paid_at": day(80).isoformat(),
                "channel_txn_no": f"{trade_no}X{n}",
            }
            for n in parts
        ]
        shop.rows("record_payments", payments)
    shop.refund("B", "RB", 5 * PARTS)
    shop.rows(
        "refund_orders", [{"order_no": f"M{n}", "refund_no": f"R{n}", "amount": 5} for n in parts]
    )
    sent = shop.query("select channel_refund_no from mixpay.channel_refund_list")
    shop.rows("complete_channel_refunds", [row._asdict() for row in sent])
    shop.settle("N")
    # Half of the lines are ours; the others only cost the same. Each six are paid out together.
    for n in range(PARTS // 6):
        shop.call("record_channel_payout", "card", f"O{n}", 60, "CNY", day(80))
    lines = [
        line(n + 1, "payment", 10, day(80), txn=f"TMX{2 * n}", batch_no=f"O{n // 6}") for n in parts
    ]
    load(shop, "SM", lines)
    session = Session(connect())
    session.conn.execute("set auto_explain.log_min_duration = 0")
    for _ in (1, 2):
        Shop(session.conn).rows("reconcile", "SM")
    assert max(rows for plan in session.plans for _, rows in rows_met(plan["Plan"])) <= 20 * PARTS

    [(log,)] = shop.conn.execute("select count(*) from mixpay.facts").fetchall()
    views = shop.query(
        "select relname::text as view, array_agg(attname::text) as numbers from pg_attribute"
        " inner join pg_class as c on c.oid = attrelid where relnamespace = 'mixpay'::regnamespace"
        " and relkind = 'v' and relname !~ '^_' and attname ~ '^(merchant_id|[a-z]+_no)$'"
        " group by relname"
    )
    worse = {}
    for view, numbers in views:
        if "merchant_id" not in numbers or view in TRUSTING:
            continue
        rows = f"from mixpay.{view} where merchant_id = 'm'"
        for number in numbers:
            # Of what has most of them.
            most = shop.conn.execute(
                f"select {number} {rows} group by 1 order by count(*) desc limit 1".encode()
            ).fetchone()
            if most is not None:
                query = (
                    f"explain (analyze, timing off, format json) select * {rows} and {number} = %s"
                )
                ((plan,),) = shop.conn.execute(query.encode(), most).fetchall()
                met = max(rows for _, rows in rows_met(plan[0]["Plan"]))
                if met > TIMES * log:
                    worse[view, number] = met / log
    assert worse == {}


def test_e55_a_line_that_pays_several_is_shown_without_the_others(shop: Shop) -> None:
    shop.conn.execute(
        "select from generate_series(1, 200) as n cross join lateral"
        " mixpay.record_channel_payout('m', 'card', 'O-' || n, 5, 'CNY', %s)",
        [day(80)],
    )

    def pays_two(number: int) -> Json:
        return [
            line(n, "payout", 10, day(80), description=f"O-{n} O-{n + 100}")
            for n in range(number, 101, number)
        ]

    for statement_no, lines in (("B1", pays_two(1)[:-1]), ("B2", pays_two(100))):
        load(shop, statement_no, lines, "bank:main")
        shop.rows("reconcile", statement_no)
    shop.conn.execute("analyze")
    shop.conn.execute("set enable_seqscan = off")
    query = (
        "select * from mixpay.statement_line_list where merchant_id = 'm' and statement_no = 'B2'"
    )
    (row,) = shop.query(query)
    assert (row.matched_by, row.our_number) == ("batch", "O-100 O-200")
    [[[plan]]] = shop.query(f"explain (analyze, timing off, format json) {query}")
    assert max(rows for _, rows in rows_met(plan["Plan"])) <= ROWS


@pytest.mark.parametrize("statistics", ["absent", "of nothing", "fresh"])
def test_e55_a_transfer_is_found_by_either_number(shop: Shop, statistics: str) -> None:
    """Also where nothing is known of the tables that have the few that went again."""
    if statistics == "of nothing":
        shop.conn.execute("analyze")
    shop.merge("T", A=THOUSANDS)
    shop.pay("T", "P", THOUSANDS, "card")
    for n in range(2 * ROWS):
        shop.refund("A", f"R{n}", 1)
        shop.complete(f"R{n}", "P", f"X{n}")
    shop.bounce("R1", "P")
    shop.complete("R1", "P", "Y1")
    if statistics == "fresh":
        shop.conn.execute("analyze")
    shop.conn.execute("set enable_seqscan = off")
    number = shop.channel_refund("R1", "P").channel_refund_no
    for column, value in (("channel_refund_no", number), ("channel_txn_no", "X1")):
        query = f"select * from mixpay.transfer_list where merchant_id = 'm' and {column} = %s"
        assert shop.query(query, value)
        [[[plan]]] = shop.query(f"explain (analyze, timing off, format json) {query}", value)
        assert max(rows for _, rows in rows_met(plan["Plan"])) <= ROWS, column


def test_e55_of_each_line_of_a_statement_a_few_rows_are_read(
    conn: Connection[Any], connect: Callable[..., Connection[Any]]
) -> None:
    """Also by plans that were made when there was next to nothing, and the statistics said so."""
    for table, _ in tables(conn):
        conn.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())
    conn.execute("analyze")
    session = Session(connect())
    shop = Shop(session.conn)
    shop.call("register_merchant", "Shop")

    def compare(prefix: str, number: int) -> None:
        """As many lines of each kind, some of which are about something of ours."""
        numbers = range(1, number + 1)
        trades = [
            {"trade_no": f"{prefix}{n}", "orders": orders(**{f"{prefix}{n}": 5})} for n in numbers
        ]
        shop.rows("merge_many", trades)
        payments: Json = [
            {
                "trade_no": f"{prefix}{n}",
                "payment_no": f"{prefix}{n}",
                "channel": "card",
                "amount": 5,
                "channel_txn_no": f"{prefix}X{n}",
                "paid_at": day(80).isoformat(),
            }
            for n in numbers
        ]
        shop.rows("record_payments", payments)
        for n in numbers[:3]:
            shop.call("charge_back_payment", f"{prefix}{n}", f"{prefix}C{n}", 5, "fraud", 1)
            shop.call("reverse_chargeback", f"{prefix}C{n}", "won")
        shop.conn.execute(
            "select from generate_series(1, %s) as n cross join lateral"
            " mixpay.record_channel_payout('m', 'card', %s || n, 5, 'CNY', %s)",
            [2 * number, prefix, day(80)],
        )
        told = []
        for n in numbers:
            more = [
                ("payment", 5, {"txn": f"{prefix}X{n}"}),
                ("payment", 7, {"txn": f"{prefix}Y{n}"}),
                ("payment", 8, {"our": f"{prefix}Y{n}"}),
                ("refund", -1, {"our": f"{prefix}{n}", "batch_no": f"{prefix}{min(n, 3)}"}),
                ("fee", -3, {"of": f"{prefix}{n}", "of_txn": f"{prefix}X{n}"}),
                ("payout", -9, {"txn": f"{prefix}Y{n}"}),
                ("chargeback_reversal", 5, {"of_txn": f"{prefix}X{n}"}),
                ("unknown", 4, {"description": f"{prefix}{n}"}),
            ]
            told += [
                line(8 * n + i, kind, amount, day(80), **named)
                for i, (kind, amount, named) in enumerate(more)
            ]
        load(shop, f"{prefix}1", told)
        load(shop, f"{prefix}2", told)
        pairs = [
            line(n, "payout", 10, day(80), description=f"{prefix}{n} {prefix}{n + number}")
            for n in numbers
        ]
        load(shop, f"{prefix}3", pairs, "bank:main")
        for n in (1, 2, 3):
            shop.rows("reconcile", f"{prefix}{n}")
        shop.conn.execute(
            "select from generate_series(1, %s) as n cross join lateral mixpay.ignore_difference"
            "('m', %s || n, 'Zoe', null, %s, 8 * n + 1)",
            [number, f"{prefix}I", f"{prefix}2"],
        )

    compare("FEW-", 2)
    compare("MANY-", 2 * ROWS)
    session.plans.clear()
    session.conn.execute("set auto_explain.log_min_duration = 0")
    compare("MORE-", ROWS)
    asked: dict[str, list[Any]] = {}
    for plan in session.plans:
        asked.setdefault(" ".join(plan["Query Text"].split()), []).append(plan["Plan"])
    met: dict[str, float] = {}
    for query, plans in asked.items():
        # A question that is asked a few times is about many lines.
        if len(plans) >= ROWS:
            for node, rows in (each for plan in plans for each in rows_met(plan)):
                by = node.get("Index Name", node.get("Relation Name"))
                if by and (rows > ROWS or goes_through(node, session.first)):
                    fault = f"{node['Node Type']} {by} in {query[:200]}"
                    met[fault] = max(met.get(fault, 0), rows)
    assert met == {}


# What goes by a list of keys among a few rows that something else has found.
AMONG_A_FEW = {
    "claim_channel_refunds": "the trade of a channel refund that was looked up by key",
    "_reopen_lines": "lines of one trade",
    "_lock_shared": "lines that were looked up by key",
    "close_dispute": "lines of one order",
    "release_order": "lines of one order",
    "_order_lines": "lines of one order",
}


def test_e55_nothing_is_found_by_a_list_of_keys(conn: Connection[Any]) -> None:
    """PostgreSQL 15 and 16 may pass over it, and go by the merchant alone."""
    rows = conn.execute(
        "select proname from pg_proc where pronamespace = 'mixpay'::regnamespace"
        r" and prosrc ~ '(_no|\mnumber) = any \('"
    ).fetchall()
    assert {name for (name,) in rows} == AMONG_A_FEW.keys()


def test_e55_whoever_bends_the_planner_turns_off_what_costs_would_start(
    conn: Connection[Any],
) -> None:
    """A node that is not to be used costs 10^10 before PostgreSQL 18, and would be compiled."""
    rows = conn.execute(
        "select oid::regprocedure::text, proconfig from pg_proc"
        " where pronamespace = 'mixpay'::regnamespace and proconfig::text like '%enable_%'"
    ).fetchall()
    assert rows
    assert [name for name, settings in rows if "jit=off" not in settings] == []


def test_e55_what_is_asked_of_each_line_is_planned_once(conn: Connection[Any]) -> None:
    """And by key, though reconcile has its own statements planned anew, and forbids loops there."""
    rows = conn.execute(
        "select proname, proconfig from pg_proc where pronamespace = 'mixpay'::regnamespace"
        " and proname ~ '^_' and 'enable_seqscan=off' = any (proconfig)"
    ).fetchall()
    assert "_is_duplicate" in {name for name, _ in rows}
    needed = {"plan_cache_mode=force_generic_plan", "enable_nestloop=on"}
    assert {
        name: needed.difference(settings) for name, settings in rows if needed - {*settings}
    } == {}


def test_e55_a_statement_of_a_day_is_compared_with_what_that_day_has(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    """Not with all that there is of the account, or of others: it comes every day, for years."""
    for table, _ in tables(shop.conn):
        shop.conn.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())
    prepare(shop)
    told = [
        line(1, "payment", 60, day(80), our="PP1"),
        line(2, "payment", 61, day(80), txn="NOBODY"),
        line(3, "refund", -20, day(80), our="R3"),
        line(4, "fee", -7, day(80), our="BF"),
        line(5, "payment", 90, day(81)),
        line(6, "chargeback_reversal", 30, day(80), of="PV", of_txn="Z"),
    ]
    load(shop, "SD", told)
    load(shop, "SE", told[:2])
    two = [line(n, "payout", 3, day(80)) for n in (1, 2)]
    load(shop, "SB", two, "bank:main")
    load(shop, "SF", two[:1], "bank:main")
    for statement_no in ("SE", "SF"):
        shop.rows("reconcile", statement_no)
    calls: Calls = {
        "reconcile": ("'SD'", []),
        "reconcile again": ("'SE'", []),
        "reconcile of a bank": ("'SB'", []),
        "reconcile of a bank again": ("'SF'", []),
        "withdraw_statement": ("'NEW', 'SE', 'Zoe', 'of another one'", []),
        "withdraw_statement of a bank": ("'NEW', 'SF', 'Zoe', 'of another one'", []),
    }
    early = Session(connect())
    early.pages(calls)
    for statistics in ("absent", "of one row", "old", "fresh"):
        if statistics == "of one row":
            analyze_one(shop.conn)
        elif statistics == "old":
            # Without what was rolled back.
            shop.conn.execute("vacuum analyze")
        for session in (early, Session(connect())):
            with session.conn.transaction(force_rollback=True):
                session.conn.execute(HISTORY.read_bytes())
                if statistics == "fresh":
                    session.conn.execute("analyze")
                # A table of a few pages may be read. A larger one would not be.
                session.conn.execute("set local enable_seqscan = off")
                faults = [f"statistics {statistics}: {fault}" for fault in session.faults(calls)]
                assert not faults, "\n".join(faults)
