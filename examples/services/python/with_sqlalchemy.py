"""A service on SQLAlchemy 2, with psycopg 3 below it."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, create_engine, text
from sqlalchemy.exc import DBAPIError, NotSupportedError, OperationalError

# Host, user and database are those of PGHOST, PGUSER, PGDATABASE ….
engine = create_engine("postgresql+psycopg://", pool_size=4, max_overflow=0)


def transaction(work: Callable[[Connection], Row[Any]], tries: int = 5) -> Row[Any]:
    """One call, one transaction; the same again when somebody else was faster, or nobody knows."""
    for left in reversed(range(tries)):
        try:
            with engine.begin() as conn:
                return work(conn)
        except (OperationalError, NotSupportedError):
            # 40001, 40P01, a lost connection; 0A000 after an upgrade. No refusal is one of these.
            if left == 0:
                raise
            time.sleep(0.1)
    raise AssertionError


def call(query: str, **parameters: Any) -> Row[Any]:
    return transaction(lambda conn: conn.execute(text(query), parameters).one())


def said_of(error: DBAPIError) -> Any:
    """SQLAlchemy keeps the driver's own error: its SQLSTATE, detail and hint."""
    return error.orig


def refund(order_no: str, refund_no: str, amount: int) -> Row[Any]:
    query = "select * from mixpay.refund_order('mall', :order_no, :refund_no, :amount)"
    return call(query, order_no=order_no, refund_no=refund_no, amount=amount)


def callback(news: str) -> Row[Any]:
    """What the channel posts to us. Twice is harmless."""
    said = json.loads(news)
    return call(
        "select * from mixpay.succeed_payment('mall', :number, :txn, :paid_at, :amount)",
        number=said["payment_no"],
        txn=said["channel_txn_no"],
        paid_at=datetime.fromisoformat(said["paid_at"]),
        amount=said["amount"],
    )


def main() -> None:
    call("select * from mixpay.register_merchant('mall', :title)", title="The mall")
    orders = [
        {"order_no": "A", "amount": 10000, "currency": "CNY"},
        {"order_no": "B", "amount": 5000, "currency": "CNY"},
    ]
    # cast(… as jsonb): after :name, a colon of ::jsonb would be another parameter's.
    merge = "select * from mixpay.merge_orders('mall', cast(:orders as jsonb), 'T-1')"
    trade = call(merge, orders=json.dumps(orders))
    print(f"merged T-1: {trade.state}, {trade.amount}")
    start = "select * from mixpay.start_payment('mall', 'T-1', 'P-1', :amount, 'card')"
    payment = call(start, amount=6000)
    print(f"started P-1: {payment.state}")
    news = """{"payment_no": "P-1", "channel_txn_no": "X-1", "amount": 6000,
               "paid_at": "2026-03-01T10:00:00.123+08:00"}"""
    payment = callback(news)
    paid_at = payment.paid_at.astimezone(UTC).isoformat(timespec="milliseconds")
    paid_at = paid_at.replace("+00:00", "Z")
    print(f"paid P-1: {payment.state}, {payment.amount} at {paid_at}")
    payment = callback(news)
    print(f"again P-1: {payment.state}, {payment.amount}")
    record = "select * from mixpay.record_payment('mall', 'T-1', 'P-2', 'wallet', :amount)"
    payment = call(record, amount=9000)
    print(f"paid P-2: {payment.state}, {payment.amount}")
    balances = (
        "select * from mixpay.trade_balances where merchant_id = 'mall' and trade_no = :number"
    )
    trade = call(balances, number="T-1")
    print(f"trade T-1: {trade.state}, {trade.paid} of {trade.amount}")

    made = refund("B", "R-1", 4500)
    print(f"refund R-1: {made.state}, {made.amount}")
    try:
        refund("B", "R-2", 501)
    except DBAPIError as refused:
        print(f"refused R-2: {said_of(refused).sqlstate}: {said_of(refused).diag.message_detail}")
    made = refund("B", "R-1", 4500)
    print(f"again R-1: {made.state}, {made.amount}")
    try:
        refund("B", "R-1", 300)
    except DBAPIError as refused:
        print(f"refused R-1: {said_of(refused).sqlstate}")

    tries = 0

    def unlucky(conn: Connection) -> Row[Any]:
        nonlocal tries
        tries += 1
        if tries == 1:
            conn.execute(text("do $$ begin raise 'late' using errcode = '40001'; end $$"))
        query = "select * from mixpay.refund_order('mall', 'B', 'R-3', 500)"
        return conn.execute(text(query)).one()

    made = transaction(unlucky)
    print(f"try {tries} R-3: {made.state}, {made.amount}")
    with ThreadPoolExecutor(8) as threads:
        same = list(threads.map(lambda _: refund("A", "R-4", 1000), range(8)))
    amounts = {made.created_at: made.amount for made in same}
    print(f"8 at once R-4: {len(amounts)} refund of {sum(amounts.values())}")
    balances = (
        "select * from mixpay.order_balances where merchant_id = 'mall' and order_no = :number"
    )
    order = call(balances, number="A")
    print(f"order A: {order.paid} paid, {order.refunded} refunded, {order.refundable} refundable")


if __name__ == "__main__":
    main()
