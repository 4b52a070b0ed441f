"""Databases as earlier versions left them."""

from __future__ import annotations

from pathlib import Path

import psycopg
from yoyo.migrations import Migration

from mixpay_db import bookkeeping
from mixpay_db.release import Release, text

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
    return url
