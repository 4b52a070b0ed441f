"""A call in bulk does what as many single calls do."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from psycopg import Connection
from shop import Json, Shop, day

Item = dict[str, Any]
SINGLE = {
    "merge_many": "merge_orders",
    "record_payments": "record_payment",
    "succeed_payments": "succeed_payment",
    "refund_orders": "refund_order",
    "complete_channel_refunds": "complete_channel_refund",
}
# Whose the orders' money is: nobody's, a payee's at once, or when it is released.
PAYEES: Json = [
    {},
    {"payee_no": "S"},
    {"payee_no": "V"},
    {"payee_no": "S", "hold": True},
    {"payee_no": "V", "hold": day(9).isoformat()},
]
SHARES: list[Json] = [
    [{"receiver": "agent", "rate": 1000}],
    [{"kind": "platform_fee", "receiver": "us", "fixed": 1}, {"receiver": "agent", "rate": 333}],
    [{"kind": "payee", "receiver": "V", "rate": 5000}, {"receiver": "a", "takes_remainder": True}],
]


def names(shop: Shop) -> dict[str, str]:
    """What to call the numbers that mixpay made."""
    found: dict[str, str] = {}
    for refund_no, kind, payment_no in shop.query(
        "select r.refund_no, r.kind, min(d.payment_no) from mixpay.refunds as r "
        "inner join mixpay.refund_details as d using (merchant_id, refund_no) "
        "where r.merchant_id = %s and r.kind in ('surplus', 'reversal') group by 1, 2",
        shop.merchant,
    ):
        found[refund_no] = f"{kind} of {payment_no}"
    for channel_refund_no, refund_no, payment_no, nth in shop.query(
        "select channel_refund_no, refund_no, payment_no, row_number() over ("
        "partition by refund_no, payment_no order by channel_refund_no) from mixpay.channel_refunds"
        " where merchant_id = %s",
        shop.merchant,
    ):
        found[channel_refund_no] = f"{nth} of {found.get(refund_no, refund_no)} to {payment_no}"
    assert len(set(found.values())) == len(found)
    return found


def written(shop: Shop) -> dict[str, list[str]]:
    """Every row of the merchant's in every table, without what may differ.

    That is the transaction, our own numbers, and the moments at which something was written.
    """
    called = names(shop)
    lately = datetime.now(UTC) - timedelta(hours=1)

    def same(key: str, value: Any) -> Any:
        if isinstance(value, str) and (key.endswith("_at") or key == "not_before"):
            return "lately" if datetime.fromisoformat(value) > lately else value
        # A reason may name one of our numbers, too.
        return (
            re.sub(r"[^ :]+", lambda word: called.get(word[0], word[0]), value)
            if isinstance(value, str)
            else value
        )

    tables = shop.query(
        "select attrelid::regclass::text as name from pg_attribute "
        "inner join pg_class on pg_class.oid = attrelid "
        "where attname = 'merchant_id' and relkind = 'r' and relnamespace = 'mixpay'::regnamespace"
    )
    return {
        table.name: sorted(
            str({key: same(key, value) for key, value in sorted(row.items())})
            for (row,) in shop.query(
                f"select to_jsonb(t) - 'merchant_id' - 'xid' from {table.name} as t "
                "where merchant_id = %s",
                shop.merchant,
            )
        )
        for table in tables
    }


class Both:
    """Two shops that do the same: one in bulk, one with a call for each."""

    def __init__(self, conn: Connection[Any], allocation: str, seed: int) -> None:
        self.bulk, self.single = (Shop(conn, f"{name}{seed}") for name in ("bulk", "single"))
        self.call("register_merchant", "Shop", allocation)
        self.call("register_payee", "S", "Store")
        self.call("register_payee", "V", "Vintage")

    def call(self, function: str, *arguments: Any, **named: Any) -> None:
        for shop in (self.bulk, self.single):
            shop.rows(function, *arguments, **named)

    def each(self, function: str, items: Json, key: str) -> None:
        """Both find their own numbers, where an item is said by a function of the shop."""
        if not items:
            return

        def of(shop: Shop) -> Iterator[Item]:
            for item in items:
                yield {k: v(shop) if callable(v) else v for k, v in item.items()}

        sent = list(of(self.bulk))
        in_bulk = self.bulk.rows(function, sent)
        assert [getattr(row, key) for row in in_bulk] == [item[key] for item in sent]
        for item in of(self.single):
            self.single.call(SINGLE[function], **item)

    def agree(self) -> None:
        bulk, single = written(self.bulk), written(self.single)
        for table in bulk:
            # Only what differs: there are many rows.
            assert sorted({*bulk[table]} - {*single[table]}) == sorted(
                {*single[table]} - {*bulk[table]}
            )
        assert bulk == single


def trades_of(random: Random) -> Json:
    """Trades of one, two, three and ten orders; of some orders only a deposit."""
    trades: Json = []
    for number in range(12):
        lines = []
        for i in range(random.choice([1, 1, 2, 2, 3, 10])):
            amount = random.randint(2, 50)
            line = {"order_no": f"O{number}-{i}", "amount": amount, "currency": "CNY"}
            if random.random() < 0.3:
                line["pay"] = random.randint(1, amount - 1)
            lines.append(line | random.choice(PAYEES))
        trades.append({"trade_no": f"T{number}", "orders": lines})
    return trades


def splits_of(random: Random, trades: Json) -> list[tuple[Any, ...]]:
    return [
        (
            line["order_no"],
            f"X{line['order_no']}",
            random.choice(SHARES) if line["payee_no"] == "S" else SHARES[0],
            random.choice(["payment", "release"]),
        )
        for trade in trades
        for line in trade["orders"]
        if "payee_no" in line and random.random() < 0.3
    ]


def again(random: Random, batch: Json, earlier: Json) -> Json:
    """Some of it twice, some of an earlier one, in any order."""
    batch = batch + random.sample(batch, min(2, len(batch)))
    batch += random.sample(earlier, min(2, len(earlier)))
    random.shuffle(batch)
    return batch


def payments_of(random: Random, batch: str, trades: Json, most: int) -> Json:
    """Too few, enough, too many; several into one trade."""
    payments: Json = []
    for number in range(random.randint(1, most)):
        payment = {
            "trade_no": random.choice(trades)["trade_no"],
            "payment_no": f"{batch}-{number}",
            "channel": random.choice(["card", "wechat", "cash"]),
            "amount": random.randint(1, 60),
            "paid_at": day(random.randint(1, 5)).isoformat(),
        }
        if random.random() < 0.3:
            payment["channel_txn_no"] = f"Y{batch}-{number}"
        payments.append(payment)
    return payments


def successes_of(random: Random, payments: Json) -> Json:
    """What comes of started payments: of one of five nothing, of another one another amount."""
    successes: Json = []
    for payment in payments:
        if random.random() < 0.8:
            success = {"payment_no": payment["payment_no"], "paid_at": payment["paid_at"]}
            success["channel_txn_no"] = payment.get("channel_txn_no")
            if random.random() < 0.2:
                success["amount"] = random.randint(1, 90)
            successes.append(success)
    return successes


def rests_of(random: Random, shop: Shop) -> Json:
    """The orders of which a deposit is paid, merged two by two for what is left of them."""
    rests = shop.query(
        "select o.order_no, o.amount, o.payee_no, l.hold, l.release_due_at"
        " from mixpay.trade_orders as l inner join mixpay.orders as o using (merchant_id, order_no)"
        " where l.merchant_id = %s and l.live is not true and l.paid < o.amount order by 1",
        shop.merchant,
    )
    random.shuffle(rests)
    trades: Json = []
    for i in range(0, len(rests), 2):
        lines = []
        for rest in rests[i : i + 2]:
            hold = rest.release_due_at.isoformat() if rest.release_due_at else rest.hold
            line = {"order_no": rest.order_no, "amount": rest.amount, "currency": "CNY"}
            payee = {"payee_no": rest.payee_no, "hold": hold} if rest.payee_no else {}
            lines.append({**line, **payee})
        trades.append({"trade_no": f"rest{i}", "orders": lines})
    return trades


def refunds_of(random: Random, shop: Shop) -> Json:
    """As much of some orders as they have left, one after the other; one names its payments."""
    left = {
        row.order_no: row.refundable
        for row in shop.query(
            "select order_no, refundable from mixpay.order_balances"
            " where merchant_id = %s and refundable > 0 order by 1",
            shop.merchant,
        )
    }
    refunds: Json = []
    for number, order_no in enumerate(random.choices(list(left), k=25) if left else []):
        if left[order_no] > 0:
            amount = random.randint(1, left[order_no])
            left[order_no] -= amount
            refunds.append({"order_no": order_no, "refund_no": f"R{number}", "amount": amount})
    if refunds:
        first = shop.preview(refunds[0]["order_no"], refunds[0]["amount"])
        refunds[0]["payment_nos"] = [payment_no for payment_no, _ in reversed(first)]
    return refunds


def number_of(refund_no: str, payment_no: str) -> Callable[[Shop], str]:
    return lambda shop: str(shop.channel_refund(refund_no, payment_no).channel_refund_no)


@pytest.mark.parametrize("allocation", ["fifo", "pro_rata"])
def test_bulk_and_single_write_the_same(
    conn: Connection[Any], subtests: pytest.Subtests, allocation: str
) -> None:
    seen = dict.fromkeys(["surplus", "split", "released", "spanning", "late", "anomaly"], 0)
    for seed in range(5):
        random, both = Random(f"{allocation} {seed}"), Both(conn, allocation, seed)
        trades = trades_of(random)
        splits = splits_of(random, trades)
        both.each("merge_many", trades, "trade_no")
        starts = payments_of(random, "S", trades, 30)
        for start in starts:
            lacks = both.bulk.row("trades", start["trade_no"]).amount
            amount = min(start["amount"], lacks)
            both.call(
                "start_payment", start["trade_no"], start["payment_no"], amount, start["channel"]
            )
        news = successes_of(random, starts)
        earlier: Json = []
        for batch in range(3):
            # Some are split when money is there already.
            for split in splits[batch::3]:
                both.call("split_order", *split)
            payments = payments_of(random, f"P{batch}", trades, 25)
            both.each("record_payments", again(random, payments, earlier), "payment_no")
            both.each("succeed_payments", again(random, news[batch::3], []), "payment_no")
            earlier = payments
            with subtests.test(seed=seed, batch=batch):
                both.agree()
        rests = rests_of(random, both.bulk)
        both.each("merge_many", rests, "trade_no")
        if rests:
            payments = payments_of(random, "Q", rests, 2 * len(rests))
            both.each("record_payments", payments, "payment_no")
        on_hold = both.bulk.query(
            "select order_no from mixpay.trade_orders where merchant_id = %s and hold"
            " group by 1 having sum(paid - refunded - cleared) > 0 order by 1",
            both.bulk.merchant,
        )
        for (order_no,) in random.sample(on_hold, len(on_hold) // 2):
            both.call("release_order", order_no, f"L{order_no}", 1)
        refunds = refunds_of(random, both.bulk)
        # The one that names its payments goes first, while they have the money.
        both.each("refund_orders", refunds[:1] + again(random, refunds, []), "refund_no")
        with subtests.test(seed=seed, refunds=len(refunds)):
            both.agree()
        parts = [
            (refund["refund_no"], payment_no)
            for refund in refunds
            for payment_no in both.bulk.details(refund["refund_no"])
        ]
        failed = random.sample(parts, len(parts) // 3)
        for part in failed:
            for shop in (both.bulk, both.single):
                shop.fail(*part)
        # What has failed may be given to another refund before it turns out to have gone.
        more = [{**r, "refund_no": f"M{r['refund_no']}"} for r in refunds_of(random, both.bulk)]
        both.each("refund_orders", more[: len(more) // 2], "refund_no")
        completions: Json = [
            {
                "channel_refund_no": number_of(*part),
                "channel_txn_no": random.choice([None, f"Z{i}"]),
                "refunded_at": random.choice([None, day(80).isoformat()]),
            }
            for i, part in enumerate(parts)
            if random.random() < 0.8
        ]
        completions = again(random, completions, [])
        both.each("complete_channel_refunds", completions, "channel_refund_no")
        with subtests.test(seed=seed, completions=len(completions)):
            both.agree()
        for what, count in {
            "surplus": "refunds where kind = 'surplus'",
            "split": "split_shares where taken_back > 0",
            "released": "releases where true",
            "spanning": "(select r.* from mixpay.refunds as r inner join mixpay.refund_details as d"
            " using (merchant_id, refund_no) inner join mixpay.payments as p"
            " using (merchant_id, payment_no) where r.order_no is not null"
            " group by r.merchant_id, r.refund_no having count(distinct p.trade_no) > 1) as r"
            " where true",
            "late": "facts where entity = 'channel_refund' and from_state = 'failed'"
            " and to_state = 'succeeded'",
            "anomaly": "anomalies where true",
        }.items():
            table = count if count.startswith("(") else f"mixpay.{count}"
            ((found,),) = both.bulk.query(
                f"select count(*) from {table} and merchant_id = %s", both.bulk.merchant
            )
            seen[what] += found
    # The lives had all that could make a difference.
    assert all(count > 2 for count in seen.values()), seen


def completion(refund_no: str, payment_no: str, txn: str | None = None) -> Item:
    number = number_of(refund_no, payment_no)
    told = {"refunded_at": day(80).isoformat()} if txn else {}
    return {"channel_refund_no": number, "channel_txn_no": txn, **told}


def number_of_first(refund_no: str) -> Callable[[Shop], str]:
    return lambda shop: str(
        shop.query(
            "select min(channel_refund_no) as no from mixpay.channel_refunds"
            " where merchant_id = %s and refund_no = %s",
            shop.merchant,
            refund_no,
        )[0].no
    )


def test_completions_of_every_kind(conn: Connection[Any], subtests: pytest.Subtests) -> None:
    both = Both(conn, "fifo", 0)
    one: Json = [
        {"order_no": order_no, "amount": amount, "currency": "CNY", "payee_no": "S"}
        for order_no, amount in (("A", 100), ("B", 101))
    ]
    # D's deposit is in T2, its balance in T3.
    two: Json = [{"order_no": n, "amount": 100, "currency": "CNY"} for n in ("C", "D")]
    both.call("merge_orders", one, "T1")
    both.call("merge_orders", [two[0], {**two[1], "pay": 40}], "T2")
    both.call("record_payment", "T1", "P1", "card", 120)
    both.call("record_payment", "T1", "P2", "card", 81)
    both.call("record_payment", "T2", "P3", "cash", 140)
    both.call("merge_orders", two[1:], "T3")
    both.call("record_payment", "T3", "P4", "wechat", 60)
    for nth, (order_no, amount) in enumerate(
        [("A", 70), ("B", 60), ("A", 10), ("B", 20), ("C", 50), ("D", 100), ("B", 20), ("A", 20)]
    ):
        both.call("refund_order", order_no, f"R{nth}", amount)
    for shop in (both.bulk, both.single):
        shop.fail("R2", "P2")
        shop.fail("R3", "P2")
        shop.redirect("R3", "P2", "card")
        shop.call("fail_channel_refund", number_of("R5", "P3")(shop), "no")
    first = number_of_first("R3")
    batches: dict[str, Json] = {
        "two parts of one refund, and another in between": [
            completion("R1", "P2", "Y1"),
            completion("R0", "P1", "Y2"),
            completion("R1", "P1"),
        ],
        "of one refund in two trades, one of them late": [
            completion("R4", "P3"),
            completion("R5", "P4"),
            completion("R5", "P3"),
        ],
        "twice in the call": [completion("R6", "P2", "Y6"), completion("R6", "P2")],
        "late, with its successor behind it": [
            {"channel_refund_no": first, "channel_txn_no": "Y3"},
            completion("R7", "P2"),
            completion("R3", "P2"),
        ],
        "late, and what was booked before": [completion("R2", "P2"), completion("R0", "P1")],
    }
    for name, batch in batches.items():
        with subtests.test(name):
            both.each("complete_channel_refunds", batch, "channel_refund_no")
            both.agree()
    bulk = both.bulk
    ((late, left),) = bulk.query(
        "select count(*) filter (where from_state = 'failed') as late,"
        " (select count(*) from mixpay.channel_refunds where state = 'pending') as left"
        " from mixpay.facts where merchant_id = %s and entity = 'channel_refund'"
        " and to_state = 'succeeded'",
        bulk.merchant,
    )
    assert (late, left) == (3, 0)
    other = {"channel_refund_no": number_of("R6", "P2")(bulk), "channel_txn_no": "another"}
    bulk.refund("B", "R8", 1)
    new = {"channel_refund_no": bulk.channel_refund("R8", "P2").channel_refund_no}
    with bulk.refused("MX304"):
        bulk.rows("complete_channel_refunds", [new, other])
