"""`mixpay events`: what a follower is told, and what it survives."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection, conninfo
from psycopg.errors import InsufficientPrivilege
from shop import Shop

from mixpay_db.cli import main
from mixpay_db.cli.events import raise_epoch

Line = dict[str, Any]


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--url", url, "events", *arguments])


def lines(result: Result) -> list[Line]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


class Follower:
    """`mixpay events --follow` in a process of its own."""

    def __init__(self, url: str, *arguments: str) -> None:
        command = [sys.executable, "-c", "from mixpay_db.cli import main; main()"]
        follow = ["events", "--merchant", "m", "--follow", "--poll", "0.05"]
        self.process = subprocess.Popen(
            [*command, "--url", url, *follow, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told: SimpleQueue[str] = SimpleQueue()
        self.reader = Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.told.put(line)

    def next(self) -> Line:
        """The next line, as soon as it comes: nothing is left in a buffer."""
        line: Line = json.loads(self.told.get(timeout=30))
        return line

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """The exit status and what went to stderr."""
        self.process.send_signal(how)
        assert self.process.stderr
        told = self.process.stderr.read()
        status = self.process.wait(timeout=30)
        self.close()
        return status, told

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream
            stream.close()


@pytest.fixture
def follow(url: str, shop: Shop) -> Iterator[Callable[..., Follower]]:  # noqa: ARG001
    followers = []

    def follow(*arguments: str) -> Follower:
        named = conninfo.make_conninfo(url, application_name="follower")
        followers.append(Follower(named, *arguments))
        return followers[-1]

    yield follow
    for follower in followers:
        follower.close()


def test_prints_a_line_for_each_event(url: str, shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 40)
    trade, payment = lines(run(url, "--merchant", "m"))

    stored = shop.rows("read_events")
    assert next(iter(trade)) == "position"
    assert [trade["position"], payment["position"]] == [event.position for event in stored]
    assert trade.keys() == set(stored[0]._fields)
    assert (payment["entity"], payment["number"]) == ("payment", "P")
    assert (payment["from_state"], payment["to_state"], payment["amount"]) == ("", "succeeded", 40)
    assert payment["order_no"] == stored[1].order_no
    assert trade["payment_no"] is None
    assert datetime.fromisoformat(trade["created_at"]) == stored[0].created_at


def test_goes_on_after_a_position(url: str, shop: Shop) -> None:
    for number in range(5):
        shop.call(
            "merge_orders",
            [{"order_no": f"A{number}", "amount": 5, "currency": "CNY"}],
            f"T{number}",
        )
    everything = lines(run(url, "--merchant", "m"))
    first = lines(run(url, "--merchant", "m", "--limit", "2"))
    rest = lines(run(url, "--merchant", "m", "--after", first[-1]["position"]))

    assert len(first) == 2
    assert first + rest == everything
    assert lines(run(url, "--merchant", "m", "--after", everything[-1]["position"])) == []


def test_prints_more_than_the_server_gives_at_once(url: str, shop: Shop) -> None:
    trades = [
        {"trade_no": f"T{i}", "orders": [{"order_no": f"O{i}", "amount": 1, "currency": "CNY"}]}
        for i in range(600)
    ]
    for half in (trades[:300], trades[300:]):
        shop.rows("merge_many", half)
    shop.rows(
        "record_payments",
        [
            {"trade_no": f"T{i}", "payment_no": f"P{i}", "channel": "cash", "amount": 1}
            for i in range(600)
        ],
    )
    found = lines(run(url, "--merchant", "m"))

    assert len({event["position"] for event in found}) == len(found) == 2400
    assert len(lines(run(url, "--merchant", "m", "--limit", "1001"))) == 1001


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--merchant", "nobody"], 1, "MX101"),
        (["--merchant", "m", "--after", "yesterday"], 1, "MX905"),
        (["--merchant", "m", "--limit", "0"], 2, "--limit"),
        (["--merchant", "m", "--poll", "0"], 2, "--poll"),
        ([], 2, "Missing option '--merchant'"),
        (["--follow"], 2, "Missing option '--merchant'"),
        (["--merchant", "m", "--after", "yesterday", "--follow"], 1, "MX905"),
    ],
)
def test_refuses(url: str, shop: Shop, arguments: list[str], status: int, told: str) -> None:
    with shop.unchanged():
        result = run(url, *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert told in result.stderr


def test_says_what_an_empty_database_lacks(empty_url: str) -> None:
    result = run(empty_url, "--merchant", "m")
    assert result.exit_code == 1
    assert "hint: mixpay migrate" in result.stderr


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    result = run("host=/nowhere", "--merchant", "m", "--follow")
    assert result.exit_code == 2
    assert "error: " in result.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_follows_until_it_is_ended(
    shop: Shop, follow: Callable[..., Follower], how: signal.Signals
) -> None:
    shop.merge("T", A=100)
    follower = follow()
    assert follower.next()["number"] == "T"
    for number in range(3):
        shop.pay("T", f"P{number}", 10)
        assert follower.next()["number"] == f"P{number}"

    assert follower.end(how) == (0, "")


def test_follows_after_a_position_and_up_to_a_limit(
    shop: Shop, follow: Callable[..., Follower]
) -> None:
    shop.merge("T", A=100)
    (trade,) = shop.rows("read_events")
    follower = follow("--after", trade.position, "--limit", "2")
    for number in "PQR":
        shop.pay("T", number, 10)

    assert [follower.next()["number"] for _ in range(2)] == ["P", "Q"]
    assert follower.process.wait(timeout=30) == 0
    with pytest.raises(Empty):
        follower.told.get(timeout=0.1)


def test_holds_no_transaction_between_its_polls(
    shop: Shop, follow: Callable[..., Follower]
) -> None:
    shop.merge("T", A=100)
    follow().next()
    shop.pay("T", "P", 10)
    for _ in range(20):
        for row in shop.query(
            "select state, xact_start < now() - interval '1 second' as long "
            "from pg_stat_activity where application_name = 'follower'"
        ):
            assert row.state in ("idle", "active")
            assert not row.long


def test_goes_on_where_it_was_when_the_connection_was_lost(
    shop: Shop, follow: Callable[..., Follower]
) -> None:
    shop.merge("T", A=100)
    follower = follow()
    assert follower.next()["number"] == "T"
    for number in range(3):
        killed = shop.query(
            "select pg_terminate_backend(pid, 5000) as gone from pg_stat_activity "
            "where application_name = 'follower'"
        )
        assert [row.gone for row in killed] == [True]
        shop.pay("T", f"P{number}", 10)
        assert follower.next()["number"] == f"P{number}"

    status, told = follower.end()
    assert status == 0
    assert told.count("trying again: ") >= 3
    assert "Traceback" not in told


# A new epoch.


def test_a_new_epoch_is_one_more(url: str, shop: Shop) -> None:
    shop.merge("T", A=100)
    assert run(url, "--new-epoch").stdout == "2\n"
    assert run(url, "--new-epoch").stdout == "3\n"
    shop.pay("T", "P", 40)

    assert [event["epoch"] for event in lines(run(url, "--merchant", "m"))] == [1, 3]


def test_a_new_epoch_goes_alone(url: str, conn: Connection[Any]) -> None:
    for arguments in (["--merchant", "m"], ["--follow"], ["--poll", "1"], ["--after", "1.1.1.T"]):
        result = run(url, "--new-epoch", *arguments)
        assert result.exit_code == 2
        assert f"without {arguments[0]}" in result.stderr
    assert run(url, "--new-epoch").stdout == "2\n"
    assert conn.execute("select epoch from mixpay.epochs order by epoch").fetchall() == [(1,), (2,)]


@pytest.mark.parametrize("role", ["mixpay_reader", "mixpay_writer"])
def test_a_new_epoch_is_the_owner_s_to_declare(conn: Connection[Any], role: str) -> None:
    conn.execute(f"set session authorization {role}")
    with pytest.raises(InsufficientPrivilege):
        raise_epoch(conn)


def test_verify_finds_that_the_first_epoch_is_gone(url: str, conn: Connection[Any]) -> None:
    conn.execute("set session_replication_role = replica")
    conn.execute("update mixpay.epochs set epoch = 2")
    verified = CliRunner().invoke(main, ["--url", url, "verify"])
    assert "missing: row of mixpay.epochs" in verified.output


@pytest.mark.parametrize(("state", "is_named"), [("null", True), ("'idle'", False)])
def test_one_that_has_just_begun_is_no_news(
    url: str, shop: Shop, state: str, is_named: bool
) -> None:
    """It has no moment as yet. Whoever may see no moments is told of each."""
    shop.conn.execute(
        "create or replace view mixpay.horizon as select 4711::bigint as pid, null::text as"
        " prepared_as, 'shop' collate \"C\" as database, 'me' collate \"C\" as role,"
        f" null::text as application, {state}::text as state, null::timestamptz as began_at,"
        " 7::bigint as transactions_since"
    )
    told = "events wait for session 4711 of database shop: see mixpay.horizon\n"
    assert run(url, "--merchant", "m").stderr == (told if is_named else "")


def test_e54_names_the_session_that_keeps_events_back(url: str, shop: Shop) -> None:
    with psycopg.connect(url, application_name="a report") as idle:
        idle.execute("select pg_current_xact_id()")
        shop.merge("T1", A=100)
        told = f"events wait for session {idle.info.backend_pid} of database {idle.info.dbname}"
        told += " (a report)"
        # Other tests' transactions may be older, but they end.
        deadline = monotonic() + 60
        while told not in (read := run(url, "--merchant", "m", "--patience", "0")).stderr:
            assert monotonic() < deadline, read.stderr
        assert lines(read) == []
        assert f"{told}, idle in transaction since" in read.stderr
        # One that began just now is no news.
        assert told not in run(url, "--merchant", "m", "--patience", "3600").stderr
    shop.until_final()
    assert [line["number"] for line in lines(run(url, "--merchant", "m"))] == ["T1"]
