"""A call in bulk does what as many single calls do."""

from random import Random
from typing import Any

import pytest
from psycopg import Connection
from shop import Json, Shop, day

# Everything but our own numbers and the moments of writing.
WRITTEN = {
    "trades": "trade_no, currency, amount, paid, refunded, state, allocation, last_seq, last_entry",
    "trade_orders": "trade_no, order_no, position, nth, asked, amount, paid, refunded, live, held, "
    "release_due_at, payee_no, split_no, cleared",
    "payments": "payment_no, trade_no, channel, recorded, asked, amount, applied, surplus, "
    "refunded, surplus_refunded, state, channel_txn_no, paid_at, seq",
    "channel_refunds": "payment_no, channel, amount, state, reason, cleared",
    "facts": "log, log_no, entry, entity, payment_no, order_no, from_state, to_state, "
    "from_account, case when from_account <> 'refund' then from_owner end as from_owner, "
    "to_account, case when to_account <> 'refund' then to_owner end as to_owner, amount, currency, "
    "case when entity not in ('refund', 'channel_refund') then number end as number",
    "splits": "split_no, order_no, takes_place, divided",
    "split_shares": "split_no, trade_no, position, amount, taken_back",
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


def written(shop: Shop) -> dict[str, list[Any]]:
    return {
        table: shop.query(
            f"select {columns} from mixpay.{table} where merchant_id = %s order by 1, 2, 3",
            shop.merchant,
        )
        for table, columns in WRITTEN.items()
    }


def life(random: Random) -> tuple[Json, list[tuple[Any, ...]], list[Json]]:
    """Trades to merge, splits of their orders, and batches of payments into them.

    Those are too few, enough, too many, and some again.
    """
    trades: Json = []
    splits: list[tuple[Any, ...]] = []
    for number in range(16):
        lines = [
            {
                "order_no": f"O{number}-{i}",
                "amount": random.randint(1, 50),
                "currency": "CNY",
                **random.choice(PAYEES),
            }
            for i in range(random.choice([1, 1, 1, 2, 3]))
        ]
        trades.append({"trade_no": f"T{number}", "orders": lines})
        for line in lines:
            if "payee_no" in line and random.random() < 0.3:
                shares = random.choice(SHARES) if line["payee_no"] == "S" else SHARES[0]
                when = random.choice(["payment", "release"])
                splits.append((line["order_no"], f"X{line['order_no']}", shares, when))
    batches: list[Json] = []
    for batch in range(4):
        payments: Json = []
        for number in range(random.randint(1, 25)):
            payment = {
                "trade_no": f"T{random.randrange(16)}",
                "payment_no": f"P{batch}-{number}",
                "channel": random.choice(["card", "wechat", "cash"]),
                "amount": random.randint(1, 30),
                "paid_at": day(random.randint(1, 5)).isoformat(),
            }
            if random.random() < 0.3:
                payment["channel_txn_no"] = f"X{batch}-{number}"
            payments.append(payment)
        # Repeated, within the call and of an earlier one.
        payments += random.sample(payments, random.randint(0, min(2, len(payments))))
        if batches:
            payments += random.sample(batches[-1], min(2, len(batches[-1])))
        random.shuffle(payments)
        batches.append(payments)
    return trades, splits, batches


@pytest.mark.parametrize("allocation", ["fifo", "pro_rata"])
def test_bulk_and_single_write_the_same(
    conn: Connection[Any], subtests: pytest.Subtests, allocation: str
) -> None:
    for seed in range(8):
        bulk, single = (Shop(conn, f"{name}{seed}") for name in ("bulk", "single"))
        for shop in (bulk, single):
            shop.call("register_merchant", "Shop", allocation)
            shop.call("register_payee", "S", "Store")
            shop.call("register_payee", "V", "Vintage")
        trades, splits, batches = life(Random(seed))
        bulk.rows("merge_many", trades)
        for trade in trades:
            single.call("merge_orders", trade["orders"], trade["trade_no"])
        for payments in batches:
            # Some are split when money is there already.
            for split in splits[: len(splits) // 2 + 1]:
                for shop in (bulk, single):
                    shop.rows("split_order", *split)
                splits.remove(split)
            in_bulk = bulk.rows("record_payments", payments)
            for payment in payments:
                single.call("record_payment", **payment)
            assert [p.payment_no for p in in_bulk] == [p["payment_no"] for p in payments]
            with subtests.test(seed=seed):
                assert written(bulk) == written(single)
    conn.execute("analyze")  # for the checks


def news(random: Random, trades: Json) -> tuple[Json, Json, Json]:
    """Attempts to pay these trades, what comes of some of them, and refunds of their orders."""
    starts: Json = []
    successes: Json = []
    for trade in trades:
        total = sum(line["amount"] for line in trade["orders"])
        for part in range(random.choice([1, 2, 3])):
            payment_no = f"S{trade['trade_no']}-{part}"
            channel = random.choice(["card", "wechat", "cash"])
            amount = random.randint(1, total)
            starts.append(
                {"trade_no": trade["trade_no"], "payment_no": payment_no, "amount": amount}
                | {"channel": channel}
            )
            if random.random() < 0.8:
                success: dict[str, Any] = {"payment_no": payment_no, "channel_txn_no": None}
                success["paid_at"] = day(random.randint(1, 5)).isoformat()
                if random.random() < 0.2:
                    success["amount"] = random.randint(1, total + 9)
                successes.append(success)
    random.shuffle(successes)
    lines = [line for trade in trades for line in trade["orders"]]
    refunds = [
        {"order_no": line["order_no"], "refund_no": f"R{i}", "amount": random.randint(1, 5)}
        for i, line in enumerate(random.choices(lines, k=25))
    ]
    return starts, successes, refunds


@pytest.mark.parametrize("allocation", ["fifo", "pro_rata"])
def test_news_and_refunds_in_bulk_and_single_write_the_same(
    conn: Connection[Any], subtests: pytest.Subtests, allocation: str
) -> None:
    refunded = 0
    for seed in range(6):
        random = Random(f"{allocation} {seed}")
        bulk, single = (Shop(conn, f"{name}{seed}") for name in ("bulk", "single"))
        trades, splits, _ = life(random)
        starts, successes, refunds = news(random, trades)
        for shop in (bulk, single):
            shop.call("register_merchant", "Shop", allocation)
            shop.call("register_payee", "S", "Store")
            shop.call("register_payee", "V", "Vintage")
            shop.rows("merge_many", trades)
            for split in splits:
                shop.rows("split_order", *split)
            for start in starts:
                shop.call("start_payment", **start)
        in_bulk = bulk.rows("succeed_payments", successes)
        for success in successes:
            single.call("succeed_payment", **success)
        assert [p.payment_no for p in in_bulk] == [s["payment_no"] for s in successes]
        # What can be refunded, one after the other.
        left = {o: bulk.balance(o).refundable for o in {r["order_no"] for r in refunds}}
        possible = []
        for refund in refunds:
            if refund["amount"] <= left[refund["order_no"]]:
                left[refund["order_no"]] -= refund["amount"]
                possible.append(refund)
        refunded += len(possible)
        if possible:
            bulk.rows("refund_orders", possible)
        for refund in possible:
            single.call("refund_order", **refund)
        for shop in (bulk, single):
            for refund in possible[::3]:
                for payment_no in shop.details(refund["refund_no"]):
                    shop.fail(refund["refund_no"], payment_no)
        parts = [
            (r["refund_no"], p) for r in possible if r not in possible[::3]
            for p in bulk.details(r["refund_no"])
        ]  # fmt: skip
        sent = [{"channel_refund_no": bulk.channel_refund(*p).channel_refund_no} for p in parts]
        if sent:
            bulk.rows("complete_channel_refunds", sent)
        for part in parts:
            single.complete(*part)
        with subtests.test(seed=seed):
            assert written(bulk) == written(single)
    assert refunded > 50
    conn.execute("analyze")  # for the checks
