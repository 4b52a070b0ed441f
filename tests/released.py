"""Databases as earlier versions left them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from clones import copy
from psycopg import Connection, sql
from yoyo.migrations import Migration

from mixpay_db import bookkeeping
from mixpay_db.release import Release, text

# Its transactions are of the past: a server that is new has not counted as far.
_COUNT_ON = """
do $$
begin
    while pg_current_xact_id()::text::numeric <= (
        select max(f.xid::text::numeric) from mixpay.facts as f
    )
    loop
        commit;
    end loop;
end;
$$
"""

# What each earlier version left, and how many of the migrations were its own.
VERSIONS = {"core": 1, "life": 2, "money": 3}


def script(name: str) -> str:
    return (Path(__file__).parent / "migrations" / f"{name}.sql").read_text(encoding="utf-8")


def apply(conn: psycopg.Connection, migration: Migration) -> None:
    conn.execute(text(migration))
    conn.execute(bookkeeping.mark(migration.id, text(migration)))


def fill(url: str, version: str, code: str = "") -> str:
    """The tables and rows that a version left, its marks, and no code but that which is named."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(bookkeeping.CREATE)
        for migration in Release().migrations[: VERSIONS[version]]:
            apply(conn, migration)
        conn.execute("set role mixpay_owner")
        conn.execute(script(version))
        if code:
            conn.execute(script(code))
        conn.execute("reset role")
        conn.execute(bookkeeping.remember(bookkeeping.CODE, f"that of {version}"))
        conn.execute(_COUNT_ON)
    return url


class Lender:
    """Clones of what earlier versions left, and of what this one made of it: made once each."""

    def __init__(
        self,
        admin: Connection[Any],
        url: Callable[[str], str],
        prefix: str,
        migrate: Callable[[str], None],
    ) -> None:
        self.admin, self.url, self.prefix, self.migrate = admin, url, prefix, migrate
        self.templates: dict[tuple[str, str, bool], str] = {}
        self.lent: list[str] = []

    def lend(self, version: str, code: str = "", *, migrated: bool = False) -> str:
        self.lent.append(f"{self.prefix}_lent_{len(self.lent)}")
        return self._clone(self.lent[-1], self._template(version, code, migrated))

    def take_back(self) -> None:
        while self.lent:
            self._drop(self.lent.pop())

    def close(self) -> None:
        self.take_back()
        for name in self.templates.values():
            self._drop(name)

    def _template(self, version: str, code: str, migrated: bool) -> str:
        key = version, code, migrated
        if key not in self.templates:
            name = "_".join(filter(None, (self.prefix, version, code, "migrated" * migrated)))
            if migrated:
                url = self._clone(name, self._template(version, code, False))
                self.migrate(url)
            else:
                self.admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
                if version != "nothing":
                    fill(self.url(name), version, code)
            self.templates[key] = name
        return self.templates[key]

    def _clone(self, name: str, template: str) -> str:
        self.admin.execute(copy(name, template))
        return self.url(name)

    def _drop(self, name: str) -> None:
        drop = sql.SQL("drop database if exists {} with (force)")
        self.admin.execute(drop.format(sql.Identifier(name)))
