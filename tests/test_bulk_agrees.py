"""A call in bulk does what as many single calls do."""

from random import Random
from typing import Any

import pytest
from psycopg import Connection
from shop import Json, Shop, day

# Everything but our own numbers and the moments of writing.
WRITTEN = {
    "trades": "trade_no, currency, amount, paid, refunded, state, allocation, last_seq, last_entry",
    "trade_orders": "trade_no, order_no, position, nth, asked, amount, paid, refunded, live, held",
    "payments": "payment_no, trade_no, channel, recorded, asked, amount, applied, surplus, "
    "refunded, surplus_refunded, state, channel_txn_no, paid_at, seq",
    "channel_refunds": "payment_no, channel, amount, state, reason",
    "facts": "trade_no, entry, entity, payment_no, order_no, from_state, to_state, "
    "from_account, to_account, amount",
}


def written(shop: Shop) -> dict[str, list[Any]]:
    return {
        table: shop.query(
            f"select {columns} from mixpay.{table} where merchant_id = %s order by 1, 2, 3",
            shop.merchant,
        )
        for table, columns in WRITTEN.items()
    }


def life(random: Random) -> tuple[Json, list[Json]]:
    """Trades to merge, and batches of payments into them: too few, enough, too many, again."""
    trades: Json = []
    for number in range(12):
        lines = [
            {"order_no": f"O{number}-{i}", "amount": random.randint(1, 50), "currency": "CNY"}
            for i in range(random.choice([1, 1, 2, 3]))
        ]
        trades.append({"trade_no": f"T{number}", "orders": lines})
    batches: list[Json] = []
    for batch in range(4):
        payments: Json = []
        for number in range(random.randint(1, 25)):
            payment = {
                "trade_no": f"T{random.randrange(12)}",
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
    return trades, batches


@pytest.mark.parametrize("allocation", ["fifo", "pro_rata"])
def test_bulk_and_single_write_the_same(
    conn: Connection[Any], subtests: pytest.Subtests, allocation: str
) -> None:
    for seed in range(6):
        bulk, single = (Shop(conn, f"{name}{seed}") for name in ("bulk", "single"))
        for shop in (bulk, single):
            shop.call("register_merchant", "Shop", allocation)
        trades, batches = life(Random(seed))
        bulk.rows("merge_many", trades)
        for trade in trades:
            single.call("merge_orders", trade["orders"], trade["trade_no"])
        for payments in batches:
            in_bulk = bulk.rows("record_payments", payments)
            for payment in payments:
                single.call("record_payment", **payment)
            assert [p.payment_no for p in in_bulk] == [p["payment_no"] for p in payments]
            with subtests.test(seed=seed):
                assert written(bulk) == written(single)
    conn.execute("analyze")  # for the checks
