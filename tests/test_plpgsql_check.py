"""plpgsql_check reads the bodies that the linters do not: every function of the schema."""

import pytest
from psycopg import Connection

FINDINGS = """
select format('%s line %s: %s: %s', p.oid::regprocedure, f.lineno, f.level,
              concat_ws('; ', f.message, f.detail, f.hint, f.context))
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_language as l on l.oid = p.prolang
left join pg_catalog.pg_trigger as t on t.tgfoid = p.oid and t.tgparentid = 0
cross join lateral plpgsql_check_function_tb(p.oid, coalesce(t.tgrelid, 0)) as f
where p.pronamespace = 'mixpay'::regnamespace and l.lanname = 'plpgsql'
order by p.proname, f.lineno
"""


def test_plpgsql_check_finds_nothing(conn: Connection) -> None:
    available = "select from pg_available_extensions where name = 'plpgsql_check'"
    if conn.execute(available).fetchone() is None:
        pytest.skip("could not run: this server does not have the extension plpgsql_check")
    conn.execute("create extension plpgsql_check")

    findings = [finding for (finding,) in conn.execute(FINDINGS)]
    assert not findings, "\n".join(findings)
