"""What a database remembers of its migrations: yoyo's tables and the checksums beside them.

The writes are texts, because a DBA may run the very same ones by hand.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row
from yoyo.migrations import get_migration_hash

# The name of sql/code.sql among the remembered contents; a migration's starts with a digit.
CODE = "code"

CREATE = Path(__file__).with_name("bookkeeping.sql").read_text(encoding="utf-8")

# In one transaction at a time: whoever migrates, verifies or rolls back.
LOCK = "select pg_advisory_xact_lock(hashtextextended('mixpay_migrations', 0))"
TRY_LOCK = LOCK.replace("pg_advisory", "pg_try_advisory")

# Written by the role that migrates, even if a migration forgot to stop acting as the owner.
_MARK = """reset role;
insert into mixpay_migrations._yoyo_migration (migration_hash, migration_id, applied_at_utc)
values ({hash}, {name}, clock_timestamp() at time zone 'utc');
"""
_UNMARK = """reset role;
delete from mixpay_migrations._yoyo_migration where migration_hash = {hash};
delete from mixpay_migrations.contents where name in ({name}, 'code');
"""
_LOG = """insert into mixpay_migrations._yoyo_log
    (id, migration_hash, migration_id, operation, username, hostname, created_at_utc)
values (
    gen_random_uuid(), {hash}, {name}, {operation}, session_user,
    coalesce(host(inet_client_addr()), 'local'), clock_timestamp() at time zone 'utc'
);
"""
_REMEMBER = """insert into mixpay_migrations.contents (name, sha256)
values ({name}, {sha256})
on conflict (name) do update set sha256 = excluded.sha256, loaded_at = now();
"""


@dataclass(frozen=True)
class State:
    """What the database remembers."""

    has_schema: bool
    has_bookkeeping: bool = False
    applied: dict[str, str] = field(default_factory=dict)  # each migration's checksum
    code: str | None = None  # the loaded code's checksum


def read(conn: psycopg.Connection) -> State:
    cursor = conn.cursor(row_factory=tuple_row)
    [(has_schema, has_bookkeeping)] = cursor.execute(
        """
        select
            to_regnamespace('mixpay') is not null,
            to_regclass('mixpay_migrations._yoyo_migration') is not null
        """
    )
    if not has_bookkeeping:
        return State(has_schema)
    applied = cursor.execute(
        """
        select m.migration_id, coalesce(c.sha256, '')
        from mixpay_migrations._yoyo_migration as m
        left join mixpay_migrations.contents as c on c.name = m.migration_id
        order by m.applied_at_utc, m.migration_id
        """
    ).fetchall()
    code = cursor.execute(
        "select sha256 from mixpay_migrations.contents where name = %s", [CODE]
    ).fetchone()
    return State(has_schema, True, dict(applied), code[0] if code else None)


def checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def mark(name: str, text: str) -> str:
    """Notes that a migration was applied, as yoyo would, and what it said."""
    applied = _fill(_MARK + _LOG, name=name, hash=get_migration_hash(name), operation="apply")
    return applied + remember(name, text)


def unmark(name: str) -> str:
    """Notes that a migration was taken back, and the code with it."""
    return _fill(_UNMARK + _LOG, name=name, hash=get_migration_hash(name), operation="rollback")


def remember(name: str, text: str) -> str:
    """Notes what a file said when it was run."""
    return _fill(_REMEMBER, name=name, sha256=checksum(text))


def _fill(template: str, **values: str) -> str:
    literals = {name: sql.Literal(value) for name, value in values.items()}
    return sql.SQL(template).format(**literals).as_string()
