"""Types that every tool knows: what a type checker tells apart, and what a database shows."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection, sql
from shop import Shop

RIGHT = """
from typing import assert_type
import psycopg
import mixpay_db

def calls(conn: psycopg.Connection) -> None:
    orders: list[mixpay_db.OrderToMerge] = [{"order_no": "A", "amount": 1, "currency": "CNY"}]
    assert_type(mixpay_db.merge_orders(conn, "mall", orders, "T"), mixpay_db.Trade)
    assert_type(mixpay_db.preview_refund(conn, "mall", "A", 1), list[mixpay_db.RefundShare])
    shares: list[mixpay_db.ShareToSplit] = [{"receiver": "agent", "rate": 250}]
    assert_type(mixpay_db.split_order(conn, "mall", "A", "S", shares), list[mixpay_db.SplitList])
    assert_type(mixpay_db.settle_payee(conn, "mall", "P", "N", None), mixpay_db.Settlement)

async def awaits(conn: psycopg.AsyncConnection) -> None:
    refund = await mixpay_db.refund_order(conn, "mall", "A", "R", 1, payment_nos=["P"])
    assert_type(refund, mixpay_db.Refund)
"""
WRONG = """
import psycopg
import mixpay_db

def calls(conn: psycopg.Connection) -> None:
    mixpay_db.preview_refund(conn, "mall", "A", 1.5)
    mixpay_db.preview_refund(conn, "mall", "A")
    mixpay_db.merge_orders(conn, "mall", [{"order_no": "A", "price": 1, "currency": "CNY"}])
    mixpay_db.refund_order(conn, "mall", "A", "R", 1).paid
    mixpay_db.split_order(conn, "mall", "A", "S", [{"receiver": "agent", "percent": 2}])
    mixpay_db.settle_payee(conn, "mall", "P", "N", "yesterday")
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the checker found in the libraries."""
    return tmp_path_factory.mktemp("cache")


def check(tmp_path: Path, cache: Path, text: str) -> list[str]:
    mypy = pytest.importorskip("mypy.api")
    file = tmp_path / "calls_it.py"
    file.write_text(text, encoding="utf-8")
    how = [f"--cache-dir={cache}", "--strict", "--no-error-summary"]
    told, complaints, _ = mypy.run([str(file), *how])
    assert not complaints
    return [line for line in told.splitlines() if ": error: " in line]


def test_right_calls_have_their_types(tmp_path: Path, cache: Path) -> None:
    assert check(tmp_path, cache, RIGHT) == []


def test_wrong_calls_are_told(tmp_path: Path, cache: Path) -> None:
    lines = {int(line.split(":")[1]) for line in check(tmp_path, cache, WRONG)}
    assert lines == {6, 7, 8, 9, 10, 11}


# Of the views, and of what calls return, each column with its type.
SEEN = """
select c.relname, a.attname, t.typname, t.typnamespace::regnamespace::text
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
inner join pg_catalog.pg_type as t on t.oid = a.atttypid
where c.relnamespace = 'mixpay'::regnamespace and c.relname not like '\\_%'
and (c.relkind = 'v' or c.reltype in (
    select prorettype from pg_catalog.pg_proc
    where pronamespace = 'mixpay'::regnamespace and proname not like '\\_%'
))
"""
# Every public call with nothing but nulls.
NOTHING = """
select p.proname, array(select format('null::%s', t::regtype) from unnest(p.proargtypes) as t)
from pg_catalog.pg_proc as p
where p.pronamespace = 'mixpay'::regnamespace and p.proname not like '\\_%'
"""
# The columns of a type of rows and of its table, in their order, in plain types.
ROW = """
select array_agg(
    row(a.attname, coalesce(nullif(t.typbasetype, 0), t.oid)::regtype)::text
    order by a.attnum
)
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_type as t on t.oid = a.atttypid
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped
"""
BUILT_IN = 10_000  # is above the number of every type that PostgreSQL brings


def test_views_and_results_have_no_types_of_ours(conn: Connection[Any]) -> None:
    seen = conn.execute(SEEN).fetchall()
    assert len({name for name, *_ in seen}) > 60
    assert [row for row in seen if row[3] != "pg_catalog"] == []


def test_rows_that_calls_return_are_rows_of_tables(conn: Connection[Any]) -> None:
    types = {
        name: comment.split()[3].rstrip(",")
        for name, comment in conn.execute(
            "select format('mixpay.%I', typname), obj_description(oid, 'pg_type') from pg_type "
            "where typnamespace = 'mixpay'::regnamespace "
            "and obj_description(oid, 'pg_type') like 'A row of %'"
        )
    }
    assert len(types) > 15
    for name, table in types.items():
        found = [conn.execute(ROW, [one]).fetchone() for one in (name, f"mixpay.{table}")]
        assert found[0] == found[1], name


@pytest.fixture
def own(conn: Connection[Any], login: Any) -> Iterator[Callable[[str], Connection[Any]]]:
    """A session of somebody who has that role, and a schema of his own that his names go to."""

    def own(role: str) -> Connection[Any]:
        session: Connection[Any] = login(role)
        conn.execute(
            sql.SQL("create schema own authorization {}").format(
                sql.Identifier(f"{conn.info.dbname}_{role}")
            )
        )
        session.execute("set search_path = own")
        return session

    yield own
    conn.execute("drop schema if exists own cascade")


def test_a_reader_makes_tables_and_views_of_views(own: Any, conn: Connection[Any]) -> None:
    reader = own("mixpay_reader")
    views = {name for name, *_ in conn.execute(SEEN) if has_view(conn, name)}
    assert len(views) > 40
    for name in views:
        view = sql.Identifier("mixpay", name)
        mine = sql.Identifier(f"{name}_mine")
        seen = reader.execute(sql.SQL("select * from {} limit 0").format(view)).description or []
        assert all(0 < column.type_code < BUILT_IN for column in seen), name
        reader.execute(sql.SQL("create table {} as table {} with no data").format(mine, view))
        reader.execute(sql.SQL("drop table {}").format(mine))
        reader.execute(sql.SQL("create view {} as table {}").format(mine, view))


def has_view(conn: Connection[Any], name: str) -> bool:
    query = "select from pg_views where schemaname = 'mixpay' and viewname = %s"
    return conn.execute(query, [name]).fetchone() is not None


def test_a_writer_makes_tables_and_views_of_calls(own: Any, conn: Connection[Any]) -> None:
    writer = own("mixpay_writer")
    for name, nulls in conn.execute(NOTHING).fetchall():
        call = sql.SQL("select * from {}({})").format(
            sql.Identifier("mixpay", name), sql.SQL(", ").join(map(sql.SQL, nulls))
        )
        mine = sql.Identifier(name)
        writer.execute(sql.SQL("create table {} as {} with no data").format(mine, call))
        writer.execute(sql.SQL("drop table {}").format(mine))
        writer.execute(sql.SQL("create view {} as {}").format(mine, call))
    foreign = conn.execute(
        "select c.relname, a.attname from pg_class as c "
        "inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 "
        "where c.relnamespace = 'own'::regnamespace and a.atttypid >= %s",
        [BUILT_IN],
    )
    assert foreign.fetchall() == []


def test_a_writer_keeps_what_a_call_returned(own: Any, shop: Shop) -> None:
    """And compares it with plain values, row by row, as pgTAP does."""
    writer = own("mixpay_writer")
    shop.merge("T", A=100)
    writer.execute(
        "create table kept as "
        "select * from mixpay.record_payment(%s, 'T', 'P', 'card', 100)", [shop.merchant]
    )  # fmt: skip
    writer.execute("""
        do $$
        declare
            v_found record;
            v_expected record;
        begin
            select payment_no, amount, state, paid_at is null from kept into v_found;
            select 'P'::text, 100::bigint, 'succeeded'::text, false into v_expected;
            assert v_found is not distinct from v_expected;
            -- Texts of views are sorted byte by byte, which rows of plain values must be told.
            select order_no collate "default", paid, state from mixpay.order_balances into v_found;
            select 'A'::text, 100::bigint, 'paid'::text into v_expected;
            assert v_found is not distinct from v_expected;
        end
        $$
    """)
