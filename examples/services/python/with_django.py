"""A service on Django, with psycopg 3 below it: no models, for nobody touches a table."""

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, NotSupportedError, OperationalError, connection
from django.db import transaction as django
from django.db.backends.utils import CursorWrapper

Row = dict[str, Any]
settings.configure(
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ["PGHOST"],
            "PORT": os.environ["PGPORT"],
            "USER": os.environ["PGUSER"],
            "NAME": os.environ["PGDATABASE"],
            "OPTIONS": {"pool": {"min_size": 1, "max_size": 4}},
        }
    },
)


def transaction(work: Callable[[CursorWrapper], Row], tries: int = 5) -> Row:
    """One call, one transaction; the same again when somebody else was faster, or nobody knows."""
    for left in reversed(range(tries)):
        try:
            # durable: no transaction around this one, which could not be begun again from here.
            with django.atomic(durable=True), connection.cursor() as cursor:
                return work(cursor)
        except (OperationalError, NotSupportedError):
            # 40001, 40P01, a lost connection; 0A000 after an upgrade. No refusal is one of these.
            if left == 0:
                raise
            time.sleep(0.1)
        finally:
            # A request of Django's does this by itself.
            connection.close()
    raise AssertionError


def one(cursor: CursorWrapper) -> Row:
    names = [column.name for column in cursor.description]
    return dict(zip(names, cursor.fetchone(), strict=True))


def call(query: str, *parameters: Any) -> Row:
    def work(cursor: CursorWrapper) -> Row:
        cursor.execute(query, parameters)
        return one(cursor)

    return transaction(work)


def said_of(error: DatabaseError) -> Any:
    """Django keeps the driver's own error as the cause: its SQLSTATE, detail and hint."""
    return error.__cause__


def refund(order_no: str, refund_no: str, amount: int) -> Row:
    query = "select * from mixpay.refund_order(%s, %s, %s, %s)"
    return call(query, "mall", order_no, refund_no, amount)


def callback(news: str) -> Row:
    """What the channel posts to us. Twice is harmless."""
    said = json.loads(news)
    return call(
        "select * from mixpay.succeed_payment(%s, %s, %s, %s, %s)",
        *("mall", said["payment_no"], said["channel_txn_no"]),
        *(datetime.fromisoformat(said["paid_at"]), said["amount"]),
    )


def main() -> None:
    call("select * from mixpay.register_merchant(%s, %s)", "mall", "The mall")
    orders = [
        {"order_no": "A", "amount": 10000, "currency": "CNY"},
        {"order_no": "B", "amount": 5000, "currency": "CNY"},
    ]
    merge = "select * from mixpay.merge_orders(%s, %s::jsonb, %s)"
    trade = call(merge, "mall", json.dumps(orders), "T-1")
    print(f"merged T-1: {trade['state']}, {trade['amount']}")
    start = "select * from mixpay.start_payment(%s, %s, %s, %s, %s)"
    payment = call(start, "mall", "T-1", "P-1", 6000, "card")
    print(f"started P-1: {payment['state']}")
    news = """{"payment_no": "P-1", "channel_txn_no": "X-1", "amount": 6000,
               "paid_at": "2026-03-01T10:00:00.123+08:00"}"""
    payment = callback(news)
    paid_at = payment["paid_at"].astimezone(UTC).isoformat(timespec="milliseconds")
    paid_at = paid_at.replace("+00:00", "Z")
    print(f"paid P-1: {payment['state']}, {payment['amount']} at {paid_at}")
    payment = callback(news)
    print(f"again P-1: {payment['state']}, {payment['amount']}")
    record = "select * from mixpay.record_payment(%s, %s, %s, %s, %s)"
    payment = call(record, "mall", "T-1", "P-2", "wallet", 9000)
    print(f"paid P-2: {payment['state']}, {payment['amount']}")
    balances = "select * from mixpay.trade_balances where merchant_id = %s and trade_no = %s"
    trade = call(balances, "mall", "T-1")
    print(f"trade T-1: {trade['state']}, {trade['paid']} of {trade['amount']}")

    made = refund("B", "R-1", 4500)
    print(f"refund R-1: {made['state']}, {made['amount']}")
    try:
        refund("B", "R-2", 501)
    except DatabaseError as refused:
        print(f"refused R-2: {said_of(refused).sqlstate}: {said_of(refused).diag.message_detail}")
    made = refund("B", "R-1", 4500)
    print(f"again R-1: {made['state']}, {made['amount']}")
    try:
        refund("B", "R-1", 300)
    except DatabaseError as refused:
        print(f"refused R-1: {said_of(refused).sqlstate}")

    tries = 0

    def unlucky(cursor: CursorWrapper) -> Row:
        nonlocal tries
        tries += 1
        if tries == 1:
            cursor.execute("do $$ begin raise 'too late' using errcode = '40001'; end $$")
        cursor.execute("select * from mixpay.refund_order('mall', 'B', 'R-3', 500)")
        return one(cursor)

    made = transaction(unlucky)
    print(f"try {tries} R-3: {made['state']}, {made['amount']}")
    with ThreadPoolExecutor(8) as threads:
        same = list(threads.map(lambda _: refund("A", "R-4", 1000), range(8)))
    amounts = {made["created_at"]: made["amount"] for made in same}
    print(f"8 at once R-4: {len(amounts)} refund of {sum(amounts.values())}")
    balances = "select * from mixpay.order_balances where merchant_id = %s and order_no = %s"
    order = call(balances, "mall", "A")
    print(
        f"order A: {order['paid']} paid, {order['refunded']} refunded, "
        f"{order['refundable']} refundable"
    )


if __name__ == "__main__":
    main()
    connection.close_pool()
