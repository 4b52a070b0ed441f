"""Others are at work: they are asked shortly, named, and not kept waiting."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import pq
from psycopg.errors import InsufficientPrivilege, SerializationFailure

from mixpay_db import migrations, replaceable
from mixpay_db.busy import BusyError, Patience
from mixpay_db.dispatch import Database

# What the code is to be is found out by the processes that are started here, and elsewhere.
pytestmark = pytest.mark.usefixtures("known")


def until_it_waits(process):
    """What it has told until then."""
    told = ""
    while "pg_terminate_backend" not in told:
        line = process.stdout.readline()
        assert line, told + process.communicate()[0]
        told += line
    return told


def until(true):
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def silent(_):
    pass


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


def test_who_gives_up_leaves_the_calls_as_they_were(adopted, connect, verify):
    with connect() as conn:
        conn.execute(LEFT_OVER)
        before = replaceable.read(conn)
        with connect(autocommit=False) as busy_one:
            busy_one.execute("select * from mixpay.merchant_list")
            with pytest.raises(BusyError):
                migrations.migrate(adopted, silent, reload=True, patience=SHORT)
        assert replaceable.read(conn) == before
        migrations.migrate(adopted, silent, reload=True)
        assert verify(conn) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_who_is_killed_leaves_the_calls_at_work(adopted, shop, connect, how, verify):
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
        migrations.migrate(adopted, silent, reload=True)
        assert verify(conn) == []
        assert not replaceable.read(conn).gated


@pytest.fixture
def block(connect):
    """`with block(table) as unblock`: holds a lock, but no session that gates would wait for."""

    @contextmanager
    def block(table):
        with connect() as conn:
            if conn.execute("show max_prepared_transactions").fetchone() == ("0",):
                pytest.skip("this server prepares no transactions (max_prepared_transactions)")
            name = f"{conn.info.dbname}_{table}"
            conn.execute("begin")
            conn.execute(f"lock table {table} in access share mode")
            conn.execute(f"prepare transaction '{name}'")
            there = [name]

            def unblock():
                if there:
                    conn.execute(f"rollback prepared '{there.pop()}'")

            try:
                yield unblock
            finally:
                unblock()

    return block


@pytest.fixture
def at_the_gate(adopted, connect, background, waits, block, verify):
    """`at_the_gate(call)`: what becomes of a call that comes while the code is changed."""

    def at_the_gate(call):
        slow = psycopg.conninfo.make_conninfo(adopted, options="-c deadlock_timeout=120s")
        with connect() as caller, connect() as conn, block("mixpay.trades") as unblock:
            # The migration has locked its first table, and waits for its second.
            conn.execute("alter table mixpay.trades disable trigger trades_stay")
            patience = Patience(lock_timeout=60)
            change = background(
                lambda: migrations.migrate(slow, silent, reload=True, patience=patience)
            )
            waiting = (
                "select from pg_locks where relation = 'mixpay.trades'::regclass and not granted"
            )
            until(lambda: conn.execute(waiting).rowcount == 1)
            called = background(lambda: caller.execute(call).fetchall())
            waits(caller)
            unblock()
            change.result(timeout=60)
            assert verify(conn) == []
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
    migrations.migrate(url, silent)
    after = [worker.run(claim)[1] for _ in range(6)]
    worker.close()
    assert len({*before, *after}) == 1


class Halfway:
    """A call that has been read and not begun, as a client can leave it in the extended protocol.

    PostgreSQL knows by then which function it is, and locks nothing.
    """

    def __init__(self, conn, call):
        self.conn = conn
        self.pgconn = conn.pgconn
        conn.execute("select")  # what a session looks up once is looked up
        self.pgconn.enter_pipeline_mode()
        self.pgconn.send_prepare(b"halfway", call.encode())
        self.pgconn.send_flush_request()
        assert self._results()[0].status == pq.ExecStatus.COMMAND_OK

    def go_on(self):
        """Its rows, or what it is told."""
        self.pgconn.send_query_prepared(b"halfway", [])
        self.pgconn.pipeline_sync()
        [result, *_] = self._results(2)
        self.pgconn.exit_pipeline_mode()
        if result.status == pq.ExecStatus.TUPLES_OK:
            return [
                tuple(result.get_value(row, column) for column in range(result.nfields))
                for row in range(result.ntuples)
            ]
        return result.error_field(pq.DiagnosticField.SQLSTATE).decode()

    def _results(self, count=1):
        self.pgconn.flush()
        found = []
        while len(found) < count:
            result = self.pgconn.get_result()
            if result is not None:
                found.append(result)
        return found


# A view goes, and the function with it whose rows are the view's.
OTHER_ROWS = "alter view mixpay.events rename reason to why"
CALL = "select * from mixpay.read_events('m')"


@pytest.fixture
def halfway(connect):
    """`halfway(call)`: it stands between reading and beginning, until `go_on`."""
    return lambda call: Halfway(connect(), call)


def test_the_call_is_one_whose_function_goes(adopted, connect):
    with connect() as conn:
        before = conn.execute("select 'mixpay.read_events'::regproc::oid").fetchone()
        conn.execute(OTHER_ROWS)
        migrations.migrate(adopted, silent, reload=True)
        assert conn.execute("select 'mixpay.read_events'::regproc::oid").fetchone() != before


def test_a_call_that_was_read_before_is_waited_for(adopted, shop, halfway, background, verify):
    shop.merge("T", A=100)
    shop.conn.execute(OTHER_ROWS)
    call, told = halfway(CALL), []
    change = background(lambda: migrations.migrate(adopted, told.append, reload=True))
    until(lambda: told)
    assert told[0].startswith("wait for transactions that began before:\n  process ")
    assert f"pg_terminate_backend({call.conn.info.backend_pid})" in told[0]
    # Who comes now goes on with what is there, and waits for nobody.
    assert shop.query(CALL)
    assert call.go_on()
    change.result(timeout=60)
    assert verify(shop.conn) == []


@pytest.fixture
def overtaken(adopted, connect, halfway, background, block):
    """A call that was read at the gate, when the change behind it is done; and what was told."""
    told = []
    with connect() as conn, block("mixpay.trades") as unblock:
        conn.execute(OTHER_ROWS)
        conn.execute("alter table mixpay.trades disable trigger trades_stay")
        patience = Patience(lock_timeout=1, wait=60)
        change = background(
            lambda: migrations.migrate(adopted, told.append, reload=True, patience=patience)
        )
        until(lambda: any(what.startswith("wait for others") for what in told))
        assert "mixpay.read_events(text,text,bigint)" in str(replaceable.read(conn).stand_ins)
        call = halfway(CALL)
        unblock()
        until(lambda: replaceable.left(conn))
        yield call, told, change


def test_a_call_that_was_read_at_the_gate_is_repeated(overtaken, connect, verify):
    call, told, change = overtaken
    until(lambda: any(f"({call.conn.info.backend_pid})" in what for what in told))
    assert call.go_on() == "40001"
    change.result(timeout=60)
    with connect() as conn:
        assert replaceable.left(conn) == []
        assert verify(conn) == []


# Of which more columns are shown. Like each call, it first reads the table that all read first.
WIDENED = """
create function mixpay.what_is_sold() returns {}mixpay.sold
language plpgsql security definer set search_path = mixpay, pg_temp
as $$
declare
    v_sold sold;
begin
    perform from sales where false;
    perform pg_advisory_xact_lock(4711);
    {}
end;
$$;
revoke all on function mixpay.what_is_sold() from public;
"""
ROWS = ("setof ", "return query select s.* from sold as s;")
ROW = ("", "select * into v_sold from sold; return v_sold;")
WIDER = ("as sales from", "as sales, 1 as more from")

FOR_OURS = """
revoke all on function mixpay.refuse() from public;
grant execute on function mixpay.what_is_sold() to mixpay_writer;
"""
MEMBER = "grant mixpay_writer to {}"


@pytest.mark.parametrize(
    ("given", "is_waited_for"),
    [
        ("comment on role {} is 'may do nothing'", False),
        (MEMBER, True),
        (f"alter role {{}} noinherit; {MEMBER}", True),
        ("create role {}_more in role mixpay_reader; grant {}_more to {}", True),
        ("grant usage on schema mixpay to {}", True),
        ("grant execute on function mixpay.what_is_sold to {}", True),
        ("alter role {} superuser", True),
        (
            "create function public.lent() returns int security definer language sql"
            " as 'select 1'; comment on role {} is 'may call it'",
            True,
        ),
    ],
)
def test_only_who_may_use_something_of_ours_is_waited_for(project, given, is_waited_for):
    project.append("sql/views.sql", WIDENED.format(*ROWS) + FOR_OURS)
    assert project.mixpay("migrate").exit_code == 0
    with project.connect() as conn:
        name = f"{conn.info.dbname}_clerk"
        conn.execute(f"create role {name} login; {given.replace('{}', name)}")
        try:
            conn.execute("alter view mixpay.sold rename sales to sold")
            url = psycopg.conninfo.make_conninfo(project.url, user=name)
            with psycopg.connect(url) as clerk:
                clerk.execute("select 1")
                if is_waited_for:
                    with pytest.raises(BusyError, match=f"login {name}"):
                        migrations.migrate(project.url, silent, reload=True, patience=SHORT)
                else:
                    migrations.migrate(project.url, silent, reload=True, patience=SHORT)
                    assert migrations.verify(conn) == []
        finally:
            conn.execute("drop function if exists public.lent()")
            for role in (name, f"{name}_more"):
                if conn.execute("select from pg_roles where rolname = %s", [role]).rowcount:
                    conn.execute(f"drop owned by {role}; drop role {role}")


@pytest.fixture(params=[ROWS, ROW], ids=["rows", "row"])
def widened(project, request):
    """`widened()`: from now on this version shows more."""
    project.append("sql/views.sql", WIDENED.format(*request.param))
    assert project.mixpay("migrate").exit_code == 0
    project.execute("insert into mixpay.sales values (1, 'small')")

    def widen():
        project.write("sql/views.sql", project.read("sql/views.sql").replace(*WIDER))

    return widen


@pytest.fixture
def later(project):
    """`later(statement)`: what becomes of it, in a session of its own."""
    with project.connect() as conn, ThreadPoolExecutor() as threads:
        yield lambda statement: threads.submit(lambda: conn.execute(statement).fetchall())
        conn.cancel()


CALL_OF_PROJECT = "select * from mixpay.what_is_sold()"


def test_a_call_at_work_gives_the_columns_with_which_it_began(project, gate, widened, later):
    called = later(CALL_OF_PROJECT)
    project.until_waiting()
    widened()
    process = project.start("migrate", "--lock-timeout", "50")
    told = until_it_waits(process)
    assert CALL_OF_PROJECT in told
    gate()
    assert called.result(timeout=60) == [("small", 1)]
    assert process.communicate(timeout=60)[0].endswith("  replace view mixpay.sold\ndone\n")
    assert project.execute(CALL_OF_PROJECT) == [("small", 1, 1)]
    assert project.mixpay("verify").exit_code == 0


def test_a_call_that_comes_while_its_columns_change_is_repeated(project, gate, widened, later):
    """The change has locked what all read first, and waits for another view."""
    gate()
    project.append(
        "sql/views.sql", "create view mixpay.sizes as select size from mixpay.widgets;\n"
    )
    assert project.mixpay("migrate").exit_code == 0
    widened()
    project.write(
        "sql/views.sql", project.read("sql/views.sql").replace("select size", "select size, 1")
    )
    slow = psycopg.conninfo.make_conninfo(project.url, options="-c deadlock_timeout=120s")
    with project.connect() as other, ThreadPoolExecutor() as threads:
        if other.execute("show max_prepared_transactions").fetchone() == ("0",):
            pytest.skip("this server prepares no transactions (max_prepared_transactions)")
        # No session, for which the change would wait before.
        other.execute("begin; lock table mixpay.sizes in access share mode")
        other.execute("prepare transaction 'reads sizes'")
        patience = Patience(lock_timeout=60)
        # Who has called before knows the columns, and does not wait for the view to know them.
        assert later(CALL_OF_PROJECT).result(timeout=60) == [("small", 1)]
        change = threads.submit(migrations.migrate, slow, silent, patience=patience)
        project.until_waiting()
        called = later(CALL_OF_PROJECT)
        project.until_waiting(2)
        other.execute("rollback prepared 'reads sizes'")
        assert change.result(timeout=60) == ["load the code"]
        with pytest.raises(SerializationFailure, match="changed while this call waited"):
            called.result(timeout=60)
    assert project.execute(CALL_OF_PROJECT) == [("small", 1, 1)]


@pytest.mark.parametrize("then", ["migrate", "rollback"])
def test_what_a_killed_one_leaves_is_named_and_goes_with_the_next(project, then):
    """As if it had died when all was done but for the dropping."""
    assert project.mixpay("migrate").exit_code == 0
    with project.connect() as conn, project.connect() as caller:
        conn.execute("set role mixpay_owner")
        conn.execute("create type mixpay._after_1 as (a text)")
        conn.execute(
            "create function mixpay._after_2_gone(text) returns mixpay._after_1"
            " language sql as 'select null::mixpay._after_1'"
        )
        conn.execute("create function mixpay._before_gone() returns int language sql as 'select 1'")
        conn.execute("reset role")
        told = [(d.kind, d.object) for d in migrations.verify(conn)]
        assert told == [
            ("left", "function mixpay._after_2_gone(text)"),
            ("left", "function mixpay._before_gone()"),
            ("left", "type mixpay._after_1"),
        ]
        shown = project.mixpay("verify")
        assert shown.exit_code == 0
        assert "left: type mixpay._after_1\n    the next mixpay migrate drops it" in shown.output
        if then == "rollback":
            migrations.rollback(project.url, say=silent, drop_rows=True)
            assert replaceable.left(conn) == []
            return
        # One that may still ask for it is waited for; who does not wait so long leaves it.
        call, told = Halfway(caller, "select mixpay._after_2_gone('')"), []
        assert migrations.migrate(project.url, told.append, patience=SHORT) == []
        assert told[-1].startswith("what calls of before may still ask for is left to the next")
        assert f"process {call.conn.info.backend_pid} " in told[-1]
        call.go_on()
        assert migrations.migrate(project.url, silent) == ["drop what an earlier one had left"]
        assert migrations.migrate(project.url, silent) == []
        assert migrations.verify(conn) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_who_is_killed_while_another_function_stands_in(project, how):
    project.append("sql/views.sql", WIDENED.format(*ROWS))
    assert project.mixpay("migrate").exit_code == 0
    with project.connect() as conn, project.connect() as caller:
        conn.execute("insert into mixpay.sales values (1, 'small')")
        conn.execute("alter view mixpay.sold rename sales to sold")
        before = replaceable.read(conn)
        call = Halfway(caller, CALL_OF_PROJECT)
        process = project.start("migrate", "--reload")
        until_it_waits(process)
        assert replaceable.read(conn).stand_ins
        process.send_signal(how)
        process.communicate(timeout=60)
        # What goes is what it was, behind another one or not.
        after = replaceable.read(conn)
        assert after.pieces.items() >= before.pieces.items()
        assert bool(after.stand_ins) == (how == signal.SIGKILL)
        assert project.execute(CALL_OF_PROJECT) == [("small", 1)]
        assert call.go_on() == [(b"small", b"1")]
        pending = "pending" if how == signal.SIGKILL else "applied"
        assert migrations.status(conn)["code"] == pending
        migrations.migrate(project.url, silent, reload=how == signal.SIGINT)
        assert migrations.verify(conn) == []
        assert replaceable.left(conn) == []
