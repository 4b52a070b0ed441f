"""What a service does: a call is a transaction; after an error that may pass, the same call again.

The number is the caller's own, and made before the first try. So whatever became of that try, the
next one returns its result or does the work, and never does it twice.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

import mixpay_db as mixpay

T = TypeVar("T")


def once(url: str, call: Callable[[psycopg.Connection], T], tries: int = 5) -> T:
    """Commit what the call does, and return what it returns."""
    for _ in range(tries - 1):
        try:
            with psycopg.connect(url) as conn:
                return call(conn)
        except (psycopg.OperationalError, psycopg.errors.FeatureNotSupported):
            # 40001 and 40P01: somebody else was faster. A lost connection: who knows what became
            # of it. 0A000: an upgrade changed what a prepared statement gives; an open connection
            # forgets it with the rollback, and in autocommit by "deallocate all". Whatever
            # mixpay refuses is none of these, and not tried again.
            time.sleep(0.1)
    with psycopg.connect(url) as conn:
        return call(conn)


def refund(url: str, order_no: str, refund_no: str, amount: int) -> str:
    """What to tell the order system."""
    try:
        made = once(
            url, lambda conn: mixpay.refund_order(conn, "mall", order_no, refund_no, amount)
        )
    except mixpay.RefundTooLarge as error:
        return f"refused: {error.detail}"
    return made.state
