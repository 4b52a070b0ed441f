"""Readers ask, writers also do, nobody touches a table, and the owner is nobody's login."""

from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection, sql
from psycopg.errors import InsufficientPrivilege
from test_api import tell

from mixpay_db import calls, database
from mixpay_db.cli import main

STATEMENTS = {
    "select": "select from {}",
    "insert": "insert into {} default values",
    "update": "update {} set {} = null",
    "delete": "delete from {}",
}


def relations(conn: Connection[Any], kinds: str, *, private: bool = False) -> list[tuple[str, str]]:
    """Each table or view of the schema with one of its columns; or each view of a check."""
    found = conn.execute(
        "select c.relname, a.attname from pg_class as c "
        "inner join pg_attribute as a on a.attrelid = c.oid and a.attnum = 1 "
        "where c.relnamespace = 'mixpay'::regnamespace and c.relkind::text = any (%s) "
        "and c.relname like '\\_%%' = %s",
        [list(kinds), private],
    ).fetchall()
    assert found
    return found


def may(session: Connection[Any], statement: str, relation: str, column: str) -> bool:
    parts = [sql.Identifier("mixpay", relation), sql.Identifier(column)]
    try:
        session.execute(sql.SQL(STATEMENTS[statement]).format(*parts))  # type: ignore[arg-type]
    except InsufficientPrivilege:
        return False
    except psycopg.Error:
        pass
    return True


def has_any(conn: Connection[Any], role: str, relation: str, privileges: str) -> bool:
    query = "select has_table_privilege(%s, %s, %s)"
    row = conn.execute(query, [role, f"mixpay.{relation}", privileges]).fetchone()
    return row != (False,)


@pytest.mark.parametrize("role", ["mixpay_reader", "mixpay_writer"])
def test_nobody_touches_a_table(login: Any, conn: Connection[Any], role: str) -> None:
    session = login(role)
    for table, column in relations(conn, "rp"):
        assert not any(may(session, s, table, column) for s in STATEMENTS), table
        assert not has_any(conn, role, table, "truncate, references, trigger"), table


@pytest.mark.parametrize("role", ["mixpay_reader", "mixpay_writer"])
def test_both_see_the_views_and_only_see_them(login: Any, conn: Connection[Any], role: str) -> None:
    session = login(role)
    for view, column in relations(conn, "v"):
        assert may(session, "select", view, column), view
        assert not has_any(conn, role, view, "insert, update, delete, truncate, trigger"), view


def call(session: Connection[Any], name: str) -> None:
    function = calls.CALLS[name]
    function(session, *[None for _ in calls.arguments(function)])


@pytest.mark.parametrize("name", calls.CALLS)
def test_a_writer_may_call_everything(login: Any, name: str) -> None:
    """Each call reaches its body, which refuses that all is null."""
    with pytest.raises(psycopg.DatabaseError) as refused:
        call(login("mixpay_writer"), name)
    assert (refused.value.sqlstate or "").startswith("MX")


def test_a_writer_does_it_all(login: Any) -> None:
    """Not only up to the refusal: what the calls call in turn is the owner's."""
    assert len(tell(login("mixpay_writer"), "mall")) > len(calls.CALLS)


def test_a_reader_may_call_nothing(login: Any) -> None:
    session = login("mixpay_reader")
    for name in calls.CALLS:
        with pytest.raises(InsufficientPrivilege, match=f"permission denied for function {name}"):
            call(session, name)


def test_a_writer_may_not_call_what_is_private(login: Any, conn: Connection[Any]) -> None:
    query = """
        select oid::regprocedure::text from pg_proc
        where pronamespace = 'mixpay'::regnamespace and proname like '\\_%'
        and has_function_privilege('mixpay_writer', oid, 'execute')
    """
    assert conn.execute(query).fetchall() == []
    with pytest.raises(InsufficientPrivilege, match="permission denied for function _lock_trade"):
        login("mixpay_writer").execute("select mixpay._lock_trade('m', 't')")


def test_somebody_else_may_nothing(login: Any) -> None:
    with pytest.raises(InsufficientPrivilege, match="permission denied for schema mixpay"):
        login("pg_monitor").execute("select from mixpay.trade_balances")


def test_a_writer_can_create_nothing_in_the_schema(login: Any) -> None:
    with pytest.raises(InsufficientPrivilege, match="permission denied for schema mixpay"):
        login("mixpay_writer").execute("create table mixpay.mine (n bigint)")


def test_the_roles_cannot_log_in_and_are_nothing_special(conn: Connection[Any]) -> None:
    roles = conn.execute(
        "select rolname, rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolreplication "
        "or rolbypassrls from pg_roles where rolname like 'mixpay\\_%' "
        "and rolname in ('mixpay_owner', 'mixpay_monitor', 'mixpay_reader', 'mixpay_writer') "
        "order by 1"
    ).fetchall()
    names = ("mixpay_monitor", "mixpay_owner", "mixpay_reader", "mixpay_writer")
    assert roles == [(name, False) for name in names]


@pytest.mark.breaks_checks
def test_who_watches_runs_all_checks(url: str, conn: Connection[Any]) -> None:
    watching = psycopg.conninfo.make_conninfo(url, options="-c role=mixpay_monitor")

    def check(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["--url", watching, "check", *arguments])

    tell(conn, "mall")
    conn.execute("select from mixpay.register_merchant('other', 'Another')")
    for arguments in ([], ["--merchant", "mall"], ["--merchant", "other"]):
        assert check(*arguments).exit_code == 0, check(*arguments).output
    assert check("--merchant", "nobody").exit_code == 2
    conn.execute("update mixpay.trades set refunded = refunded + 1 where trade_no = 'T'")
    for arguments in ([], ["--merchant", "mall"]):
        broken = check(*arguments)
        assert broken.exit_code == 1
        assert "broken: trade totals are the sums of its lines" in broken.stdout
    assert check("--merchant", "other").exit_code == 0


def test_who_watches_sees_nothing_else(login: Any, conn: Connection[Any]) -> None:
    watching = login("mixpay_monitor")
    tell(conn, "mall")
    for table, column in relations(conn, "r"):
        for statement in STATEMENTS:
            assert not may(watching, statement, table, column), table
    seen = {view for view, column in relations(conn, "v") if may(watching, "select", view, column)}
    assert seen == {"horizon", "metrics"}
    checks = relations(conn, "v", private=True)
    assert len(checks) == len(database.checks())
    for view, column in checks:
        assert may(watching, "select", view, column), view
        assert not has_any(conn, "mixpay_monitor", view, "insert, update, delete, truncate"), view
    for name in calls.CALLS:
        with pytest.raises(InsufficientPrivilege, match="permission denied"):
            call(watching, name)


def test_who_watches_learns_nothing_of_rows_that_are_as_they_should_be(
    login: Any, conn: Connection[Any]
) -> None:
    """A function of his own, as cheap as it may say it is, gets to see no row before the check."""
    tell(conn, "mall")
    watching = login("mixpay_monitor")
    told: list[str] = []
    watching.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
    watching.execute(
        "create function pg_temp.tell(text) returns boolean language plpgsql cost 0.0000001 "
        "as $$ begin raise notice '%', $1; return true; end $$"
    )
    for view, _ in relations(conn, "v", private=True):
        query = sql.SQL("select from {} as v where pg_temp.tell(row(v.*)::text)")
        assert watching.execute(query.format(sql.Identifier("mixpay", view))).fetchall() == []
        assert told == [], view
    watching.execute("discard temp")


def test_readers_and_writers_run_no_checks(login: Any, conn: Connection[Any]) -> None:
    for role in ("mixpay_reader", "mixpay_writer"):
        session = login(role)
        for view, column in relations(conn, "v", private=True):
            assert not may(session, "select", view, column), view
