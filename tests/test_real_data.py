"""Imports, refunds and everybody's money on real payments, where MIXPAY_OLIST names their file.

It holds 51,779 payments of 49,560 orders of a marketplace; seven are worth nothing.
"""

import csv
import gzip
import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any
from zlib import crc32

import legacy
import psycopg
import pytest
from click.testing import CliRunner
from psycopg import Connection
from shop import Shop

from mixpay_db import api, database
from mixpay_db.cli import main
from mixpay_db.money import to_units

FILE = os.environ.get("MIXPAY_OLIST", "")
pytestmark = pytest.mark.skipif(not FILE, reason="MIXPAY_OLIST names no file of real payments")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(FILE, "rt", newline="") as file:
        return list(csv.DictReader(file))


def load(url: str, file: str | Path, rejects: Path, **how: Any) -> dict[str, Any]:
    arguments = ["--url", url, "import", str(file), "--merchant", "olist", "--currency", "BRL"]
    options = [*legacy.OPTIONS, "--rejects", str(rejects), "--json"]
    result = CliRunner().invoke(main, [*arguments, *options], **how)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def broken(url: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return [check.name for check in database.run_checks(conn) if check.rows]


def fifo(paid_by: list[list[Any]], amount: int) -> list[tuple[str, int]]:
    """Takes an amount from [number, money] in their order, and says what it took of which."""
    taken = []
    for payment in paid_by:
        share = min(amount, payment[1])
        if share:
            taken.append((payment[0], share))
            payment[1] -= share
            amount -= share
    assert amount == 0
    return taken


def test_loads_them_to_the_cent_and_refunds_them_first_in_first_out(
    url: str, conn: Connection[Any], tmp_path: Path, rows: list[dict[str, str]]
) -> None:
    rejects = tmp_path / "rejects.csv"
    told = load(url, FILE, rejects)

    assert told["read"] == {"rows": 51_779, "amount": 793_453_736}
    assert told["loaded"] == {"rows": 51_772, "amount": 793_453_736}
    assert told["rejected"] == {"rows": 7, "amount": 0}
    assert told["reasons"] == {"amount is zero": 4, "unknown channel": 3}
    worthless = {i for i, row in enumerate(rows, 2) if row["payment_value"] == "0.00"}
    with rejects.open(newline="") as file:
        assert {int(row["line"]) for row in csv.DictReader(file)} == worthless
    # Three orders have no other row.
    assert told["trades"] == len({row["order_id"] for row in rows}) - 3
    totals = conn.execute(
        "select count(*), sum(amount)::bigint, sum(paid)::bigint from mixpay.order_balances"
    ).fetchone()
    assert totals == (49_557, 793_453_736, 793_453_736)
    assert broken(url) == []

    paid_by: dict[str, list[list[Any]]] = defaultdict(list)
    for row in rows:
        if row["payment_value"] != "0.00":
            number = f"{row['order_id']}-{row['payment_sequential']}"
            paid_by[row["order_id"]].append([number, to_units(row["payment_value"], "BRL")])
    refunds = some_refunds(paid_by)
    with ThreadPoolExecutor(8) as workers:
        for worker in [workers.submit(refund, url, refunds[i::8]) for i in range(8)]:
            worker.result()

    # In which order the database did them is for it to say; what each took, for us.
    done = conn.execute(
        "select refund_no, order_no from mixpay.facts "
        "where entity = 'refund' and from_state = '' order by log_no, entry"
    ).fetchall()
    amounts = {refund_no: amount for _, refund_no, amount in refunds}
    expected = {no: sorted(fifo(paid_by[order_no], amounts[no])) for no, order_no in done}
    assert len(expected) == len(refunds)
    details = defaultdict(list)
    for refund_no, *detail in conn.execute(
        "select refund_no, payment_no, amount from mixpay.refund_details order by payment_no"
    ):
        details[refund_no].append(tuple(detail))
    assert details == expected
    # And all checks, as after every test; statistics as autovacuum would have them by then.
    conn.execute("analyze")


def some_refunds(paid_by: dict[str, list[list[Any]]]) -> list[tuple[str, str, int]]:
    """1 to 3 refunds of each of 2,000 orders, a thousand of which were paid in several ways."""
    dice = random.Random(1)
    several = [order_no for order_no, payments in paid_by.items() if len(payments) > 1]
    others = [order_no for order_no, payments in paid_by.items() if len(payments) == 1]
    refunds = []
    for order_no in dice.sample(several, 1000) + dice.sample(others, 1000):
        left = sum(amount for _, amount in paid_by[order_no])
        for i in range(dice.randint(1, 3)):
            if left:
                amount = dice.randint(1, left)
                refunds.append((order_no, f"R-{order_no}-{i}", amount))
                left -= amount
    dice.shuffle(refunds)
    return refunds


def refund(url: str, refunds: list[tuple[str, str, int]]) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        for order_no, refund_no, amount in refunds:
            api.refund_order(conn, "olist", order_no, refund_no, amount)


def test_e26_an_order_paid_29_times_and_vouchers_worth_nothing(
    url: str, conn: Connection[Any], tmp_path: Path, rows: list[dict[str, str]]
) -> None:
    by_order = defaultdict(list)
    for row in rows:
        by_order[row["order_id"]].append(row)
    most = max(by_order.values(), key=len)
    assert len(most) == 29
    worthless = [row for row in rows if row["payment_value"] == "0.00" and row not in most]
    text = legacy.text(legacy.HEADER, [row.values() for row in [*most, *worthless]])
    told = load(url, "-", tmp_path / "rejects.csv", input=text)

    # Two of the 29 are vouchers worth nothing, as are five rows of other orders.
    assert (told["loaded"]["rows"], told["rejected"]["rows"]) == (27, 7)
    assert told["reasons"] == {"amount is zero": 4, "unknown channel": 3}
    order_no, paid = most[0]["order_id"], told["loaded"]["amount"]
    balance = conn.execute(
        "select order_no, paid, refundable from mixpay.order_balances"
    ).fetchall()
    assert balance == [(order_no, paid, paid)]
    api.refund_order(conn, "olist", order_no, "R1", paid - 1)
    api.refund_order(conn, "olist", order_no, "R2", 1)
    counts = conn.execute(
        "select count(*), sum(amount)::bigint from mixpay.refund_details "
        "group by refund_no order by refund_no"
    ).fetchall()
    assert counts == [(27, paid - 1), (1, 1)]


# All of them take a minute and a half on two cores, and then `make soak` has them.
EVERY = 1 if os.environ.get("MIXPAY_SOAK") else 5
SELLERS = 300
# Of each order: 8 % are the platform's, 2 % the acquirer's, who keeps them, the rest its seller's.
SHARES: list[api.ShareToSplit] = [
    {"kind": "platform_fee", "receiver": "platform", "rate": 800},
    {"kind": "channel_fee", "receiver": "acquirer", "rate": 200, "kept_on_refund": True},
]
CHANNELS = {"credit_card": "card", "debit_card": "card", "boleto": "bank", "voucher": "voucher"}
SPLIT = """
select count(*) from unnest(%s::text[], %s::text[]) as o (order_no, takes_place)
cross join lateral mixpay.split_order('olist', o.order_no, o.order_no, %s, o.takes_place)
"""
RELEASE = """
select count(*) from mixpay.order_balances as o
cross join lateral mixpay.release_order(
    'olist', o.order_no, o.order_no, case when %s then (o.in_escrow + 1) / 2 end
)
where o.order_no = any (%s)
"""
SETTLE = """
select count(*) from mixpay.payee_list as p
cross join lateral mixpay.settle_payee('olist', p.payee_no, p.payee_no || %s, null, 'BRL')
"""
REFUND = """
select count(*) from unnest(%s::text[], %s::bigint[]) as o (order_no, amount)
cross join lateral mixpay.refund_order('olist', o.order_no, o.order_no, o.amount)
"""
# What each account should hold, by the tables that the journal does not read.
TABLES = """
select account, owner, sum(amount)::bigint from (
    select 'channel' as account, channel as owner, -amount as amount from mixpay.payments
    union all
    select 'channel', channel, amount from mixpay.channel_refunds where state = 'succeeded'
    union all
    select 'refund', refund_no, amount from mixpay.channel_refunds
    where state in ('waiting', 'pending', 'sent', 'doubt')
    union all
    select 'order', order_no, paid - refunded - cleared from mixpay.trade_orders
    union all
    select 'payee', payee_no, cleared from mixpay.trade_orders
    union all
    select 'payee', o.payee_no, -s.balance
    from mixpay.split_list as s inner join mixpay.orders as o using (merchant_id, order_no)
    where s.kind <> 'payee'
    union all
    select case kind when 'platform_fee' then 'fee' else kind end, receiver, balance
    from mixpay.split_list where kind <> 'payee'
    union all
    select 'payee', payee_no, -amount from mixpay.settlements
    union all
    select 'bank', 'main', amount from mixpay.settlements
) as x
group by account, owner
having sum(amount) <> 0
"""
JOURNAL = """
select account, coalesce(owner, ''), sum(amount)::bigint from (
    select to_account as account, to_owner as owner, amount from mixpay.journal
    union all
    select from_account, from_owner, -amount from mixpay.journal
) as x
group by account, owner
having sum(amount) <> 0
"""


class Sold:
    """An order, and what is to happen to it: its number decides, so it is the same on every run."""

    def __init__(self, order_no: str, rows: list[dict[str, str]]) -> None:
        self.order_no = order_no
        self.payments = [
            {
                "payment_no": f"{order_no}-{row['payment_sequential']}",
                "channel": CHANNELS[row["payment_type"]],
                "amount": to_units(row["payment_value"], "BRL"),
            }
            for row in rows
        ]
        self.amount = sum(payment["amount"] for payment in self.payments)
        number, seller = divmod(crc32(order_no.encode()), SELLERS)
        self.payee_no = f"seller-{seller:03}"
        number, release = divmod(number, 8)
        # Half of them are on hold.
        self.release = {0: "due", 1: "part", 2: "late", 3: "never"}.get(release, "at once")
        number, at_payment = divmod(number, 2)
        self.takes_place = "payment" if at_payment else "release"
        number, self.is_split_before = divmod(number, 2)
        self.goes_with_others = number % 10 == 0
        self.refunded = 0

    def line(self) -> dict[str, Any]:
        hold = {"at once": False, "due": "2018-10-17T00:00:00Z"}.get(self.release, True)
        money = {"amount": self.amount, "currency": "BRL"}
        return {"order_no": self.order_no, **money, "payee_no": self.payee_no, "hold": hold}

    def whose(self, is_over: bool = True) -> dict[str, int]:
        """Whose its money is, before the refunds or when all is over."""
        refunded = self.refunded if is_over else 0
        is_in_escrow = self.release == "never" or (
            self.release == "late" and (refunded or not is_over)
        )
        at_payment = self.takes_place == "payment"
        fees = [self.amount * rate // 10_000 for rate in (800, 200)]
        # What is in escrow is the order's, or if it is split at payment the seller's share of it.
        could_be = self.amount - sum(fees) if at_payment else self.amount
        in_escrow = 0
        if is_in_escrow:
            in_escrow = could_be
        elif self.release == "part":
            in_escrow = could_be // 2
        given = self.amount if at_payment else self.amount - in_escrow
        platform, acquirer = (given * rate // 10_000 for rate in (800, 200))
        shares = [platform, acquirer, given - platform - acquirer]
        taken = in_proportion(refunded if at_payment else max(0, refunded - in_escrow), shares)
        from_escrow = min(in_escrow, taken[1] + taken[2] if at_payment else refunded)
        return {
            "in_escrow": in_escrow - from_escrow,
            "platform": platform - taken[0],
            "acquirer": acquirer,
            "seller": shares[2]
            - taken[2]
            - taken[1]
            - ((in_escrow - from_escrow) if at_payment else 0),
        }


def in_proportion(amount: int, weights: list[int]) -> list[int]:
    """By Webster's method, as seats are given to parties: in one step what many steps give."""
    total = sum(weights) or 1
    parts = [(2 * amount * weight + total) // (2 * total) for weight in weights]
    while left := amount - sum(parts):
        step = 1 if left > 0 else -1
        free = [i for i, weight in enumerate(weights) if 0 <= parts[i] + step <= weight]
        best = min(free, key=lambda i: (step * Fraction(2 * parts[i] + step, weights[i]), step * i))
        parts[best] += step
    return parts


def trades_of(sold: Sequence[Sold]) -> Iterator[list[Sold]]:
    """An order by itself, or here and there three orders, of as many sellers as it happens."""
    left = iter(sold)
    for first in left:
        others = [next(left, None) for _ in range(2)] if first.goes_with_others else []
        yield [first, *filter(None, others)]


def in_two(call: Any, url: str, items: Sequence[Any], batch: int = 1000) -> None:
    """Call with a thousand at a time, on two sessions."""

    def work(some: Sequence[Any]) -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            for i in range(0, len(some), batch):
                call(conn, some[i : i + batch])
                if i == 0:
                    # They were made while the tables were empty.
                    conn.execute("discard plans")

    with ThreadPoolExecutor(2) as workers:
        for worker in [workers.submit(work, items[i::2]) for i in range(2)]:
            worker.result()


def merge(conn: Connection[Any], trades: Sequence[list[Sold]]) -> None:
    sent = [{"trade_no": t[0].order_no, "orders": [sold.line() for sold in t]} for t in trades]
    api.merge_many(conn, "olist", sent)


def split(conn: Connection[Any], some: Sequence[Sold]) -> None:
    numbers, places = [s.order_no for s in some], [s.takes_place for s in some]
    conn.execute(SPLIT, [numbers, places, json.dumps(SHARES)])


def pay(conn: Connection[Any], trades: Sequence[list[Sold]]) -> None:
    api.record_payments(
        conn,
        "olist",
        [
            {"trade_no": t[0].order_no, **payment}
            for t in trades
            for s in t
            for payment in s.payments
        ],
    )


def test_e22_each_seller_gets_what_is_his(
    conn: Connection[Any], url: str, rows: list[dict[str, str]]
) -> None:
    by_order = defaultdict(list)
    for row in rows:
        if row["payment_value"] != "0.00":
            by_order[row["order_id"]].append(row)
    sold = [Sold(order_no, paid) for order_no, paid in by_order.items()][::EVERY]
    trades = list(trades_of(sold))
    shop = Shop(conn, "olist")
    shop.call("register_merchant", "Olist")
    for payee_no in sorted({s.payee_no for s in sold}):
        shop.call("register_payee", payee_no, payee_no)

    def release(in_part: bool, how: str) -> None:
        numbers = [s.order_no for s in sold if s.release == how and not s.refunded]
        conn.execute(RELEASE, [in_part, numbers])

    in_two(merge, url, trades)
    in_two(split, url, [s for s in sold if s.is_split_before])
    in_two(pay, url, trades)
    in_two(split, url, [s for s in sold if not s.is_split_before])
    while shop.rows("release_due"):
        pass
    release(True, "part")
    shop.until_final()
    shop.call("fold_balances")
    conn.execute(SETTLE, ["-1"])

    refunded = refund_some(conn, sold)
    # Fifty of them are refused: nothing is refunded of those orders, and their number stays used.
    alone = {t[0].order_no for t in trades if len(t) == 1}
    for s in [s for s in refunded if len(s.payments) == 1 and s.order_no in alone][:50]:
        shop.fail(s.order_no, s.payments[0]["payment_no"])
        s.refunded = 0
    for row in shop.rows("claim_channel_refunds", "worker", 1000):
        shop.call("complete_channel_refund", row.channel_refund_no, None)
    release(False, "late")
    shop.until_final()
    conn.execute(SETTLE, ["-2"])

    expected: dict[str, Counter[str]] = defaultdict(Counter)
    platform = acquirer = 0
    for s in sold:
        seller, first, last = expected[s.payee_no], s.whose(is_over=False), s.whose()
        fees = last["platform"] + last["acquirer"]
        seller.update(
            orders=1, gross=s.amount, refunds=s.refunded, fees=fees, in_escrow=last["in_escrow"]
        )
        seller.update(earned_first=first["seller"], earned=last["seller"])
        platform += last["platform"]
        acquirer += last["acquirer"]
    balances = conn.execute(
        "select payee_no, orders, gross, refunds, fees, net, in_escrow, payable, paid_out "
        "from mixpay.payee_balances"
    ).fetchall()
    assert len(balances) == SELLERS
    for payee_no, *figures in balances:
        e = expected[payee_no]
        net = e["gross"] - e["refunds"] - e["fees"]
        paid_out = max(e["earned_first"], e["earned"])
        told = [e[name] for name in ("orders", "gross", "refunds", "fees")]
        assert figures == [*told, net, e["in_escrow"], e["earned"] - paid_out, paid_out]

    tables = {(account, owner): balance for account, owner, balance in conn.execute(TABLES)}
    assert {
        (account, owner): balance for account, owner, balance in conn.execute(JOURNAL)
    } == tables
    assert tables["fee", "platform"] == platform
    assert tables["channel_fee", "acquirer"] == acquirer
    for _ in range(2):
        kinds = Counter()
        for (account, _), balance in tables.items():
            kinds[account] += balance
        trial = shop.rows("trial_balance")
        assert {t.account: t.balance for t in trial if t.balance} == kinds
        assert sum(t.balance for t in trial) == 0
        accounts = shop.query("select account, owner, balance from mixpay.account_balances")
        named = {k: v for k, v in tables.items() if k[0] not in ("order", "refund")}
        assert {(a.account, a.owner): a.balance for a in accounts if a.balance} == named
        # And the same once more when all of it is folded.
        shop.call("fold_balances")
    conn.execute("analyze")


def refund_some(conn: Connection[Any], sold: Sequence[Sold]) -> list[Sold]:
    """A part of each of 2,000 orders, many of which were paid in several ways."""
    dice = random.Random(2)
    several = [s for s in sold if len(s.payments) > 1][:1000]
    others = [s for s in sold if len(s.payments) == 1]
    some = several + dice.sample(others, 2000 - len(several))
    for s in some:
        s.refunded = dice.randint(1, s.amount)
    conn.execute(REFUND, [[s.order_no for s in some], [s.refunded for s in some]])
    return some
