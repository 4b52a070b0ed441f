"""Workers that are killed, before a channel that fails in 30 % of the calls: not a cent is lost.

MIXPAY_SOAK=1 makes it ten times as much.
"""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from begun import MIXPAY, Begun, Child, begun
from dispatch.channel_server import Channel
from psycopg import Connection
from psycopg.types.json import Jsonb
from shop import Shop

SOAK = os.environ.get("MIXPAY_SOAK") == "1"
REFUNDS = 5000 if SOAK else 500
MERCHANTS = [f"m{number}" for number in range(5)]
WORKERS = 3
SECONDS = 1800 if SOAK else 240
SECRET = b"a secret of both"


def fill(conn: Connection[Any]) -> None:
    """Trades of two orders, paid by two payments; each order goes back as a whole.

    The first order takes its money from the first payment, the second from both.
    """
    conn.execute("select mixpay.register_channel('psp', 'Payments', 'online')")
    trades = REFUNDS // len(MERCHANTS) // 2
    for merchant in MERCHANTS:
        conn.execute("select mixpay.register_merchant(%s, %s)", [merchant, merchant])
        for first in range(0, trades, 100):
            numbers = range(first, min(first + 100, trades))
            merges = [
                {
                    "trade_no": f"T{n}",
                    "orders": [
                        {"order_no": f"A{n}", "amount": 500 + n, "currency": "CNY"},
                        {"order_no": f"B{n}", "amount": 500, "currency": "CNY"},
                    ],
                }
                for n in numbers
            ]
            payments = [
                {
                    "trade_no": f"T{n}",
                    "payment_no": f"{which}{n}",
                    "channel": "psp",
                    "amount": amount,
                    "channel_txn_no": f"{merchant}-{which}{n}",
                }
                for n in numbers
                for which, amount in (("P", 700 + n), ("Q", 300))
            ]
            conn.execute(
                "select count(*) from mixpay.merge_many(%s, %s)", [merchant, Jsonb(merges)]
            )
            conn.execute(
                "select count(*) from mixpay.record_payments(%s, %s)", [merchant, Jsonb(payments)]
            )
            conn.execute(
                "select count(*) from mixpay.order_balances as o,"
                " mixpay.refund_order(%s, o.order_no, 'R' || o.order_no, o.refundable)"
                " where o.merchant_id = %s and o.refundable > 0",
                [merchant, merchant],
            )


# The command as it begins, what it says behind what the others said.
WORKER = """
import os, runpy, sys
os.dup2(os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
sys.argv = {argv!r}
runpy.run_path({command!r})
"""


class Workers:
    """Processes of `mixpay dispatch`, each in the place of one that was killed: begun already."""

    def __init__(self, url: str, config: Path, log: Path, places: list[Begun]) -> None:
        self._log = log
        argv = [
            *("mixpay", "--url", url, "dispatch", "--config", str(config)),
            *("--concurrency", "3", "--batch", "6", "--lease", "2", "--poll", "0.1"),
            *("--retry-base", "0.05", "--retry-cap", "0.5"),
        ]
        self._code = WORKER.format(log=str(log), argv=argv, command=str(MIXPAY))
        self._free = places
        self._running: list[tuple[Begun, Child]] = []

    def add(self) -> None:
        place = self._free.pop()
        worker = place.start(self._code, {"CHANNEL_SECRET": SECRET.decode()})
        self._running.append((place, worker))

    def kill(self, rng: random.Random) -> None:
        place, victim = self._running.pop(rng.randrange(len(self._running)))
        assert victim.poll() is None, f"a worker ended by itself: {self._log.read_text()[-3000:]}"
        os.kill(victim.pid, signal.SIGKILL)
        victim.communicate()
        assert victim.returncode == -signal.SIGKILL
        self._free.append(place)

    def stop(self) -> list[int | None]:
        for _, worker in self._running:
            os.kill(worker.pid, signal.SIGTERM)
        for _, worker in self._running:
            worker.communicate(timeout=30)
        return [worker.returncode for _, worker in self._running]


@contextmanager
def workers(url: str, config: Path, log: Path) -> Iterator[Workers]:
    """They end with their places."""
    with ExitStack() as left:
        yield Workers(url, config, log, [left.enter_context(begun()) for _ in range(WORKERS)])


class LateSuccesses:
    """A channel that said failed, and sends the money all the same; then calls back.

    Every other one not before the amount was given away to another refund.
    """

    def __init__(self, conn: Connection[Any], channel: Channel) -> None:
        self._conn = conn
        self._channel = channel
        self._come: SimpleQueue[str] = SimpleQueue()
        self._wait: list[str] = []
        self._count = 0
        channel.on_late_success = self._come.put

    def happen(self) -> bool:
        """Whether none is left."""
        while not self._come.empty():
            number = self._come.get()
            self._count += 1
            if self._count % 2:
                self._succeed(number)
            else:
                self._wait.append(number)
        self._wait = [number for number in self._wait if not self._give_away(number)]
        return not self._wait and self._come.empty()

    def _give_away(self, number: str) -> bool:
        merchant = self._channel.books[number].request["merchant_id"]
        row = self._conn.execute(
            "select c.state, c.amount, c.order_no, c.payment_no"
            " from mixpay.channel_refund_list as c"
            " where c.merchant_id = %s and c.channel_refund_no = %s",
            [merchant, number],
        ).fetchone()
        assert row is not None
        state, amount, order_no, payment_no = row
        if state != "failed":
            return False
        self._conn.execute(
            "select mixpay.refund_order(%s, %s, %s, %s, null, %s)",
            [merchant, order_no, f"again-{number}"[:64], amount, [payment_no]],
        )
        self._succeed(number)
        return True

    def _succeed(self, number: str) -> None:
        entry = self._channel.execute(number)
        self._conn.execute(
            "select mixpay.complete_channel_refund(%s, %s, %s, %s)",
            [entry.request["merchant_id"], number, f"X{number}", entry.refunded_at],
        )


def test_nothing_is_lost_and_nothing_is_sent_twice(
    url: str, conn: Connection[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("MIXPAY_SEED", "20260131"))
    rng = random.Random(seed)
    fill(conn)
    log = tmp_path / "log"
    config = tmp_path / "dispatch.toml"
    killed = 0
    deadline = time.monotonic() + SECONDS
    with Channel(SECRET, rate=0.3, rng=random.Random(seed)) as channel:
        config.write_text(
            f'[channels.psp]\nadapter = "http"\nurl = {json.dumps(channel.url)}\n'
            'secret_env = "CHANNEL_SECRET"\ntimeout = 0.3\nretries = 1\nallow_http = true\n'
            "backoff = 0.01\nbackoff_jitter = 0.01\n"
        )
        late = LateSuccesses(conn, channel)
        with workers(url, config, log) as running:
            for _ in range(WORKERS):
                running.add()
            next_kill = time.monotonic() + 1
            while True:
                assert time.monotonic() < deadline, log.read_text()[-3000:]
                none_left = late.happen()
                (open_ones,) = conn.execute(
                    "select count(*) from mixpay.channel_refunds"
                    " where state not in ('succeeded', 'failed')"
                ).fetchone() or (0,)
                if none_left and not open_ones and late.happen():
                    break
                if time.monotonic() >= next_kill:
                    running.kill(rng)
                    running.add()
                    killed += 1
                    next_kill = time.monotonic() + rng.uniform(0.3, 1.5)
                time.sleep(0.02)
            # One that was only just starting has nothing in hand, and does not listen yet.
            assert set(running.stop()) <= {0, -signal.SIGTERM}
        assert late.happen()
    sent = channel.executed()

    shop = Shop(conn)
    succeeded = shop.query(
        "select channel_refund_no, amount from mixpay.channel_refund_list where state = 'succeeded'"
    )
    anomalies = shop.query("select channel_refund_no, amount from mixpay.anomaly_list")
    ours = dict(succeeded) | dict(anomalies)
    assert len(ours) == len(succeeded) + len(anomalies)
    assert ours == sent
    assert {entry.executions for entry in channel.books.values()} <= {0, 1}
    assert channel.wrong == []
    refunds = Counter(
        row.state for row in shop.query("select state from mixpay.refunds order by refund_no")
    )
    assert "processing" not in refunds
    assert sum(refunds.values()) >= REFUNDS
    assert killed > 0
    assert anomalies
    assert "Traceback" not in log.read_text()
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{sum(refunds.values())} refunds in {len(succeeded)} transfers, "
            f"{len(channel.calls)} calls, {len(anomalies)} anomalies, {killed} workers killed"
        )
