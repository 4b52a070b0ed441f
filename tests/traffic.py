"""Busy callers, each with a connection that stays open, whatever is done to the database."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import Counter

import psycopg
from psycopg import errors

# What callers repeat: somebody was faster; or a prepared statement knows what a call once gave.
REPEATED = (errors.SerializationFailure, errors.FeatureNotSupported)
ORDERS = (
    '[{{"order_no": "{0}a", "amount": 60, "currency": "CNY"}}, '
    '{{"order_no": "{0}b", "amount": 40, "currency": "CNY"}}]'
)


class Caller(threading.Thread):
    """Merges, pays, previews, refunds, claims, follows events and reads a report, in turn."""

    def __init__(self, url: str, name: str, stop: threading.Event, pause: float) -> None:
        super().__init__(name=name)
        self.url, self.stop, self.pause = url, stop, pause
        self.calls = 0
        self.longest = 0.0
        self.repeated: Counter[str] = Counter()
        self.errors: list[str] = []

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True, application_name=self.name) as conn:
            while True:
                for statement in self._life(f"{self.name}-{os.urandom(4).hex()}"):
                    if self.stop.is_set():
                        return
                    try:
                        self._call(conn, *statement)
                    except psycopg.Error as error:
                        self.errors.append(f"{error.sqlstate} {error} {statement}")
                        return
                    time.sleep(self.pause)

    def _life(self, no: str) -> list[tuple[str, list[object]]]:
        return [
            ("merge_orders(%s, %s::jsonb, %s)", ["m", ORDERS.format(no), no]),
            ("start_payment(%s, %s, %s, %s, %s)", ["m", no, f"{no}p", 30, "wechat"]),
            ("succeed_payment(%s, %s, %s)", ["m", f"{no}p", f"{no}x"]),
            ("record_payment(%s, %s, %s, %s, %s)", ["m", no, f"{no}q", "cash", 70]),
            ("preview_refund(%s, %s, %s)", ["m", f"{no}a", 50]),
            ("refund_order(%s, %s, %s, %s)", ["m", f"{no}a", f"{no}r", 50]),
            ("claim_channel_refunds(%s, %s, %s)", ["m", self.name, 1]),
            ("read_events(%s, null, %s)", ["m", 5]),
            ("trade_balances where merchant_id = %s and trade_no = %s", ["m", no]),
        ]

    def _call(self, conn: psycopg.Connection, call: str, arguments: list[object]) -> None:
        began = time.monotonic()
        for tries in itertools.count(1):
            try:
                conn.execute(f"select * from mixpay.{call}", arguments).fetchall()
                break
            except REPEATED as error:
                self.repeated[str(error.sqlstate)] += 1
                if isinstance(error, errors.FeatureNotSupported):
                    conn.execute("deallocate all")
                if tries == 5:
                    raise
        self.calls += 1
        self.longest = max(self.longest, time.monotonic() - began)


class Traffic:
    """So many callers at once, while it is entered."""

    def __init__(self, url: str, callers: int, pause: float) -> None:
        self._stop = threading.Event()
        self.callers = [Caller(url, f"caller{i}", self._stop, pause) for i in range(callers)]

    def __enter__(self) -> Traffic:
        for caller in self.callers:
            caller.start()
        self.go_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for caller in self.callers:
            caller.join()

    def go_on(self, calls: int = 9) -> None:
        """Returns when each has done so many more, or has failed."""
        wanted = {caller: caller.calls + calls for caller in self.callers}
        while any(c.is_alive() and c.calls < n for c, n in wanted.items()):
            time.sleep(0.01)

    @property
    def errors(self) -> list[str]:
        return [error for caller in self.callers for error in caller.errors]

    @property
    def repeated(self) -> Counter[str]:
        return sum((caller.repeated for caller in self.callers), Counter())

    @property
    def longest(self) -> float:
        return max(caller.longest for caller in self.callers)
