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

# In one transaction at a time: whoever migrates, verifies or rolls back. Only the owner may.
LOCK = "lock table mixpay_migrations.contents in share update exclusive mode"

HAND_OVER = """reset role;
alter schema mixpay_migrations owner to mixpay_owner;
alter table mixpay_migrations._yoyo_migration owner to mixpay_owner;
alter table mixpay_migrations._yoyo_log owner to mixpay_owner;
alter table mixpay_migrations._yoyo_version owner to mixpay_owner;
alter table mixpay_migrations.contents owner to mixpay_owner;
"""

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

# What a plan begins with, for whoever runs it may not do as we would.
ONE_TRANSACTION = """set local mixpay.plan = 'begun';
do $guard$
begin
    if current_setting('mixpay.plan', true) is distinct from 'begun' then
        raise exception 'this plan is not run in one transaction' using
            errcode = 'object_not_in_prerequisite_state',
            hint = 'Begin before it, and commit after it.';
    elsif current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'this plan is not run at isolation level read committed' using
            errcode = 'object_not_in_prerequisite_state',
            detail = 'At another one it does not see what others wrote while it waited for locks.',
            hint = 'Run it at read committed.';
    end if;
end;
$guard$;
"""
_MARKS = """coalesce((
    select string_agg(s.name || ' ' || left(s.sha256, 8), ', ' order by s.name collate "C")
    from (
        select m.migration_id as name, coalesce(c.sha256, '') as sha256
        from mixpay_migrations._yoyo_migration as m
        left join mixpay_migrations.contents as c on c.name = m.migration_id
        union all
        select name, sha256 from mixpay_migrations.contents where name = 'code'
    ) as s
), 'no marks')"""
_NO_MARKS = """case
    when to_regclass('mixpay_migrations.contents') is not null then 'marks of migrations'
    when to_regnamespace('mixpay') is not null then 'a schema mixpay without marks'
    else 'no schema mixpay'
end"""
_MADE_FOR = """do $guard$
declare
    v_found text := {found};
begin
    if v_found <> {expected} then
        raise exception 'this plan was made for another state of the database' using
            errcode = 'object_not_in_prerequisite_state',
            detail = format('Made for: %s. Found: %s.', {expected}, v_found),
            hint = 'Make it anew: mixpay migrate --plan.';
    end if;
end;
$guard$;
"""


@dataclass(frozen=True)
class State:
    """What the database remembers."""

    has_schema: bool
    has_bookkeeping: bool = False
    applied: dict[str, str] = field(default_factory=dict)  # each migration's checksum
    code: str | None = None  # the loaded code's checksum
    is_handed_over: bool = False  # to mixpay_owner
    has_gates: bool = False  # of a migrate that died on the way


def read(conn: psycopg.Connection) -> State:
    cursor = conn.cursor(row_factory=tuple_row)
    [(has_schema, has_bookkeeping, is_handed_over, has_gates)] = cursor.execute(
        """
        select
            to_regnamespace('mixpay') is not null,
            to_regclass('mixpay_migrations._yoyo_migration') is not null,
            coalesce(
                (
                    select bool_and(pg_get_userbyid(relowner) = 'mixpay_owner') from pg_class
                    where relnamespace = to_regnamespace('mixpay_migrations') and relkind = 'r'
                ),
                false
            ),
            exists (
                select from pg_proc
                where
                    pronamespace = to_regnamespace('mixpay') and strpos(prosrc, '._before_') > 0
                    and not starts_with(proname, '_after_')
            )
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
    return State(
        has_schema, True, dict(applied), code[0] if code else None, is_handed_over, has_gates
    )


def lock(conn: psycopg.Connection) -> None:
    """Waits for whoever migrates; where there is nothing to lock, nobody has migrated yet."""
    [(there,)] = conn.cursor(row_factory=tuple_row).execute(
        "select to_regclass('mixpay_migrations.contents') is not null"
    )
    if there:
        conn.execute(LOCK)


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


def made_for(state: State) -> str:
    """Refuses to go on in a database that is not, or no longer, in this state."""
    if not state.has_bookkeeping:
        found = "a schema mixpay without marks" if state.has_schema else "no schema mixpay"
        return _fill(_MADE_FOR.replace("{found}", _NO_MARKS), expected=found)
    marks = {**state.applied, **({CODE: state.code} if state.code is not None else {})}
    found = ", ".join(f"{name} {sha256[:8]}" for name, sha256 in sorted(marks.items()))
    return _fill(_MADE_FOR.replace("{found}", _MARKS), expected=found or "no marks")


def _fill(template: str, **values: str) -> str:
    literals = {name: sql.Literal(value) for name, value in values.items()}
    return sql.SQL(template).format(**literals).as_string()
