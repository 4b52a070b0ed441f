"""Copies that follow a server: a hot standby and a logical replica."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from clones import copy
from conftest import FAST, _roomy
from psycopg import Connection
from recorded import PROJECT
from test_api import tell

from mixpay_db import database, embedded, migrations
from mixpay_db.cli import main
from mixpay_db.embedded import EmbeddedServer

PAGE = (PROJECT / "docs" / "restore.md").read_text(encoding="utf-8")


class Standby(EmbeddedServer):
    """A server that follows another one from its base backup on."""

    def __init__(self, primary: EmbeddedServer) -> None:
        super().__init__(FAST, parent=_roomy())
        self.primary = primary

    def _initdb(self, binaries: Any) -> None:
        self._make_for_server(self.data)
        backup = [str(binaries / "pg_basebackup"), "-D", str(self.data), "-R", "--checkpoint=fast"]
        made = embedded._run([*backup, "--no-sync", "-d", self.primary.url("postgres")])
        assert made.returncode == 0, made.stderr


@dataclass
class Servers:
    primary: EmbeddedServer
    standby: Standby


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    options = {**FAST, "wal_level": "logical"}
    with EmbeddedServer(options, parent=_roomy()) as primary:
        with psycopg.connect(primary.url("postgres"), autocommit=True) as conn:
            conn.execute("create database new")
            migrations.migrate(primary.url("new"), lambda _: None)
            conn.execute(copy("mall", "new"))
        with psycopg.connect(primary.url("mall"), autocommit=True) as conn:
            tell(conn, "mall")
        with Standby(primary) as standby:
            yield Servers(primary, standby)


# For whoever waits in vain.
STATE = """
select x::text, a.wait_event, (
    select array_agg(r.srrelid::regclass::text || ' ' || r.srsubstate)
    from pg_subscription_rel as r where r.srsubid = x.subid and r.srsubstate <> 'r'
)
from pg_stat_subscription as x left join pg_stat_activity as a using (pid)
"""


def until(question: str, conn: Connection[Any], answer: object = True) -> None:
    deadline = time.monotonic() + 60
    while (row := conn.execute(question).fetchone()) != (answer,):
        if time.monotonic() > deadline:
            pytest.fail(f"{question} is still {row}: {conn.execute(STATE).fetchall()}")
        time.sleep(0.02)


def mixpay(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--url", url, *arguments])


def follow(servers: Servers) -> None:
    """Until the standby has what the primary has written."""
    with psycopg.connect(servers.primary.url("mall"), autocommit=True) as conn:
        conn.execute("select txid_current()")  # so that there is something to flush
        [(lsn,)] = conn.execute("select pg_current_wal_insert_lsn()::text")
    with psycopg.connect(servers.standby.url("mall"), autocommit=True) as conn:
        until(f"select pg_last_wal_replay_lsn() >= '{lsn}'", conn)


def test_verify_looks_on_a_standby_at_what_it_can(servers: Servers) -> None:
    url = servers.standby.url("mall")
    follow(servers)
    told = mixpay(url, "verify", "--json")
    assert told.exit_code == 2
    assert json.loads(told.stdout)["clean"] is False
    assert [(d["kind"], d["object"]) for d in json.loads(told.stdout)["differences"]] == [
        ("unseen", "definitions"),
        ("unseen", "owners and grants"),
        ("unseen", "reference rows"),
    ]
    assert "ask its primary" in mixpay(url, "verify").stdout
    assert mixpay(url, "check").exit_code == 0

    with psycopg.connect(servers.primary.url("mall")) as conn:
        conn.execute("set session_replication_role = replica")
        conn.execute(
            "update mixpay_migrations.contents set sha256 = 'x' where name = '0001_initial'"
        )
        conn.execute("update mixpay.trades set refunded = refunded + 1 where trade_no = 'T'")
    follow(servers)
    told = mixpay(url, "verify")
    assert told.exit_code == 1
    assert "edited: 0001_initial\n" in told.stdout
    assert "broken: trade_totals_are_the_sums_of_its_lines\n" in told.stdout
    assert "unseen: definitions\n" in told.stdout


TABLES = """
select c.oid::regclass::text from pg_class as c
where c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'r' order by 1
"""
# What a replica answers, of every kind: balances, lists, the journal, the log.
VIEWS = ["order_balances", "trade_flow", "refund_explained", "account_balances", "history"]


def contents(conn: Connection[Any]) -> dict[str, tuple[Any, ...]]:
    """Each table and some views: how many rows, and all of them as one number."""
    tables = [name for (name,) in conn.execute(TABLES)]
    query = "select count(*), sum(hashtextextended(r::text, 0)) from {} as r"
    return {
        name: conn.execute(query.format(name).encode()).fetchone() or ()
        for name in [*tables, *(f"mixpay.{view}" for view in VIEWS)]
    }


def test_a_logical_replica_has_all_rows(servers: Servers, lend: Callable[..., str]) -> None:
    with psycopg.connect(servers.primary.url("postgres"), autocommit=True) as conn:
        conn.execute(copy("source", "new"))
    source_url, replica_url = servers.primary.url("source"), lend("nothing", migrated=True)
    publish, subscribe = re.findall(
        r"```sql\n(.*?)```", PAGE.split("## A logical replica")[1].split("### Several")[0], re.S
    )
    subscribe = subscribe.replace("host=source dbname=mall", source_url)
    with (
        psycopg.connect(source_url, autocommit=True) as source,
        psycopg.connect(replica_url, autocommit=True) as replica,
    ):
        tell(source, "before")
        source.execute(publish)
        done = subprocess.run(
            [embedded.find_binaries() / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", replica_url],
            input=subscribe,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        try:
            until("select bool_and(srsubstate = 'r') from pg_subscription_rel", replica)
            tell(source, "after")  # updates of rows that were copied, and new ones
            facts = "select count(*) from mixpay.facts"
            [(count,)] = source.execute(facts)
            until(facts, replica, count)
            wanted = contents(source)
            assert len(wanted) > len(VIEWS)
            assert wanted["mixpay.facts"][0] > 100
            deadline = time.monotonic() + 60
            while contents(replica) != wanted:
                assert time.monotonic() < deadline, "the replica does not catch up"
                time.sleep(0.05)
            assert [r.name for r in database.run_checks(replica) if r.rows] == []
            assert mixpay(replica_url, "verify").exit_code == 0
        finally:
            replica.execute("drop subscription if exists mixpay")
        # It takes over: its own transactions are counted otherwise.
        mixpay(replica_url, "events", "--new-epoch")
        tell(replica, "later")
        assert [r.name for r in database.run_checks(replica) if r.rows] == []


def test_a_replica_gathers_several_sources(servers: Servers, lend: Callable[..., str]) -> None:
    """The second one has begun anew once more than the first."""
    first, further = re.findall(r"```sql\n(.*?)```", PAGE.split("### Several sources")[1], re.S)
    empty = re.findall(r"(set session_replication_role.*?)create subscription", PAGE, re.S)[0]
    empty = empty.replace("c.relkind = 'r'", "c.relkind = 'r' and c.relname <> 'epochs'")
    replica_url = lend("nothing", migrated=True)
    names = ("one", "two")
    with psycopg.connect(replica_url, autocommit=True) as replica:
        replica.execute(empty.encode())
        try:
            for name, publish in zip(names, (first, further), strict=True):
                with psycopg.connect(servers.primary.url("postgres"), autocommit=True) as conn:
                    conn.execute(copy(name, "new"))
                url = servers.primary.url(name)
                with psycopg.connect(url, autocommit=True) as source:
                    tell(source, name)
                    source.execute(publish.encode())
                if name == "two":
                    assert mixpay(url, "events", "--new-epoch").stdout == "2\n"
                    with psycopg.connect(url, autocommit=True) as source:
                        tell(source, "since")
                replica.execute(
                    f"create subscription {name} connection '{url}' publication mixpay".encode()
                )
            until("select bool_and(srsubstate = 'r') from pg_subscription_rel", replica)
            until("select count(distinct merchant_id)::int from mixpay.facts", replica, 3)
            # It counts by itself, and must have come as far.
            assert [r.name for r in database.run_checks(replica) if r.rows] == [
                "epoch_of_a_fact_has_begun"
            ]
            assert mixpay(replica_url, "events", "--new-epoch").exit_code == 0
            assert [r.name for r in database.run_checks(replica) if r.rows] == []
            # And goes on.
            for name in names:
                with psycopg.connect(servers.primary.url(name), autocommit=True) as source:
                    tell(source, f"{name}-later")
            until("select count(distinct merchant_id)::int from mixpay.facts", replica, 5)
        finally:
            for name in names:
                replica.execute(f"drop subscription if exists {name}".encode())
