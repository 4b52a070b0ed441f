"""docs/tables.md is what the catalog says: every table once, every foreign key as an arrow."""

import re
from typing import Any

import pytest
from psycopg import Connection

from mixpay_db import docs


def test_the_committed_tables_are_fresh(conn: Connection[Any]) -> None:
    assert docs.TABLES.read_text("utf-8") == docs.tables(conn), "run make docs"


def test_each_table_and_each_foreign_key_is_drawn(conn: Connection[Any]) -> None:
    text = docs.tables(conn)
    drawn = re.findall(r"^    (\w+) \{$", text, re.MULTILINE)
    stored = conn.execute(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'mixpay'::regnamespace"
    )
    assert sorted(drawn) == sorted(name for (name,) in stored)
    arrows = re.findall(r"^    (\w+) \S+ (\w+) : ", text, re.MULTILINE)
    keys = conn.execute(
        "select confrelid::regclass::text, conrelid::regclass::text from pg_constraint "
        "where contype = 'f' and connamespace = 'mixpay'::regnamespace"
    ).fetchall()
    assert sorted(arrows) == sorted((to.split(".")[-1], of.split(".")[-1]) for to, of in keys)


def test_says_how_many(conn: Connection[Any]) -> None:
    text = docs.tables(conn)
    assert '    merchants ||--o{ orders : "merchant_id"\n' in text
    assert '    payees |o--o{ orders : "payee_no"\n' in text
    assert '    orders ||--o| order_totals : "order_no"\n' in text


def test_a_table_without_a_subject_is_told(conn: Connection[Any]) -> None:
    conn.execute("create table mixpay.strays (merchant_id text primary key)")
    with pytest.raises(ValueError, match="strays"):
        docs.tables(conn)
