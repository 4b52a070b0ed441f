"""A database that serves test after test is as new for each, or it goes."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from clones import Clone, Clones
from psycopg import Connection, conninfo, sql
from psycopg.rows import dict_row
from shop import Shop

OTHER_BODY = (
    "create or replace function mixpay._shown(p_text text, p_quote text default '') "
    "returns text language sql as 'select null'"
)
STAYS = {
    "rows": "select mixpay.register_merchant('another', 'Another')",
    "a row of the template's that is changed": "update mixpay.channels set title = 'X'",
    "a row of the template's that is gone": (
        "set session_replication_role = replica; delete from mixpay.currencies"
    ),
    "more rows than lie in a page": (
        "insert into mixpay.merchants (merchant_id, title, allocation) "
        "select 'm' || i, repeat('x', 100), 'fifo' from generate_series(1, 5000) as i"
    ),
    "settings": "set time zone 'Asia/Shanghai'; set role mixpay_reader",
    "a lock": "select pg_advisory_lock(1)",
    "an open transaction": "begin",
    "another body of a function": OTHER_BODY,
}
GOES = {
    "a table": "create table public.t (i int)",
    "a column": "alter table mixpay.orders add x int",
    "a default": "alter table mixpay.orders alter payee_no set default 'P'",
    "a constraint less": "alter table mixpay.facts drop constraint facts_pkey",
    "an index less": "drop index mixpay.facts_by_xid",
    "a trigger that is off": "alter table mixpay.facts disable trigger user",
    "a function less": "drop function mixpay.register_merchant",
    "a function more": "create function public.f() returns int language sql as 'select 1'",
    "a function that is another one": (
        "drop function mixpay.register_merchant; create function public.f() returns int "
        "language sql as 'select 1'"
    ),
    "another body of a function that is not ours": OTHER_BODY.replace(
        "mixpay._shown(p_text text, p_quote text default '')", "pg_catalog.quote_ident(text)"
    ),
    "who may call a function": f"{OTHER_BODY}; grant execute on function mixpay._shown to public",
    "a view that says something else": "create or replace view mixpay.horizon as select * from ("
    "table mixpay.horizon) as h limit 0",
    "a right": "grant select on mixpay.orders to public",
    "a comment": "comment on table mixpay.orders is 'X'",
    "statistics": "analyze mixpay.currencies",
    "a setting": "do $$ begin execute format('alter database %I set jit = off', "
    "current_database()); end $$",
    "a type": "create type public.t as enum ('a')",
}


@pytest.fixture
def lent(clones: Clones) -> Iterator[Clone]:
    """As `clone` has it; it goes afterwards, whatever a test did to it."""
    clone = clones.lend(fresh=False)
    yield clone
    clones.drop()


def rows(conn: Connection[Any]) -> dict[str, list[Any]]:
    tables = conn.execute(
        "select oid::regclass::text from pg_class "
        "where relkind = 'r' and relnamespace = 'mixpay'::regnamespace"
    ).fetchall()
    return {t: sorted(conn.execute(f"select x::text from {t} as x").fetchall()) for (t,) in tables}


@pytest.mark.parametrize("what", STAYS)
def test_it_is_as_it_was(lent: Clone, what: str) -> None:
    before = rows(lent.keeper)
    assert len(before["mixpay.channels"]) > 5
    lent.connect().execute(STAYS[what], prepare=False)
    assert lent.is_cleaned()
    assert rows(lent.keeper) == before
    assert lent.connect().execute("select current_user = session_user").fetchone() == (True,)
    found = lent.keeper.execute("select count(*) from pg_locks where locktype = 'advisory'")
    assert found.fetchone() == (0,)


@pytest.mark.parametrize("what", GOES)
def test_it_goes_when_more_than_rows_has_changed(lent: Clone, what: str) -> None:
    lent.connect().execute(GOES[what], prepare=False)
    assert not lent.is_cleaned()


def test_how_another_database_is_set_is_no_change(
    lent: Clone, admin: Connection[Any], empty_url: str
) -> None:
    other = sql.Identifier(conninfo.conninfo_to_dict(empty_url)["dbname"])
    admin.execute(sql.SQL("alter database {} set jit = off").format(other))
    assert lent.is_cleaned()


def test_a_function_does_again_what_it_did(lent: Clone) -> None:
    session, shown = lent.connect(), "select mixpay._shown('a')"
    for _ in range(2):
        session.execute(OTHER_BODY)
        assert session.execute(shown).fetchone() == (None,)
        assert lent.is_cleaned()
        assert session.execute(shown).fetchone() == ("a",)
        assert lent.is_cleaned()


def test_what_was_large_is_as_new_once_and_again(lent: Clone) -> None:
    lent.connect().execute(STAYS["more rows than lie in a page"])
    assert lent.is_cleaned()
    assert lent.is_cleaned()


def test_nobody_else_stays_in_it(lent: Clone) -> None:
    with psycopg.connect(lent.url) as left:
        left.execute("table mixpay.channel_list")
        assert lent.is_cleaned()
        with pytest.raises(psycopg.OperationalError):
            left.execute("select 1")


def test_a_session_that_was_changed_is_another_one(lent: Clone) -> None:
    session = lent.connect()
    session.row_factory = dict_row  # type: ignore[assignment]
    assert lent.is_cleaned()
    assert session.closed
    assert lent.connect().row_factory is not dict_row


def test_sessions_are_lent_again_as_they_were_made(lent: Clone) -> None:
    first, second = lent.borrow(), lent.borrow(autocommit=False, options="-c work_mem=1MB")
    first.execute("listen news")
    first.execute("select pg_advisory_lock(1)")
    second.execute("set work_mem = '2MB'")
    second.execute("select mixpay.register_merchant('m', 'M')")
    assert lent.holds()
    assert lent.is_cleaned()
    assert lent.borrow() is first
    assert lent.borrow(autocommit=False, options="-c work_mem=1MB") is second
    assert first.execute("select pg_listening_channels()").fetchall() == []
    locks = "select from pg_locks where locktype = 'advisory'"
    assert first.execute(locks).fetchall() == []
    assert second.execute("show work_mem").fetchone() == ("1MB",)
    assert second.execute("select from mixpay.merchants").fetchall() == []
    assert lent.borrow() not in (first, second)


def test_a_session_that_was_changed_is_not_lent_again(lent: Clone) -> None:
    session = lent.borrow()
    session.row_factory = dict_row  # type: ignore[assignment]
    assert lent.is_cleaned()
    assert session.closed
    assert lent.borrow() is not session


@pytest.mark.parametrize("rows", [1, 5000])
def test_all_checks_are_made(lent: Clone, rows: int) -> None:
    conn = lent.connect()
    shop = Shop(conn, "m")
    shop.call("register_merchant", "M")
    shop.merge("T", A=100)
    shop.pay("T", "P", 100)
    assert lent.holds()
    conn.execute(
        "insert into mixpay.merchants (merchant_id, title, allocation) "
        "select 'm' || i, repeat('x', 100), 'fifo' from generate_series(2, %s) as i",
        [rows],
    )
    assert lent.holds()
    conn.execute("set session_replication_role = replica")
    conn.execute("update mixpay.payments set paid_at = paid_at, applied = 90, surplus = 10")
    assert not lent.holds()
