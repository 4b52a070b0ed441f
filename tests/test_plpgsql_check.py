"""plpgsql_check reads the bodies that the linters do not: every function of the schema."""

import pytest
from psycopg import Connection

FINDINGS = """
select p.oid::regprocedure::text as function, t.tgrelid::regclass::text as of_table,
       f.lineno, f.level, f.sqlstate, f.message, f.detail, f.hint
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_language as l on l.oid = p.prolang
left join pg_catalog.pg_trigger as t on t.tgfoid = p.oid and t.tgparentid = 0
cross join lateral plpgsql_check_function_tb(
    p.oid, coalesce(t.tgrelid, 0), performance_warnings => false, extra_warnings => true
) as f
where p.pronamespace = 'mixpay'::regnamespace and l.lanname = 'plpgsql'
"""


def test_plpgsql_check_finds_nothing(conn: Connection) -> None:
    available = "select from pg_available_extensions where name = 'plpgsql_check'"
    if conn.execute(available).fetchone() is None:
        pytest.skip("could not run: this server does not have the extension plpgsql_check")
    conn.execute("create extension plpgsql_check")

    assert conn.execute(FINDINGS).fetchall() == []
