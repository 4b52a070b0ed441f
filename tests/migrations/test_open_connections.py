"""Programs that stay connected while the database becomes what this version makes."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import psycopg
import pytest
from shop import Shop
from test_cli_events import Follower

from mixpay_db import migrations
from mixpay_db.catalog import Difference

PROJECT = Path(__file__).parents[2]
RELEASED = "71d7543"  # 0.3.0
PARTS = ("mixpay_db", "sql", "migrations")
COMMAND = "import sys; sys.path.insert(0, sys.argv.pop(1)); from mixpay_db.cli import main; main()"
# As the wrapper of 0.3.0 asks: the columns by name.
READS = "select epoch, xid, entry, position, entity, number, to_state from mixpay.read_events('m')"
CLAIMS = "select channel_refund_no, state, amount from mixpay.claim_channel_refunds('m', 'w')"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = subprocess.run(
        ["git", "-C", str(PROJECT), "archive", "--format=zip", RELEASED, *PARTS],
        capture_output=True,
    )
    if archive.returncode != 0:
        pytest.skip("0.3.0 is not in this checkout's history")
    root = tmp_path_factory.mktemp("released")
    with zipfile.ZipFile(io.BytesIO(archive.stdout)) as files:
        files.extractall(root)
    return root


class Program:
    """A command of 0.3.0 that runs on."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(root), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self.reader = Thread(target=lambda: self.lines.extend(self.process.stdout or ()))
        self.reader.start()

    def until(self, count: int) -> list[str]:
        """Its lines, as soon as there are so many."""
        deadline = monotonic() + 30
        while len(self.lines) < count:
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
            assert monotonic() < deadline, self.lines
            sleep(0.02)
        return self.lines

    def close(self) -> None:
        self.process.terminate()
        self.reader.join()
        self.process.communicate()


@pytest.fixture
def follower(released: Path, empty_url: str) -> Iterator[Program]:
    subprocess.run(
        [sys.executable, "-c", COMMAND, str(released), "--url", empty_url, "migrate"],
        check=True,
        capture_output=True,
    )
    with psycopg.connect(empty_url, autocommit=True) as conn:
        Shop(conn).call("register_merchant", "Shop")
    program = Program(
        released, "--url", empty_url, "events", "--merchant", "m", "--follow", "--poll", "0.05"
    )
    yield program
    program.close()


def test_the_follower_goes_on_kept_connections_ask_anew(follower: Program, empty_url: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as kept:
        with psycopg.connect(empty_url, autocommit=True) as conn:
            shop = Shop(conn)
            shop.merge("T", A=100)
            shop.pay("T", "P", 100, "card")
        follower.until(3)
        # So often that they are prepared.
        for _ in range(8):
            assert len(kept.execute(READS).fetchall()) == 3
            assert kept.execute(CLAIMS).fetchall() == []
        migrations.migrate(empty_url, lambda _: None)
        with psycopg.connect(empty_url, autocommit=True) as conn:
            Shop(conn).refund("A", "R", 40)
        told = [json.loads(line) for line in follower.until(6)]
        # What 0.3.0 knows of an event, in the words that it knows.
        assert [e["number"] for e in told[:4]] == ["T", "P", "T", "R"]
        # Whoever asked by prepared statements asks anew, once: rows are in plain types now.
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            kept.execute(READS)
        kept.execute("deallocate all")
        assert len(kept.execute(READS).fetchall()) == len(told)
        ((_, state, amount),) = kept.execute(CLAIMS).fetchall()
        assert (state, amount) == ("sent", 40)


@pytest.mark.usefixtures("known")
def test_a_follower_of_this_version_goes_on(
    adopted: str, shop: Shop, verify: Callable[..., list[Difference]]
) -> None:
    """It polls so often that a driver would prepare; then all that it asks for is made anew."""
    shop.merge("T", A=100)
    follower = Follower(adopted)
    try:
        assert follower.next()["number"] == "T"
        for number in range(10):
            shop.pay("T", f"P{number}", 1)
            assert follower.next()["number"] == f"P{number}"
        # The code of before: read_events has other columns, and gives one of them otherwise.
        ((events,), (definition,)) = shop.query(
            "select pg_get_viewdef('mixpay.events'::regclass) union all "
            "select pg_get_functiondef('mixpay.read_events'::regproc)"
        )
        with shop.conn.transaction():
            shop.conn.execute("set local role mixpay_owner")
            shop.conn.execute("drop view mixpay.events cascade")
            older = f"select *, 1 as more from ({events.rstrip(';')}) as e"
            shop.conn.execute(f"create view mixpay.events as {older}".encode())
            shop.conn.execute(definition.encode())
            shop.conn.execute("grant execute on function mixpay.read_events to mixpay_writer")
        shop.pay("T", "P10", 1)
        assert follower.next()["number"] == "P10"
        migrations.migrate(adopted, lambda _: None, reload=True)
        assert verify(shop.conn) == []
        shop.pay("T", "P11", 1)
        assert follower.next()["number"] == "P11"
        status, told = follower.end()
        assert status == 0
        # Whom the change found at work was told to repeat.
        assert [line for line in told.splitlines() if not line.startswith("trying again: ")] == []
    finally:
        follower.close()
