"""Others are at work: they are asked shortly, named, and not kept waiting."""

import os
import signal
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, SerializationFailure

from mixpay_db import migrations, replaceable
from mixpay_db.busy import BusyError, Patience
from mixpay_db.dispatch import Database


def until_it_waits(process):
    """What it has told until then."""
    told = ""
    while "pg_terminate_backend" not in told:
        line = process.stdout.readline()
        assert line, told + process.communicate()[0]
        told += line
    return told


def until(true):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


SHORT = Patience(lock_timeout=0.05, wait=0.1)


@pytest.fixture
def reader(project):
    """A transaction that has read a view and stays open."""
    project.mixpay("migrate")
    project.add_color()
    url = psycopg.conninfo.make_conninfo(project.url, application_name="report")
    with psycopg.connect(url) as conn:
        conn.execute("select * from mixpay.sold")
        yield conn


def test_who_is_in_the_way_is_named_and_nobody_else_waits(project, reader):
    process = project.start("migrate", "--lock-timeout", "50")
    told = until_it_waits(process)
    # Without end it would, and this, too.
    project.execute("set lock_timeout = '10s'; insert into mixpay.sales values (1, 'small')")
    reader.rollback()
    told += process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert told.endswith("done\n")
    pid = reader.info.backend_pid
    assert f"process {pid} (application 'report', login " in told
    assert "idle in transaction), in a transaction since " in told
    assert ": select * from mixpay.sold\n" in told
    assert f"select pg_terminate_backend({pid})" in told


def test_it_ends_with_a_status_of_its_own_and_nothing_is_changed(project, reader, dump):
    before = dump(project.url)
    ended = project.mixpay("migrate", "--lock-timeout", "50", "--wait", "0.2")
    assert ended.exit_code == 3
    assert "others are in the way for 0.2 s; nothing was changed" in ended.output
    assert f"process {reader.info.backend_pid} (application 'report'" in ended.output
    assert dump(project.url) == before
    back = project.mixpay("migrate", "rollback", "--lock-timeout", "50", "--wait", "0.2")
    assert back.exit_code == 3
    reader.rollback()
    assert project.mixpay("migrate").exit_code == 0


def test_code_that_calls_do_not_miss_waits_for_nobody(project, reader):
    (project.root / "migrations/0002_color.sql").unlink()
    views = project.read("sql/views.sql").replace("return null", "return old")
    project.write("sql/views.sql", views)
    assert project.mixpay("migrate", "--wait", "0").exit_code == 0
    assert reader.execute("select count(*) from mixpay.sold").fetchall() == [(0,)]


def test_a_client_is_no_longer_in_our_way_than_until_it_looks_for_a_deadlock(project):
    """We hold one table and want what it has; it wants ours. It gets it, and no 40P01."""
    project.mixpay("migrate")
    project.add_color()
    with project.connect() as client, project.connect() as other:
        client.execute("set deadlock_timeout = '60s'")
        client.execute("begin")
        client.execute("select * from mixpay.widgets")  # the second one that we lock
        other.execute("begin; lock table mixpay.sales in access share mode")
        process = project.start("migrate", "--lock-timeout", "400")
        project.until_waiting()
        other.execute("rollback")
        client.execute("insert into mixpay.sales values (1, 'small')")
        client.execute("commit")
        assert process.communicate(timeout=60)[0].endswith("done\n")


def test_only_the_owner_can_lock_migrations_out(project):
    project.mixpay("migrate")
    with project.connect() as conn:
        conn.execute("begin; set local role mixpay_writer")
        with pytest.raises(InsufficientPrivilege):
            conn.execute("lock table mixpay_migrations.contents in access share mode")


def test_a_second_migrator_goes_on(project):
    """Both are members of mixpay_owner; the first one's tables are the owner's."""
    project.mixpay("migrate")
    names = [f"mixpay_{who}_{os.getpid()}" for who in ("first", "second")]
    with project.connect() as conn:
        conn.execute("drop schema mixpay, mixpay_migrations cascade")
        for name in names:
            conn.execute(f"create role {name} login in role mixpay_owner")
            conn.execute(f"grant create on database {conn.info.dbname} to {name}")
        try:
            first, second = (
                psycopg.conninfo.make_conninfo(project.url, user=name) for name in names
            )
            assert project.mixpay("migrate", url=first).exit_code == 0
            project.add_color()
            done = project.mixpay("migrate", url=second)
            assert done.exit_code == 0, done.output
            assert project.mixpay("verify", url=first).exit_code == 0
        finally:
            conn.execute("drop schema mixpay, mixpay_migrations cascade")
            for name in names:
                conn.execute(f"drop owned by {name}; drop role {name}")


def test_marks_of_before_are_handed_over(project):
    project.mixpay("migrate")
    owners = "select distinct tableowner from pg_tables where schemaname = 'mixpay_migrations'"
    with project.connect() as conn:
        conn.execute("alter schema mixpay_migrations owner to current_user")
        for table in ("_yoyo_migration", "_yoyo_log", "_yoyo_version", "contents"):
            conn.execute(f"alter table mixpay_migrations.{table} owner to current_user")
    assert project.execute(owners) != [("mixpay_owner",)]
    assert project.mixpay("migrate").output.splitlines() == [
        "hand mixpay_migrations over to mixpay_owner",
        "done",
    ]
    assert project.execute(owners) == [("mixpay_owner",)]
    assert project.mixpay("migrate").output == "nothing to do\n"


# A change for which all calls wait: something goes that one might be about to ask for.
LEFT_OVER = """
set role mixpay_owner;
create function mixpay._less() returns int language sql as 'select 1';
reset role;
"""


@pytest.fixture
def adopted(url):
    """An installed database whose migrations are marked."""
    migrations.migrate(url, lambda _: None)
    return url


def test_who_gives_up_leaves_the_calls_as_they_were(adopted, connect):
    with connect() as conn:
        conn.execute(LEFT_OVER)
        before = replaceable.read(conn)
        with connect(autocommit=False) as busy_one:
            busy_one.execute("select * from mixpay.merchant_list")
            with pytest.raises(BusyError):
                migrations.migrate(adopted, lambda _: None, reload=True, patience=SHORT)
        assert replaceable.read(conn) == before
        migrations.migrate(adopted, lambda _: None, reload=True)
        assert migrations.verify(conn) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_who_is_killed_leaves_the_calls_at_work(adopted, shop, connect, how):
    command = [sys.executable, "-c", "from mixpay_db.cli import main; main()"]
    with connect() as conn:
        conn.execute(LEFT_OVER)
        with connect(autocommit=False) as busy_one:
            busy_one.execute("select * from mixpay.merchant_list")
            process = subprocess.Popen(
                [*command, "--url", adopted, "migrate", "--reload", "--lock-timeout", "50"],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            until_it_waits(process)
            assert replaceable.read(conn).gated
            process.send_signal(how)
            told, _ = process.communicate(timeout=60)
            # They go through the gate, each to what it was.
            shop.merge("T", A=100)
            shop.pay("T", "P", 100)
            assert [row.amount for row in shop.rows("preview_refund", "A", 30)] == [30]
            shop.refund("A", "R", 30)
            assert shop.row("refunds", "R").state == "processing"
            assert shop.call("fold_balances") is not None
            with pytest.raises(psycopg.Error, match="is left") as refused:
                shop.refund("A", "R2", 90)
            assert refused.value.sqlstate == "MX301"
        assert bool(replaceable.read(conn).gated) == (how == signal.SIGKILL), told
        migrations.migrate(adopted, lambda _: None, reload=True)
        assert migrations.verify(conn) == []
        assert not replaceable.read(conn).gated


@pytest.fixture
def at_the_gate(adopted, connect, background, waits):
    """`at_the_gate(call)`: what becomes of a call that comes while the code is changed."""

    def at_the_gate(call):
        slow = psycopg.conninfo.make_conninfo(adopted, options="-c deadlock_timeout=120s")
        with connect() as caller, connect() as conn, connect(autocommit=False) as blocker:
            # The migration has locked its first table, and waits for its second.
            conn.execute("alter table mixpay.trades disable trigger trades_stay")
            blocker.execute("lock table mixpay.trades in access share mode")
            patience = Patience(lock_timeout=60)
            change = background(
                lambda: migrations.migrate(slow, lambda _: None, reload=True, patience=patience)
            )
            waiting = (
                "select from pg_locks where relation = 'mixpay.trades'::regclass and not granted"
            )
            until(lambda: conn.execute(waiting).rowcount == 1)
            called = background(lambda: caller.execute(call).fetchall())
            waits(caller)
            blocker.rollback()
            change.result(timeout=60)
            assert migrations.verify(conn) == []
            return called.result(timeout=60)

    return at_the_gate


def test_calls_at_the_gate_go_on_with_the_new_code(shop, at_the_gate):
    shop.merge("T", A=100)
    shop.pay("T", "P", 100)
    shop.conn.execute(LEFT_OVER)
    assert at_the_gate("select amount from mixpay.preview_refund('m', 'A', 30)") == [(30,)]


def test_calls_at_the_gate_are_repeated_if_their_rows_change(shop, at_the_gate):
    shop.conn.execute("alter view mixpay.events rename reason to why")
    with pytest.raises(SerializationFailure) as told:
        at_the_gate("select * from mixpay.read_events('m')")
    assert told.value.diag.message_primary == "the database was changed while this call waited"
    assert told.value.diag.message_hint == "Repeat the transaction."


def test_a_worker_goes_on_over_an_upgrade(lend):
    """With the connection that it has, from 0.3.0 to this version."""
    url = lend("money", "money_code")
    worker = Database(url, "worker", threading.Event())
    query = "select * from mixpay.claim_channel_refunds('m', 'w', 1)"

    def claim(conn):
        return conn.execute(query).fetchall(), conn.info.backend_pid

    before = [worker.run(claim)[1] for _ in range(6)]
    migrations.migrate(url, lambda _: None)
    after = [worker.run(claim)[1] for _ in range(6)]
    worker.close()
    assert len({*before, *after}) == 1
