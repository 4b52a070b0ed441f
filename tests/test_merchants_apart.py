"""Merchants with the same numbers live beside each other as if each of them were alone."""

import re
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from psycopg import Connection
from shop import (
    Row,
    Shop,
    day,
    open_for_a_fourth_week,
    open_for_a_third_week,
    open_for_a_week,
    open_for_a_week_of_returns,
    open_for_a_week_of_statements,
    open_for_another_week,
    orders,
)

# Not the same when they are called again: each takes what is due by then.
TAKES_MORE = {"claim_channel_refunds", "fold_balances", "close_period", "reconcile"}
OUR_NUMBER = re.compile(r"\b\d{26}[0-9a-f]{6}\b")
# Where something stands among the transactions of the server.
PLACES = {"merchant_id", "position", "epoch", "xid", "from_xid", "until_xid", "seen"}


class Twice(Shop):
    """Every call comes a second time, as it does when its answer got lost."""

    def rows(self, function: str, *arguments: Any, **named: Any) -> list[Row]:
        found = super().rows(function, *arguments, **named)
        if function not in TAKES_MORE:
            assert super().rows(function, *arguments, **named) == found
        return found


def live(shop: Shop) -> None:
    """Something of everything, by calls for one and by calls for many."""
    open_for_a_week(shop)
    open_for_another_week(shop)
    open_for_a_third_week(shop)
    open_for_a_week_of_returns(shop)
    open_for_a_fourth_week(shop)
    open_for_a_week_of_statements(shop)
    trades = [
        {"trade_no": "M1", "orders": orders(M1=100, M2=(80, 50))},
        {"trade_no": "M2", "orders": orders(M3=60)},
    ]
    shop.rows("merge_many", trades)
    shop.start("M2", "N2", 60, "card")
    paid = {"trade_no": "M1", "channel": "card", "paid_at": day(70).isoformat()}
    payments = [
        {**paid, "payment_no": "N1", "amount": 90, "channel_txn_no": "XN1"},
        {**paid, "payment_no": "N3", "amount": 80, "channel": "wechat"},
    ]
    shop.rows("record_payments", payments)
    shop.rows("succeed_payments", [{"payment_no": "N2", "channel_txn_no": "XN2"}])
    refunds = [
        {"order_no": "M1", "refund_no": "RM1", "amount": 30},
        {"order_no": "M2", "refund_no": "RM2", "amount": 20, "payment_nos": ["N3"]},
        {"order_no": "M3", "refund_no": "RM3", "amount": 10},
    ]
    shop.rows("refund_orders", refunds)
    parts = [shop.channel_refund(*part) for part in (("RM1", "N1"), ("RM3", "N2"))]
    shop.rows(
        "complete_channel_refunds",
        [{"channel_refund_no": part.channel_refund_no} for part in parts],
    )
    shop.record_refund("M1", "RM4", 5)
    shop.merge(None, M2=80)
    shop.call("reprice_order", "M2", "E1", 70, "a discount")


def books(shop: Shop) -> dict[str, list[str]]:
    """All that tables and views have of the merchant, but when and where it was written."""
    lately = datetime.now(UTC) - timedelta(hours=1)
    names = shop.query(
        "select c.oid::regclass::text as name from pg_class as c "
        "inner join pg_attribute as a on a.attrelid = c.oid and a.attname = 'merchant_id' "
        "where c.relnamespace = 'mixpay'::regnamespace and c.relkind in ('r', 'v') "
        "and c.relname !~ '^_' order by 1"
    )
    found = {
        relation.name: [
            {
                key: "lately"
                if key.endswith(("_at", "not_before"))
                and value is not None
                and datetime.fromisoformat(value) > lately
                else value
                for key, value in row.items()
                if key not in PLACES
            }
            for (row,) in shop.query(
                f"select to_jsonb(x) from {relation.name} as x where merchant_id = %s",
                shop.merchant,
            )
        ]
        for relation in names
    }
    # Our own numbers, in the order in which they were made.
    nth = count()
    ours = {number: f"#{next(nth)}" for number in sorted(set(OUR_NUMBER.findall(str(found))))}
    return {
        name: sorted(OUR_NUMBER.sub(lambda m: ours[m[0]], str(row)) for row in rows)
        for name, rows in found.items()
    }


def test_merchants_of_the_same_numbers_know_nothing_of_each_other(conn: Connection[Any]) -> None:
    """The first is done when the second begins: whatever this one took from it would show."""
    first, second = Twice(conn, "first"), Twice(conn, "second")
    first.call("register_merchant", "Shop")
    second.call("register_merchant", "Shop")
    live(first)
    alone = books(first)
    live(second)
    for shop in (first, second):
        found = books(shop)
        for name, rows in alone.items():
            assert found[name] == rows, (shop.merchant, name)
