"""Whatever others have made in the database, our code binds PostgreSQL's functions and ours."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from mixpay_db import database, migrations

# What a user may make who has a schema that `set role mixpay_owner` puts into the path.
PLANTED = """
create schema mixpay_owner;
grant usage on schema mixpay_owner, public to public;
create function mixpay_owner.format(text, text) returns text language sql as $$ select $1 $$;
create function public.format(text, text) returns text language sql as $$ select $1 $$;
create function mixpay_owner.concat_ws(text, text, text) returns text language sql
as $$ select $1 $$;
"""


def bound(conn: Connection[Any]) -> list[Any]:
    """Functions of others that a view of ours calls."""
    return conn.execute(
        "select p.oid::regprocedure::text from pg_depend as d"
        " inner join pg_rewrite as r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass"
        " inner join pg_class as c on c.oid = r.ev_class"
        " inner join pg_proc as p on p.oid = d.refobjid and d.refclassid = 'pg_proc'::regclass"
        " where c.relnamespace = 'mixpay'::regnamespace"
        " and p.pronamespace not in ('mixpay'::regnamespace, 'pg_catalog'::regnamespace)"
    ).fetchall()


def by_plan(conn: Connection[Any], _: str) -> None:
    plan = migrations.plan(conn, psql=False)
    with conn.transaction():
        conn.execute(plan.encode())


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda _, url: migrations.migrate(url, lambda _: None), id="migrate"),
        pytest.param(lambda conn, _: database.install(conn), id="install"),
        pytest.param(by_plan, id="plan"),
    ],
)
def test_nothing_of_others_is_bound(
    empty_url: str, make: Callable[[Connection[Any], str], None]
) -> None:
    with psycopg.connect(empty_url, autocommit=True) as conn:
        conn.execute(PLANTED)
        make(conn, empty_url)
        assert bound(conn) == []


def test_nothing_of_others_is_in_the_way_later(lend: Callable[..., str]) -> None:
    url = lend("nothing", migrated=True)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(PLANTED)
        conn.execute("drop view mixpay.manual_list")
        migrations.migrate(url, lambda _: None, reload=True)
        assert bound(conn) == []
        assert migrations.verify(conn) == []
        migrations.rollback(url, say=lambda _: None)
        migrations.migrate(url, lambda _: None)
        assert bound(conn) == []
