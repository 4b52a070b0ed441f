"""The dispatcher, with adapters that do what the test says, and with the http adapter's channel."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import urllib3
from begun import Begun, Child, begun
from click.testing import CliRunner
from dispatch.channel_server import TRICKLES, Channel
from psycopg import Connection
from shop import Shop

from mixpay_db import BadNumber
from mixpay_db import dispatch as _dispatch
from mixpay_db.channels import (
    Adapter,
    Completed,
    Deferred,
    Doubtful,
    Failed,
    RefundRequest,
    Unknown,
)
from mixpay_db.channels.config import load_channels
from mixpay_db.channels.http import HttpChannel
from mixpay_db.channels.manual import ManualChannel
from mixpay_db.cli import main
from mixpay_db.dispatch import Database, Settings, dispatch
from mixpay_db.problem import Problem

SECRET = b"a secret of both"
MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
REQUEST = RefundRequest("m", "C", "R", "P", "psp", 1, "CNY", 1, "psp", None, 1)


class Fake:
    """An adapter that answers what it is told, or calls it for an answer; and keeps the calls."""

    def __init__(self, send: Any = None, query: Any = None, timeout: float = 0.1) -> None:
        self.timeout = timeout
        self._answers = {"send": send, "query": query}
        self.calls: list[tuple[str, RefundRequest]] = []

    def send(self, refund: RefundRequest, time_left: float) -> Any:
        return self._answer("send", refund, time_left)

    def query(self, refund: RefundRequest, time_left: float) -> Any:
        return self._answer("query", refund, time_left)

    def _answer(self, method: str, refund: RefundRequest, time_left: float) -> Any:
        assert time_left >= self.timeout
        self.calls.append((method, refund))
        answer = self._answers[method]
        return answer(refund) if callable(answer) else answer

    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """With a channel without limits, and a paid order of it."""
    shop.query("select mixpay.register_channel('psp', 'Payments', 'online')")
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 150, "psp", txn="X1")
    return shop


@pytest.fixture
def work(url: str) -> Callable[..., None]:
    """One worker, until nothing is due; with the rights that it needs, and no more."""
    writer = psycopg.conninfo.make_conninfo(url, options="-c role=mixpay_writer")

    def work(adapter: Adapter, **settings: Any) -> None:
        settings = {"worker": "w", "concurrency": 1, "poll": 0.01, "once": True, **settings}
        dispatch(writer, {"psp": adapter}, Settings(**settings), threading.Event())

    return work


@pytest.fixture
def channel() -> Iterator[Channel]:
    with Channel(SECRET) as channel:
        yield channel
        assert channel.wrong == []


# For an answer that does not come. One that does has all the time that a busy machine takes.
SHORT = 0.3


def http(channel: Channel, **options: Any) -> HttpChannel:
    options = {"timeout": 10, "retries": 0, "backoff": 0.01, "backoff_jitter": 0.01, **options}
    options["allow_http"] = True
    return HttpChannel(channel.url, SECRET, **options)


def due_now(shop: Shop, number: str) -> None:
    """As if its lease, or its back-off, were over."""
    shop.query(
        "update mixpay.channel_refunds set due_at = now() - interval '1 second'"
        " where channel_refund_no = %s returning true",
        number,
    )


def refund(shop: Shop, amount: int = 100) -> str:
    shop.refund("A", "R", amount)
    return str(shop.channel_refund("R", "P").channel_refund_no)


# What an adapter answers, and what becomes of it.


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (Completed("Y1", MOMENT), "succeeded", None),
        (Completed(), "succeeded", None),
        (Failed("closed account"), "failed", "closed account"),
        (Doubtful("processing"), "doubt", "processing"),
        (Deferred("no balance", MOMENT + timedelta(days=36500)), "waiting", "no balance"),
        (Deferred("ask her"), "waiting", "ask her"),
        (Unknown(), "doubt", "the adapter answered Unknown()"),
        (None, "doubt", "the adapter answered None"),
        (Failed("x" * 5000), "failed", "x" * 1000),
        (Doubtful("a\0b"), "doubt", "ab"),
    ],
)
def test_what_it_answers_is_recorded(
    shop: Shop, work: Callable[..., None], answer: Any, state: str, reason: str | None
) -> None:
    number = refund(shop)
    adapter = Fake(send=answer)

    work(adapter, retry_base=1000)

    row = shop.row("channel_refunds", number)
    assert (row.state, row.reason, row.attempts, row.worker) == (state, reason, 1, "w-1")
    assert [request for _, request in adapter.calls] == [
        RefundRequest("m", number, "R", "P", "psp", 100, "CNY", 1, "psp", "X1", 150)
    ]
    if answer == Completed("Y1", MOMENT):
        assert (row.channel_txn_no, row.refunded_at) == ("Y1", MOMENT)
    if isinstance(answer, Deferred):
        assert row.not_before == answer.not_before


@pytest.mark.parametrize(
    "answer",
    [
        Completed("with\ttab"),
        Completed("Y1", datetime(2026, 1, 31)),
        Completed("nul\0"),
        Completed("Y1", datetime(1066, 1, 1, tzinfo=UTC)),
    ],
)
def test_what_cannot_be_recorded_frees_no_money(
    shop: Shop, work: Callable[..., None], answer: Any
) -> None:
    number = refund(shop)
    work(Fake(send=answer), retry_base=1000)
    row = shop.row("channel_refunds", number)
    assert row.state == "doubt"
    assert "cannot be recorded" in row.reason


def test_an_adapter_that_raises_frees_no_money(
    shop: Shop, work: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: RefundRequest) -> None:
        raise KeyError("refund_id")

    number = refund(shop)
    work(Fake(send=fail), retry_base=1000)
    row = shop.row("channel_refunds", number)
    assert (row.state, row.reason) == ("doubt", "KeyError: 'refund_id'")
    assert "Traceback" in caplog.text


def test_what_it_answers_is_booked_before_the_next_is_asked(
    shop: Shop, work: Callable[..., None]
) -> None:
    for number in range(3):
        shop.refund("A", f"R{number}", 10)
    booked: list[int] = []

    def count(_: RefundRequest) -> Completed:
        ((found,),) = shop.query(
            "select count(*) from mixpay.channel_refunds where state = 'succeeded'"
        )
        booked.append(found)
        return Completed()

    work(Fake(send=count), batch=3)

    assert booked == [0, 1, 2]


# What may have been sent is asked for first.


@pytest.mark.parametrize(
    ("found", "methods", "state"),
    [
        (Unknown(), ["query", "send"], "succeeded"),
        (Completed("Y1"), ["query"], "succeeded"),
        (Failed("closed"), ["query"], "failed"),
        (Doubtful("processing"), ["query"], "doubt"),
        (Deferred("a query defers nothing"), ["query"], "doubt"),
        (None, ["query"], "doubt"),
    ],
)
def test_asks_before_it_sends_again(
    shop: Shop, work: Callable[..., None], found: Any, methods: list[str], state: str
) -> None:
    number = refund(shop)
    shop.rows("claim_channel_refunds", "dead")
    due_now(shop, number)
    adapter = Fake(send=Completed("Y1"), query=found)

    work(adapter, retry_base=1000)

    assert adapter.methods() == methods
    assert {request.channel_refund_no for _, request in adapter.calls} == {number}
    assert shop.row("channel_refunds", number).state == state


def test_doubt_comes_back_after_a_back_off_within_its_bounds(
    shop: Shop, work: Callable[..., None]
) -> None:
    number = refund(shop)
    for attempt in range(1, 6):
        work(Fake(send=Doubtful("?"), query=Doubtful("?")), retry_base=1000, retry_cap=4000)
        row = shop.row("channel_refunds", number)
        assert (row.state, row.attempts) == ("doubt", attempt)
        (seconds,) = shop.query(
            "select extract(epoch from due_at - statement_timestamp()) as left"
            " from mixpay.channel_refunds"
        )
        assert seconds.left <= min(1000 * 2 ** (attempt - 1), 4000)
        due_now(shop, number)


# Leases.


def test_leaves_what_the_lease_has_too_little_time_for(
    shop: Shop, work: Callable[..., None]
) -> None:
    refund(shop, 60)
    shop.refund("B", "R2", 50)

    def slow(_: RefundRequest) -> Completed:
        time.sleep(1.2)
        return Completed()

    adapter = Fake(send=slow, timeout=1)
    work(adapter, lease=2)

    assert adapter.methods() == ["send"]
    rows = shop.query("select state, attempts from mixpay.channel_refunds order by state")
    assert rows == [("sent", 1), ("succeeded", 1)]


@pytest.mark.parametrize(
    ("answer", "state"),
    [(Failed("no"), "sent"), (Doubtful("?"), "sent"), (Completed(), "succeeded")],
)
def test_who_lost_the_lease_only_has_good_news(
    shop: Shop,
    work: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    answer: Any,
    state: str,
) -> None:
    number = refund(shop)

    def overtaken(_: RefundRequest) -> Any:
        due_now(shop, number)
        shop.rows("claim_channel_refunds", "other")
        return answer

    work(Fake(send=overtaken))

    row = shop.row("channel_refunds", number)
    assert (row.state, row.worker, row.attempts) == (state, "other", 2)
    assert ("comes too late" in caplog.text) == (state == "sent")


def test_a_callback_that_was_faster_stands(
    shop: Shop, work: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    number = refund(shop)

    def overtaken(_: RefundRequest) -> Any:
        shop.call("complete_channel_refund", number, "Y1")
        return Failed("no")

    work(Fake(send=overtaken))

    assert shop.row("channel_refunds", number).state == "succeeded"
    assert "contradicts" in caplog.text


# Whom it serves.


def test_goes_round_all_merchants(
    shop: Shop, work: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_dispatch, "_MERCHANTS_AT_A_TIME", 2)
    for name in "abcde":
        other = Shop(shop.conn, name)
        other.call("register_merchant", name)
        other.merge("T", A=100)
        other.pay("T", "P", 100, "psp")
        for number in range(3):
            other.refund("A", f"R{number}", 10)
    adapter = Fake(send=Completed())

    work(adapter, batch=2, concurrency=3)

    assert sorted({request.merchant_id for _, request in adapter.calls}) == list("abcde")
    assert len(adapter.calls) == 15
    assert len({(r.merchant_id, r.channel_refund_no) for _, r in adapter.calls}) == 15


def test_serves_only_the_merchants_and_channels_that_are_named(
    shop: Shop, work: Callable[..., None]
) -> None:
    refund(shop)
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    other.merge("T", A=100, B=50)
    other.pay("T", "P", 60, "psp")
    other.pay("T", "Q", 90, "card")
    other.refund("A", "R", 100)
    adapter = Fake(send=Completed())

    work(adapter, merchants=("other",))

    assert [(r.merchant_id, r.payment_no) for _, r in adapter.calls] == [("other", "P")]


def test_an_idle_worker_asks_once_each_time(
    url: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.refund("A", "R", 100)
    shop.complete("R", "P")
    asked: list[str] = []
    run = Database.run

    def counted(self: Database, call: Callable[[Connection[Any]], Any]) -> Any:
        asked.append(call.__name__)
        return run(self, call)

    class ThreePolls(threading.Event):
        polls = 0

        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            assert 2.5 <= timeout <= 7.5
            self.polls += 1
            if self.polls == 3:
                self.set()
            return self.is_set()

    monkeypatch.setattr(Database, "run", counted)
    settings = Settings(worker="w", concurrency=1, poll=5)
    dispatch(url, {"psp": Fake()}, settings, ThreePolls())

    assert asked == ["due"] * 3


def test_manual_is_left_to_a_person(shop: Shop, work: Callable[..., None]) -> None:
    number = refund(shop)
    work(ManualChannel())
    (row,) = shop.query("select channel_refund_no, reason from mixpay.manual_list")
    assert row == (number, "manual")


def test_manual_tells_if_somebody_had_it_before(shop: Shop, work: Callable[..., None]) -> None:
    number = refund(shop)
    shop.rows("claim_channel_refunds", "dead")
    due_now(shop, number)
    work(ManualChannel())
    (row,) = shop.query("select reason from mixpay.manual_list")
    assert row.reason == "manual: claimed before, so look whether it was sent"


# The database.


def test_a_lost_connection_is_made_anew(shop: Shop, work: Callable[..., None]) -> None:
    number = refund(shop)

    def cut(_: RefundRequest) -> Completed:
        (killed,) = shop.query(
            "select count(pg_terminate_backend(pid, 10000)) as sessions from pg_stat_activity"
            " where datname = current_database() and application_name = 'w-1'"
        )
        assert killed.sessions == 1
        return Completed("Y1")

    work(Fake(send=cut))

    assert shop.row("channel_refunds", number).channel_txn_no == "Y1"


@pytest.mark.parametrize(
    "error", [psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected]
)
def test_what_may_pass_is_tried_again(url: str, error: type[psycopg.Error]) -> None:
    errors = [error("again"), error("again")]

    def call(conn: Connection[Any]) -> Any:
        if errors:
            raise errors.pop()
        return conn.execute("select 1").fetchone()

    database = Database(url, "w", threading.Event())
    assert database.run(call) == (1,)
    database.close()


def test_what_does_not_pass_is_not_tried_again(url: str) -> None:
    database = Database(url, "w", threading.Event())
    with pytest.raises(psycopg.errors.QueryCanceled):
        database.run(lambda conn: conn.execute("set statement_timeout = 1; select pg_sleep(60)"))
    database.close()


def test_a_database_that_stays_away_holds_no_worker_that_is_told_to_stop(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(_dispatch.Stopped):
        Database(f"host={tmp_path}", "w", stop).run(lambda conn: conn.execute("select 1"))


@pytest.mark.usefixtures("shop")
def test_an_error_that_stays_ends_all_threads(work: Callable[..., None]) -> None:
    with pytest.raises(BadNumber):
        work(Fake(), worker="no name", merchants=("m",), concurrency=3, once=False)


# The http adapter.


def test_one_call_of_each_fault(
    shop: Shop, work: Callable[..., None], channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First what is on record after the call with the fault, then after the next attempt."""
    # What is in doubt comes back when we say so: a random back-off may be over before.
    monkeypatch.setattr(_dispatch, "_full_jitter", lambda base, _attempt, _cap: base)
    expected = {
        "late": "doubt",
        "lost": "doubt",
        "error before": "doubt",
        "error after": "doubt",
        "duplicate": "succeeded",
        "slow": "doubt",
        "refused": "failed",
        "failed, then succeeded": "failed",
        "status 404": "doubt",
        "status 307": "doubt",
        "status 400": "doubt",
        "answer no JSON": "doubt",
        'answer ["failed"]': "doubt",
        'answer {"state": "FAILED"}': "doubt",
        'answer {"state": "unknown"}': "doubt",
        'answer {"state": "failed", "amount": 2}': "doubt",
        'answer {"state": "failed", "channel_refund_no": "another"}': "doubt",
        'answer {"state": "succeeded", "channel_txn_no": 7}': "doubt",
        'answer {"state": "succeeded", "refunded_at": "yesterday"}': "doubt",
        'answer {"state": "succeeded", "refunded_at": "2026-01-31T12:00:00"}': "doubt",
    }
    numbers = {}
    for count, fault in enumerate(expected):
        shop.refund("A", f"R{count}", 1)
        number = shop.channel_refund(f"R{count}", "P").channel_refund_no
        numbers[fault] = number
        channel.plan = [fault]
        work(http(channel, timeout=SHORT if fault == "late" else 10), retry_base=1000)
    found = {fault: shop.row("channel_refunds", number).state for fault, number in numbers.items()}
    assert found == expected

    for fault, number in numbers.items():
        if found[fault] == "doubt":
            due_now(shop, number)
    work(http(channel))
    late = numbers["failed, then succeeded"]
    entry = channel.execute(late)
    shop.call("complete_channel_refund", late, f"X{late}", entry.refunded_at)

    found = {fault: shop.row("channel_refunds", number).state for fault, number in numbers.items()}
    assert found == dict.fromkeys(expected, "succeeded") | {"refused": "failed"}
    assert channel.executed() == dict.fromkeys(set(numbers.values()) - {numbers["refused"]}, 1)


@pytest.mark.parametrize("fault", ["late", "lost", "error before"])
def test_a_query_without_an_answer_is_doubt(
    shop: Shop, work: Callable[..., None], channel: Channel, fault: str
) -> None:
    number = refund(shop)
    channel.plan = ["lost"]
    work(http(channel), retry_base=1000)
    due_now(shop, number)
    channel.plan = [fault]
    work(http(channel, timeout=SHORT), retry_base=1000)
    assert shop.row("channel_refunds", number).state == "doubt"
    assert channel.calls == [("POST", number), ("GET", number)]


def test_a_busy_channel_is_asked_again_in_the_same_call(
    shop: Shop, work: Callable[..., None], channel: Channel
) -> None:
    number = refund(shop)
    channel.plan = ["error before", "error after"]
    work(http(channel, retries=2))
    assert shop.row("channel_refunds", number).state == "succeeded"
    assert channel.calls == [("POST", number)] * 3
    assert channel.executed() == {number: 100}


def test_no_longer_than_the_lease_lasts(
    shop: Shop, work: Callable[..., None], channel: Channel
) -> None:
    """Of four further tries, one second leaves time for one and its time-out."""
    number = refund(shop)
    channel.plan = ["error before"] * 5
    work(http(channel, timeout=SHORT, retries=4), lease=1, retry_base=1000)
    assert shop.row("channel_refunds", number).state == "doubt"
    assert 2 <= len(channel.calls) <= 3


def test_a_time_out_is_not_tried_again(
    shop: Shop, work: Callable[..., None], channel: Channel
) -> None:
    number = refund(shop)
    channel.plan = ["late"]
    work(http(channel, timeout=SHORT, retries=3), retry_base=1000)
    assert shop.row("channel_refunds", number).state == "doubt"
    assert channel.calls == [("POST", number)]


def test_a_channel_that_is_not_there_is_doubt(shop: Shop, work: Callable[..., None]) -> None:
    number = refund(shop)
    with Channel(SECRET) as gone:
        adapter = http(gone, retries=1)
    work(adapter, retry_base=1000)
    row = shop.row("channel_refunds", number)
    assert row.state == "doubt"
    assert row.reason == "no answer: Connection refused"


@pytest.mark.parametrize("fault", ["endless", *TRICKLES])
def test_an_answer_that_does_not_end_is_doubt(channel: Channel, fault: str) -> None:
    """Each piece comes long before a time-out of its own would be over."""
    channel.plan = [fault]
    answer = http(channel, timeout=SHORT).send(REQUEST, 0.5)
    assert isinstance(answer, Doubtful)
    assert "does not end" in answer.reason or "no answer: timed out" in answer.reason


def test_a_connection_is_used_again_with_a_clock_of_its_own(channel: Channel) -> None:
    adapter = http(channel, timeout=SHORT)
    assert isinstance(adapter.send(REQUEST, 10), Completed)
    time.sleep(0.4)
    assert isinstance(adapter.query(REQUEST, 10), Completed)
    channel.plan = ["trickled status"]
    assert isinstance(adapter.query(REQUEST, 10), Doubtful)
    assert isinstance(adapter.query(REQUEST, 10), Completed)


def test_an_adapter_that_does_not_come_back_is_left_alone(
    shop: Shop, work: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    refund(shop, 60)
    shop.refund("B", "R2", 50)
    never, answers = threading.Event(), iter([lambda: never.wait(60), Completed])

    work(Fake(send=lambda _: next(answers)()), lease=1, batch=1, retry_base=1000)

    never.set()
    states = shop.query("select state, reason from mixpay.channel_refunds order by state")
    assert states == [("doubt", "no answer before the lease ends"), ("succeeded", None)]
    assert "does not come back" in caplog.text


def test_what_is_repeated_moves_no_money(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whoever has seen the request: its number is signed, and sends money once."""
    sent: list[tuple[str, bytes, dict[str, str]]] = []

    def sees(pool: Any, method: str, path: str, **options: Any) -> Any:
        sent.append((path, options["body"], options["headers"]))
        return urlopen(pool, method, path, **options)

    urlopen = urllib3.HTTPConnectionPool.urlopen
    monkeypatch.setattr(urllib3.HTTPConnectionPool, "urlopen", sees)
    assert isinstance(http(channel).send(REQUEST, 10), Completed)
    ((path, body, headers),) = sent
    url = channel.url.removesuffix("/refunds") + path

    def repeat(body: bytes = body, **changed: str) -> int:
        repeated = {**headers, **{name.replace("_", "-"): new for name, new in changed.items()}}
        return int(urllib3.request("POST", url, body=body, headers=repeated).status)

    assert repeat() == 200
    assert repeat(Idempotency_Key="D") == 400
    assert repeat(body.replace(b'"C"', b'"D"'), Idempotency_Key="D") == 401
    assert channel.executed() == {"C": 1}
    assert len(channel.wrong) == 2
    channel.wrong.clear()


@pytest.mark.parametrize("number", ["a/b", "..", ".", "a?b#c%d", "~x"])
def test_a_number_is_one_segment_of_the_path(channel: Channel, number: str) -> None:
    request = RefundRequest("m", number, "R", "P", "psp", 1, "CNY", 2, "psp", None, 1)
    adapter = http(channel)
    assert adapter.query(request, 10) == Unknown()
    assert isinstance(adapter.send(request, 10), Completed)
    assert isinstance(adapter.query(request, 10), Completed)
    assert channel.executed() == {number: 1}


def test_another_secret_is_doubt(channel: Channel) -> None:
    adapter = HttpChannel(channel.url, b"another", allow_http=True)
    assert adapter.send(REQUEST, 10) == Doubtful("HTTP 401")
    assert channel.wrong == ["C is not signed"]
    channel.wrong.clear()


# The command.


HTTP = '[channels.psp]\nadapter = "http"\nsecret_file = "secret"\nurl = '


def run(*arguments: str, url: str = "host=/nonexistent") -> Any:
    return CliRunner().invoke(main, ["--url", url, "dispatch", *arguments])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[channels", "is not TOML"),
        ("", "names no channel"),
        ("channels = 1", "names no channel"),
        ("[channels]\npsp = 1", "channels.psp is no table"),
        ("chanels = 1", "unknown key chanels"),
        ("[channels.psp]", "names no adapter"),
        ('[channels.psp]\nadapter = "carrier-pigeon"', "there is no adapter 'carrier-pigeon'"),
        ('[channels.psp]\nadapter = "manual"\nspeed = 1', "unknown key speed"),
        ('[channels.psp]\nadapter = "manual"\nsecret = "x"', "a secret does not belong"),
        ('[channels.psp]\nadapter = "http"\nurl = "https://x"', "has no secret"),
        ('[channels.psp]\nadapter = "http"\nsecret_env = "NO_SUCH"', "environment has no NO_SUCH"),
        ('[channels.psp]\nadapter = "http"\nsecret_file = "none"', "cannot read secret_file none"),
        ('[channels.psp]\nadapter = "http"\nsecret_file = "empty"', "secret_file empty is empty"),
        (
            '[channels.psp]\nadapter = "http"\nsecret_file = "x"\nsecret_env = "X"',
            "names both secret_env and secret_file",
        ),
        ('[channels.psp]\nadapter = "http"\nsecret_file = "secret"', "lacks url"),
        (HTTP + '"x"', "https://host/path"),
        (HTTP + '"https://x/?a"', "appended to its path"),
        (HTTP + '"https://x/"\nretries = "2"', "retries is '2', which is no int"),
        (HTTP + '"https://x/"\ntimeout = 0', "timeout is 0.0"),
        (HTTP + '"https://x/"\n_pool = 1', "unknown key _pool"),
        (HTTP + '"http://x/"', "allow_http = true"),
        # What is signed is what is sent.
        (HTTP + '"https://x"', "hint: Write https://x/\n"),
        (HTTP + '"https://x/a b"', "hint: Write https://x/a%20b\n"),
        (HTTP + '"https://x/é"', "hint: Write https://x/%C3%A9\n"),
        (HTTP + '"https://x/%c3"', "hint: Write https://x/%C3\n"),
        (HTTP + '"https://x/a/../b"', "hint: Write https://x/b\n"),
        (HTTP + '"https://x/./b"', "hint: Write https://x/b\n"),
        (HTTP + '"https://x:443/b"', "hint: Write https://x/b\n"),
        (HTTP + '"https://X/b"', "hint: Write https://x/b\n"),
        (HTTP + '"HTTPS://x/b"', "hint: Write https://x/b\n"),
        (HTTP + '"https://x/a%zz"', "hint: Write https://x/a%25zz\n"),
        (HTTP + '"https://é.example/"', "hint: Write the host in ASCII"),
        (HTTP + '"https://x/b#"', "appended to its path"),
        (HTTP + '"https://me:hush@x/"', "has a user or a password"),
        (HTTP + '"https:/me:hush@x/"', "has a user or a password"),
    ],
)
def test_a_wrong_configuration(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "secret").write_text("s\n")
    (tmp_path / "empty").write_text("\n")
    config = tmp_path / "dispatch.toml"
    config.write_text(text)
    result = run("--config", str(config))
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert told in result.stderr
    assert "hush" not in result.stderr


def test_an_adapter_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = tmp_path / "acme-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[mixpay_db.channels]\nacme_of_test = acme_of_test:Acme\nbroken = acme_of_test:Missing\n"
    )
    (tmp_path / "acme_of_test.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Acme:\n"
        "    shop: str\n"
        "    secret: bytes | None = None\n"
        "    timeout: float = 3.0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ACME_SECRET", "s")
    config = tmp_path / "dispatch.toml"
    table = '[channels.{0}]\nadapter = "acme_of_test"\nshop = "{0}"\n'
    config.write_text(table.format("a") + 'timeout = 5\nsecret_env = "ACME_SECRET"\n')
    with config.open("a") as file:
        file.write(table.format("b"))

    a, b = load_channels(config).values()

    assert (a.shop, a.secret, a.timeout) == ("a", b"s", 5.0)  # type: ignore[attr-defined]
    assert (b.shop, b.secret, b.timeout) == ("b", None, 3.0)  # type: ignore[attr-defined]
    config.write_text('[channels.a]\nadapter = "broken"')
    with pytest.raises(Problem, match="adapter broken cannot be loaded"):
        load_channels(config)


def test_a_byte_order_mark_before_the_configuration(tmp_path: Path) -> None:
    """As some editors write it."""
    config = tmp_path / "dispatch.toml"
    config.write_text('[channels.a]\nadapter = "manual"\n', encoding="utf-8-sig")

    assert list(load_channels(config)) == ["a"]


def test_no_configuration(tmp_path: Path) -> None:
    assert "cannot read" in run("--config", str(tmp_path / "none")).stderr
    assert "--config" in run().stderr


@pytest.mark.usefixtures("shop")
def test_names_that_nobody_knows(url: str) -> None:
    stop = threading.Event()
    with pytest.raises(Problem, match="there is no channel pps"):
        dispatch(url, {"pps": Fake()}, Settings(worker="w"), stop)
    with pytest.raises(Problem, match="there is no merchant nobody"):
        dispatch(url, {"psp": Fake()}, Settings(worker="w", merchants=("m", "nobody")), stop)
    with pytest.raises(Problem, match="a lease of 5 seconds is too short for channel psp"):
        dispatch(url, {"psp": Fake(timeout=3)}, Settings(worker="w", lease=5), stop)


@pytest.fixture(scope="module")
def python() -> Iterator[Begun]:
    with begun() as python:
        yield python


@pytest.fixture
def command(
    python: Begun, url: str, channel: Channel, tmp_path: Path
) -> Iterator[Callable[..., Child]]:
    """`mixpay dispatch` as a process; if it is still there afterwards, it is killed."""
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    config = tmp_path / "dispatch.toml"
    config.write_text(
        f'[channels.psp]\nadapter = "http"\nurl = {json.dumps(channel.url)}\n'
        'secret_file = "secret"\ntimeout = 20\nallow_http = true\n'
        '[channels.cash]\nadapter = "manual"\n'
    )

    def command(*options: str) -> Child:
        return python.begin("--url", url, "dispatch", "--config", str(config), *options)

    yield command
    python.close()


def test_until_nothing_is_due(shop: Shop, command: Callable[..., Child], channel: Channel) -> None:
    number = refund(shop)
    process = command("--once")
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert f"m/{number}: psp succeeded" in log
    assert SECRET.decode() not in log
    assert channel.executed() == {number: 100}
    assert f"-{process.pid}-" in shop.row("channel_refunds", number).worker


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_what_is_in_hand(
    shop: Shop, command: Callable[..., Child], channel: Channel, number: int
) -> None:
    refund(shop)
    shop.refund("B", "R2", 50)
    channel.plan = ["stalled"]
    process = command("--concurrency", "1", "--worker", "w", "--lease", "100")
    assert channel.stalled.wait(60)
    os.kill(process.pid, number)
    # A signal is delivered at leisure: the call in hand may not end before it.
    assert any(b"told to stop" in line for line in process.stderr)
    channel.release.set()
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    states = shop.query("select state, attempts, worker from mixpay.channel_refunds order by state")
    assert states == [("sent", 1, "w-1"), ("succeeded", 1, "w-1")]
    assert len(channel.calls) == 1


def test_told_to_stop_it_waits_for_no_answer_that_does_not_end(
    shop: Shop, command: Callable[..., Child], channel: Channel, tmp_path: Path
) -> None:
    number = refund(shop)
    config = tmp_path / "dispatch.toml"
    config.write_text(config.read_text().replace("timeout = 20", "timeout = 1"))
    channel.plan = ["trickled header"]
    process = command("--concurrency", "1", "--worker", "w", "--retry-base", "999")
    while not channel.calls:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert shop.row("channel_refunds", number).state == "doubt"


def test_told_to_stop_it_waits_for_nobody_who_holds_a_trade(
    url: str, shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_dispatch, "_LOCK_TIMEOUT", "10ms")
    number, stop = refund(shop), threading.Event()
    with psycopg.connect(url) as other:

        def hold(_: RefundRequest) -> Failed:
            other.execute("select from mixpay.trades for update")
            stop.set()
            return Failed("no")

        dispatch(url, {"psp": Fake(send=hold)}, Settings(worker="w", concurrency=1), stop)
        other.rollback()
    assert "a trade was locked" in caplog.text
    assert shop.row("channel_refunds", number).state == "sent"


def test_killed_it_leaves_a_claim_that_another_ends(
    shop: Shop, command: Callable[..., Child], channel: Channel, work: Callable[..., None]
) -> None:
    number = refund(shop)
    channel.plan = ["stalled"]
    process = command("--lease", "100")
    assert channel.stalled.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    # What it asked for last would be done after its death: its sessions have a name, ours none.
    shop.query(
        "select pg_terminate_backend(pid, 60000) from pg_stat_activity "
        "where datname = current_database() and application_name <> ''"
    )
    channel.release.set()
    assert shop.row("channel_refunds", number).state == "sent"
    due_now(shop, number)
    work(http(channel))
    assert shop.row("channel_refunds", number).state == "succeeded"
    assert channel.calls == [("POST", number), ("GET", number)]
    assert channel.executed() == {number: 100}
