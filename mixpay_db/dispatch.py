"""The dispatcher: claims channel refunds, asks their channels, and records what became of them.

Any number of workers run side by side, as threads and as processes, and each may die at any moment.
A claim is committed before the channel is asked, and holds for a lease. What a dead worker had is
claimed again after that; and because it may have been sent, the channel is then asked what became
of it, before it is sent once more, under the same number. What a channel says is booked before the
worker asks the next one: a worker that dies leaves at most one answer that nobody has booked. What
the workers of a process have been told at about the same time is booked in one call.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

import psycopg

from mixpay_db import api
from mixpay_db.channels import (
    Adapter,
    Asked,
    Completed,
    Deferred,
    Doubtful,
    Failed,
    RefundRequest,
    Sent,
    Unknown,
)
from mixpay_db.desk import Desk
from mixpay_db.errors import ChannelRefundContradicted, LeaseLost, MixpayError
from mixpay_db.printable import printable, shown
from mixpay_db.problem import Problem
from mixpay_db.rows import ChannelRefund, DueMerchant
from mixpay_db.url import checked

log = logging.getLogger(__name__)

T = TypeVar("T")
Connection = psycopg.Connection[Any]

# What the database takes of a text.
_LONGEST_REASON = 1000
_MERCHANTS_AT_A_TIME = 100
# Between two tries to reach the database, at most.
_LONGEST_WAIT = 30.0
# Somebody else was faster.
_PASSING = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
# Who books for several waits no longer than this for a trade that somebody holds: then each books
# for himself, and only his waits whose trade it is.
_LOCK_TIMEOUT = "1s"
# When told to stop, a worker waits no longer for a database that is away, or for a lock.
_LAST_TRIES = 5
# How much of a lease is left for booking the answer: this part, at most so many seconds.
_FOR_BOOKING = 0.1
_LONGEST_BOOKING = 1.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to work. Times are in seconds."""

    worker: str
    concurrency: int = 4
    batch: int = 10
    lease: float = 60.0
    poll: float = 1.0
    # Only these; none: all.
    merchants: tuple[str, ...] = ()
    # Stop as soon as nothing is due.
    once: bool = False
    # What is in doubt is asked for again after a random time, up to retry_base doubled with each
    # attempt, at most retry_cap.
    retry_base: float = 10.0
    retry_cap: float = 3600.0


class Stopped(Exception):
    """Told to stop while the database was away, or what was to be booked was locked."""


class Database:
    """A connection that is made anew when it is lost.

    `run` repeats a call until it is through. All calls of mixpay may be repeated; a claim whose
    answer was lost is left until its lease ends.
    """

    def __init__(self, url: str, name: str, stop: threading.Event) -> None:
        self._url = checked(url)
        self._name = name
        self._stop = stop
        self._conn: Connection | None = None

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()

    def run(
        self, call: Callable[[Connection], T], passing: tuple[type[Exception], ...] = _PASSING
    ) -> T:
        tries = 0
        while True:
            try:
                return call(self._connected())
            except psycopg.OperationalError as error:
                lost = self._conn is None or self._conn.closed
                if not lost and not isinstance(error, passing):
                    raise
                tries += 1
                log.warning("%s: %s", "no database" if lost else "again", _first_line(error))
                if self._stop.is_set() and tries >= _LAST_TRIES:
                    raise Stopped from error
                self._stop.wait(_full_jitter(0.1, tries, _LONGEST_WAIT if lost else 1.0))

    def _connected(self) -> Connection:
        if self._conn is None or self._conn.closed:
            self.close()
            self._conn = None
            # Nothing is prepared, so nothing remembers rows as they were before an upgrade.
            self._conn = psycopg.connect(
                self._url,
                autocommit=True,
                fallback_application_name=self._name,
                prepare_threshold=None,
            )
        return self._conn


class Caller:
    """Calls adapters in a thread of its own, so that one that hangs holds up nobody for ever.

    It leaves the thread to itself when the time is over, and makes another for the next call.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Any] | None = None

    def call(self, ask: Callable[[], Any], seconds: float) -> Any:
        """What `ask` returns; TimeoutError if that takes longer."""
        if self._calls is None:
            self._calls = SimpleQueue()
            threading.Thread(
                target=_take_calls, args=[self._calls], name=self._name, daemon=True
            ).start()
        answer: SimpleQueue[Any] = SimpleQueue()
        self._calls.put((ask, answer))
        try:
            return answer.get(timeout=seconds)
        except Empty:
            self.close()
            raise TimeoutError("no answer before the lease ends") from None

    def close(self) -> None:
        if self._calls is not None:
            self._calls.put(None)
            self._calls = None


def _take_calls(calls: SimpleQueue[Any]) -> None:
    while (call := calls.get()) is not None:
        ask, answer = call
        answer.put(ask())


class Paid(NamedTuple):
    """What a channel has to know of the payment whose money it sends back."""

    payment_no: str
    channel: str
    channel_txn_no: str | None
    amount: int
    currency: str


class Worker:
    """One thread: goes round the merchants that have something due, a batch of each at a time."""

    def __init__(
        self,
        database: Database,
        desk: Desk,
        adapters: Mapping[str, Adapter],
        settings: Settings,
        name: str,
        stop: threading.Event,
    ) -> None:
        self._database = database
        self._desk = desk
        self._adapters = adapters
        self._settings = settings
        self._name = name
        self._stop = stop
        self._caller = Caller(f"{name}-caller")

    def run(self) -> None:
        with closing(self._caller):
            self._run()

    def _run(self) -> None:
        settings = self._settings
        while not self._stop.is_set():
            if self._go_round():
                continue
            if settings.once and not self._database.run(self._is_anything_due):
                return
            self._stop.wait(settings.poll * random.uniform(0.5, 1.5))  # noqa: S311

    def _go_round(self) -> bool:
        """Whether there was anything to do."""
        busy = False
        for merchant in self._due_merchants():
            busy |= self._serve(merchant)
            if self._stop.is_set():
                break
        return busy

    def _due_merchants(self) -> Iterator[str]:
        merchants = list(self._settings.merchants)
        if merchants:
            random.shuffle(merchants)
            yield from merchants
            return
        after: str | None = None
        while True:

            def due(conn: Connection, after: str | None = after) -> list[DueMerchant]:
                return api.due_merchants(conn, after, _MERCHANTS_AT_A_TIME, list(self._adapters))

            page = self._database.run(due)
            names = [due.merchant_id for due in page]
            after = names[-1] if names else None
            # Workers that go round in the same order would be in each other's way.
            random.shuffle(names)
            yield from names
            if len(page) < _MERCHANTS_AT_A_TIME:
                return

    def _serve(self, merchant: str) -> bool:
        """Claim a batch and see to it; whether there was one."""
        settings = self._settings
        ends = 0.0

        def claim(conn: Connection) -> list[ChannelRefund]:
            nonlocal ends
            # Before the server's clock says so, and of this try: a lease never ends earlier.
            booking = min(settings.lease * _FOR_BOOKING, _LONGEST_BOOKING)
            ends = time.monotonic() + settings.lease - booking
            return api.claim_channel_refunds(
                conn,
                merchant,
                self._name,
                settings.batch,
                timedelta(seconds=settings.lease),
                list(self._adapters),
            )

        refunds = self._database.run(claim)
        if not refunds:
            return False
        payment_nos = sorted({refund.payment_no for refund in refunds})
        paid = self._database.run(lambda conn: _paid(conn, merchant, payment_nos))
        for done, refund in enumerate(refunds):
            outcome = None
            if not self._stop.is_set():
                outcome = self._ask(_request(refund, paid[refund.payment_no]), ends)
            if outcome is None:
                log.info("%s: %d left until their lease ends", merchant, len(refunds) - done)
                break
            self._record(refund, outcome)
        return True

    def _ask(self, request: RefundRequest, ends: float) -> Sent | None:
        """What the channel says; None if too little is left of the lease to ask it."""
        adapter = self._adapters[request.channel]
        if request.attempts > 1:
            # It may have been sent.
            time_left = ends - time.monotonic()
            if time_left < adapter.timeout:
                return None
            found = _asked(self._answer(request, lambda: adapter.query(request, time_left), ends))
            if not isinstance(found, Unknown):
                return found
        time_left = ends - time.monotonic()
        if time_left < adapter.timeout:
            return None
        return _sent(self._answer(request, lambda: adapter.send(request, time_left), ends))

    def _answer(self, request: RefundRequest, ask: Callable[[], Any], ends: float) -> Any:
        number = f"{request.merchant_id}/{request.channel_refund_no}"
        try:
            return self._caller.call(lambda: _answer(number, ask), ends - time.monotonic())
        except TimeoutError as error:
            log.error("%s: the adapter does not come back", number)
            return Doubtful(str(error))

    def _record(self, refund: ChannelRefund, outcome: Sent) -> None:
        number = f"{refund.merchant_id}/{refund.channel_refund_no}"
        try:
            try:
                booked = self._book_with_others(refund, outcome)
                if booked is None:
                    booked = self._book_alone(refund, outcome)
            except (ChannelRefundContradicted, LeaseLost):
                raise
            except (MixpayError, psycopg.DataError, ValueError) as error:
                # What the adapter says cannot be written down. That frees no money.
                log.error("%s: %s cannot be recorded: %s", number, outcome, _first_line(error))
                doubt = Doubtful(f"{outcome} cannot be recorded: {_first_line(error)}")
                booked = self._book_alone(refund, doubt)
        except LeaseLost as error:
            log.warning("%s: %s comes too late: %s", number, outcome, error.detail)
        except ChannelRefundContradicted as error:
            log.warning("%s: %s contradicts what is known: %s", number, outcome, error.detail)
        else:
            level = logging.WARNING if booked.state == "doubt" else logging.INFO
            reason = f": {booked.reason}" if booked.reason else ""
            log.log(level, "%s: %s %s%s", number, refund.channel, booked.state, reason)

    def _book_with_others(self, refund: ChannelRefund, outcome: Sent) -> ChannelRefund | None:
        """Good news only; None if it must be booked alone."""
        if not isinstance(outcome, Completed):
            return None

        def together(completions: list[api.Completion]) -> list[ChannelRefund]:
            def complete(conn: Connection) -> list[ChannelRefund]:
                with conn.transaction():
                    conn.execute("select set_config('lock_timeout', %s, true)", [_LOCK_TIMEOUT])
                    return api.complete_channel_refunds(conn, refund.merchant_id, completions)

            try:
                return self._database.run(complete)
            except (psycopg.Error, ValueError) as error:
                # One of them may be to blame; alone, each gets its own answer.
                log.info(
                    "%s: %d answers are booked one by one: %s",
                    refund.merchant_id,
                    len(completions),
                    _first_line(error),
                )
                return []

        completion: api.Completion = {
            "channel_refund_no": refund.channel_refund_no,
            "channel_txn_no": outcome.channel_txn_no,
            "refunded_at": outcome.refunded_at,
        }
        return self._desk.book(refund.merchant_id, completion, together)

    def _book_alone(self, refund: ChannelRefund, outcome: Sent) -> ChannelRefund:
        """Somebody may hold the trade for long: tried again, unless we are told to stop."""

        def book(conn: Connection) -> ChannelRefund:
            with conn.transaction():
                conn.execute("select set_config('lock_timeout', %s, true)", [_LOCK_TIMEOUT])
                return self._book(conn, refund, outcome)

        return self._database.run(book, (*_PASSING, psycopg.errors.LockNotAvailable))

    def _book(self, conn: Connection, refund: ChannelRefund, outcome: Sent) -> ChannelRefund:
        of = (refund.merchant_id, refund.channel_refund_no)
        match outcome:
            case Completed(channel_txn_no, refunded_at):
                return api.complete_channel_refund(conn, *of, channel_txn_no, refunded_at)
            case Failed(reason):
                return api.fail_channel_refund(conn, *of, as_reason(reason), self._name)
            case Deferred(reason, not_before):
                return api.defer_channel_refund(
                    conn, *of, as_reason(reason), not_before, self._name
                )
            case Doubtful(reason):
                settings = self._settings
                seconds = _full_jitter(settings.retry_base, refund.attempts, settings.retry_cap)
                retry_after = timedelta(seconds=seconds)
                return api.doubt_channel_refund(
                    conn, *of, as_reason(reason), self._name, retry_after
                )

    def _is_anything_due(self, conn: Connection) -> bool:
        """What others are at work on is not claimed, but due all the same."""
        merchants = self._settings.merchants
        row = conn.execute(
            "select exists (select from mixpay.channel_refund_list where due_at <= now()"
            " and channel = any (%s) and (%s or merchant_id = any (%s)))",
            [list(self._adapters), not merchants, list(merchants)],
        ).fetchone()
        return bool(row and row[0])


def dispatch(
    url: str, adapters: Mapping[str, Adapter], settings: Settings, stop: threading.Event
) -> None:
    """Work until `stop` is set, in `settings.concurrency` threads, each with its own connection."""
    _check(url, adapters, settings)
    desk = Desk()

    def work(number: int) -> None:
        name = f"{settings.worker}-{number}"
        with closing(Database(url, name, stop)) as database:
            try:
                Worker(database, desk, adapters, settings, name, stop).run()
            except Stopped:
                log.warning("stopped while the database was away, or a trade was locked")

    log.info("%s: %d threads for %s", settings.worker, settings.concurrency, ", ".join(adapters))
    with ThreadPoolExecutor(settings.concurrency, thread_name_prefix="dispatch") as threads:
        workers = [threads.submit(work, number + 1) for number in range(settings.concurrency)]
        _, running = wait(workers, return_when=FIRST_EXCEPTION)
        if running:
            # Rather none than some: whoever watches over the process sees that it ended.
            stop.set()
    for worker in workers:
        worker.result()
    log.info("%s: stopped", settings.worker)


def _check(url: str, adapters: Mapping[str, Adapter], settings: Settings) -> None:
    """A slip of the pen must not look like a quiet day."""
    for channel, adapter in adapters.items():
        if settings.lease < 2 * adapter.timeout:
            raise Problem(
                f"a lease of {settings.lease:g} seconds is too short for channel {channel}",
                f"It takes up to {adapter.timeout:g} seconds to ask, and as much to send.",
            )
    with psycopg.connect(checked(url), autocommit=True) as conn:
        for what, view, key, named in (
            ("channel", "channel_list", "channel", list(adapters)),
            ("merchant", "merchant_list", "merchant_id", list(settings.merchants)),
        ):
            known = conn.execute(
                f"select {key} from mixpay.{view} where {key} = any (%s)",  # noqa: S608
                [named],
            )
            missing = set(named) - {name for (name,) in known}
            if missing:
                raise Problem(f"there is no {what} {', '.join(sorted(missing))}")


def _paid(conn: Connection, merchant: str, payment_nos: list[str]) -> dict[str, Paid]:
    rows = conn.execute(
        "select p.payment_no, p.channel, p.channel_txn_no, p.amount, t.currency"
        " from mixpay.payment_balances as p"
        " inner join mixpay.trade_balances as t using (merchant_id, trade_no)"
        " where merchant_id = %s and p.payment_no = any (%s)",
        [merchant, payment_nos],
    )
    return {row[0]: Paid(*row) for row in rows}


def _request(refund: ChannelRefund, paid: Paid) -> RefundRequest:
    return RefundRequest(
        merchant_id=refund.merchant_id,
        channel_refund_no=refund.channel_refund_no,
        refund_no=refund.refund_no,
        payment_no=refund.payment_no,
        channel=refund.channel,
        amount=refund.amount,
        currency=paid.currency,
        attempts=refund.attempts,
        payment_channel=paid.channel,
        payment_channel_txn_no=paid.channel_txn_no,
        payment_amount=paid.amount,
    )


def _sent(answer: Any) -> Sent:
    if isinstance(answer, Completed | Failed | Doubtful | Deferred):
        return answer
    return Doubtful(f"the adapter answered {answer!r}")


def _asked(answer: Any) -> Asked:
    if isinstance(answer, Completed | Failed | Doubtful | Unknown):
        return answer
    return Doubtful(f"the adapter answered {answer!r}")


def _answer(number: str, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except BaseException as error:
        # Nobody knows how far it came: a mistake in an adapter must not free money.
        log.exception("%s: the adapter failed", number)
        return Doubtful(f"{type(error).__name__}: {error}")


def _full_jitter(base: float, attempt: int, cap: float) -> float:
    """Exponential back-off, spread over the whole interval, so that nobody comes in waves."""
    return random.uniform(0, min(cap, base * 2 ** min(attempt - 1, 64)))  # noqa: S311


def as_reason(reason: str) -> str:
    """As much of it as the database takes, which refuses control characters."""
    return printable(str(reason).replace("\0", ""))[:_LONGEST_REASON]


def _first_line(error: Exception) -> str:
    return shown(next(iter(str(error).splitlines()), type(error).__name__))
