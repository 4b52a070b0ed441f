"""What the channels answer several workers at about the same time is booked in one call."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from dispatch.channel_server import Channel
from dispatch.test_dispatch import Fake, channel, command, python, work
from psycopg import Connection
from shop import Shop

from mixpay_db import dispatch as _dispatch
from mixpay_db.channels import Completed, RefundRequest
from mixpay_db.desk import Desk

__all__ = ["channel", "command", "python", "work"]

OTHERS = 5


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """With two trades: of the first go back six parts, of the second one."""
    shop.query("select mixpay.register_channel('psp', 'Payments', 'online')")
    shop.merge("T1", A=100)
    shop.pay("T1", "P1", 100, "psp")
    shop.merge("T2", B=100)
    shop.pay("T2", "P2", 100, "psp")
    return shop


def refunds(shop: Shop, count: int = OTHERS + 1) -> list[str]:
    for number in range(count):
        shop.refund("A", f"R{number}", 10)
    return [
        str(shop.channel_refund(f"R{number}", "P1").channel_refund_no) for number in range(count)
    ]


def states(shop: Shop) -> dict[str, str]:
    return dict(
        shop.query("select refund_no, state from mixpay.channel_refunds order by refund_no")
    )


def transactions(shop: Shop) -> int:
    ((count,),) = shop.query(
        "select count(distinct xid) from mixpay.facts"
        " where entity = 'channel_refund' and to_state = 'succeeded'"
    )
    return int(count)


def eventually(truth: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < end
        time.sleep(0.01)


class Gathered:
    """Lets the first call begin when so many others have come to the desk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, others: int) -> None:
        self.desk = Desk()
        self.sizes: list[int] = []
        complete = _dispatch.api.complete_channel_refunds

        def counted(conn: Connection[Any], merchant: str, completions: Any) -> Any:
            if not self.sizes:
                eventually(lambda: len(self.desk._queues[merchant].slips) == others)
            self.sizes.append(len(completions))
            return complete(conn, merchant, completions)

        monkeypatch.setattr(_dispatch, "Desk", lambda: self.desk)
        monkeypatch.setattr(_dispatch.api, "complete_channel_refunds", counted)


class Together(Fake):
    """All workers have an answer, and `then` happens, before the first of them brings it."""

    def __init__(
        self, answers: dict[str, Completed], then: Callable[[], Any] | None = None
    ) -> None:
        barrier = threading.Barrier(OTHERS + 1, then)

        def send(request: RefundRequest) -> Completed:
            barrier.wait(30)
            return answers.get(request.refund_no, Completed())

        super().__init__(send=send)


def test_many_answers_take_few_transactions(
    shop: Shop, work: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    refunds(shop)
    gathered = Gathered(monkeypatch, OTHERS)

    work(Together({}), concurrency=OTHERS + 1, batch=1)

    assert set(states(shop).values()) == {"succeeded"}
    assert gathered.sizes == [1, OTHERS]
    assert transactions(shop) == 2
    assert gathered.desk._queues == {}


def test_one_answer_that_cannot_be_booked_stops_nobody(
    shop: Shop,
    work: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refunds(shop)
    gathered = Gathered(monkeypatch, OTHERS)
    bad = {"R0": Completed("with\ttab"), "R3": Completed("nul\0")}

    work(Together(bad), concurrency=OTHERS + 1, batch=1, retry_base=1000)

    assert max(gathered.sizes) == OTHERS
    assert states(shop) == {
        f"R{number}": "doubt" if number in (0, 3) else "succeeded" for number in range(OTHERS + 1)
    }
    assert caplog.text.count("cannot be recorded") >= 2


def test_an_answer_that_contradicts_stops_nobody(
    shop: Shop,
    work: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    numbers = refunds(shop)
    Gathered(monkeypatch, OTHERS)
    faster = Together(
        {"R2": Completed("Y2")}, lambda: shop.rows("complete_channel_refund", numbers[2], "Y1")
    )
    work(faster, concurrency=OTHERS + 1, batch=1)

    assert set(states(shop).values()) == {"succeeded"}
    assert "contradicts" in caplog.text
    assert shop.row("channel_refunds", numbers[2]).channel_txn_no == "Y1"


def test_a_trade_that_somebody_holds_keeps_only_its_own_answer_waiting(
    shop: Shop,
    work: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Any],
) -> None:
    monkeypatch.setattr(_dispatch, "_LOCK_TIMEOUT", "50ms")
    refunds(shop, OTHERS)
    shop.refund("B", "RB", 10)
    gathered = Gathered(monkeypatch, OTHERS)
    holder = connect(autocommit=False)
    held = Together(
        {},
        lambda: holder.execute("select from mixpay.trades where trade_no = 'T2' for no key update"),
    )
    done = background(lambda: work(held, concurrency=OTHERS + 1, batch=1))
    eventually(lambda: list(states(shop).values()).count("succeeded") == OTHERS)
    assert states(shop)["RB"] == "sent"
    holder.commit()
    done.result(timeout=30)

    assert set(states(shop).values()) == {"succeeded"}
    assert sum(gathered.sizes) == OTHERS + 1


def test_whoever_books_for_others_and_fails_leaves_nobody_waiting() -> None:
    """The others then book for themselves; a queue that nobody uses is gone."""
    desk = Desk()
    results: list[Any] = []

    def together(completions: list[Any]) -> list[Any]:
        if len(completions) == 1:
            eventually(lambda: len(desk._queues["m"].slips) == OTHERS)
            return ["alone"]
        raise KeyError("a slip of the pen")

    def bring(number: int) -> None:
        try:
            results.append(desk.book("m", {"channel_refund_no": f"C{number}"}, together))
        except KeyError:
            results.append("failed")

    threads = [threading.Thread(target=bring, args=[n]) for n in range(OTHERS + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, results)) == sorted(["alone", "failed", *["None"] * (OTHERS - 1)])
    assert desk._queues == {}


def test_told_to_stop_all_answers_in_hand_are_booked(
    shop: Shop, command: Callable[..., Any], channel: Channel
) -> None:
    numbers = refunds(shop, OTHERS + 1)
    channel.plan = ["stalled"] * 3
    process = command("--concurrency", "3", "--batch", "1", "--worker", "w", "--lease", "100")
    eventually(lambda: len(channel.calls) == 3)
    os.kill(process.pid, signal.SIGTERM)
    # A signal is delivered at leisure: the calls in hand may not end before it.
    assert any(b"told to stop" in line for line in process.stderr)
    channel.release.set()
    _, log = process.communicate(timeout=60)

    assert process.returncode == 0, log
    found = list(states(shop).values())
    assert (found.count("succeeded"), found.count("pending")) == (3, len(numbers) - 3)
    assert list(channel.executed().values()) == [10] * 3
