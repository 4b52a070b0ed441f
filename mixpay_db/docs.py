"""docs/reference.md and docs/states.md, written by `make docs` from what a live database says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from psycopg.rows import dict_row

from mixpay_db import database, described, errors

_DOCS = Path(__file__).resolve().parent.parent / "docs"
REFERENCE = _DOCS / "reference.md"
STATES = _DOCS / "states.md"

_DOMAINS = """
select t.typname as name, format_type(t.typbasetype, null) as type,
       obj_description(t.oid, 'pg_type') as comment
from pg_catalog.pg_type as t
where t.typnamespace = 'mixpay'::regnamespace and t.typtype = 'd'
order by t.oid
"""
# In the order of a life: what comes into being, then what becomes of it.
_TRANSITIONS = """
select entity, from_state, to_state, cause
from mixpay.state_transitions
order by
    array_position(
        array[
            'trade', 'order', 'payment', 'refund', 'channel_refund', 'return', 'chargeback',
            'release', 'dispute', 'split', 'repricing', 'settlement', 'repayment', 'adjustment',
            'channel_fee', 'channel_payout'
        ],
        entity
    ),
    from_state collate "C", to_state collate "C"
"""


def reference(conn: psycopg.Connection[Any]) -> str:
    """The reference of the database that this connection is to."""

    functions = described.functions(conn)
    return (
        _environment()
        .get_template("reference.md.j2")
        .render(
            functions=functions,
            views=described.relations(conn, "v"),
            tables=described.relations(conn, "r"),
            types=described.relations(conn, "c"),
            domains=_ask(conn, _DOMAINS),
            errors=[
                {
                    "code": code,
                    "name": error.__name__,
                    "meaning": error.__doc__,
                    "functions": [f["name"] for f in functions if code in f["comment"]],
                }
                for code, error in sorted(errors.CLASSES.items())
            ],
        )
    )


def states(conn: psycopg.Connection[Any]) -> str:
    """The legal changes of state, as diagrams and tables."""
    transitions = _ask(conn, _TRANSITIONS)
    entities = dict.fromkeys(transition["entity"] for transition in transitions)
    return (
        _environment()
        .get_template("states.md.j2")
        .render(
            entities={
                entity: [transition for transition in transitions if transition["entity"] == entity]
                for entity in entities
            }
        )
    )


def _ask(conn: psycopg.Connection[Any], query: str) -> list[dict[str, Any]]:
    return conn.cursor(row_factory=dict_row).execute(query.encode()).fetchall()


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mixpay_db"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        paragraphs=_paragraphs,
        argument=_argument,
        cell=_cell,
        own=_own,
        label=_label,
        of=described.table_of,
    )
    return environment


def _paragraphs(comment: str) -> str:
    """A function's comment: Locks and Raises on lines of their own, each code a link."""
    text = re.sub(r"\n+(Locks|Raises):", r"\n\n**\1:**", comment.strip())
    return re.sub(r"\b(MX\d{3})\b", lambda m: f"[{m[1]}](#{m[1].lower()})", text)


def _argument(text: str) -> str:
    """As it was written: the catalog shouts, and casts what needs no cast."""
    declaration, default, value = text.partition(" DEFAULT ")
    value = re.sub(r"::.*", "", value).replace("NULL", "null")
    return _own(declaration) + default.lower() + value


def _cell(text: str | None) -> str:
    """Of a table, which is one line and has bars between its cells."""
    return (text or "").replace("\n", " ").replace("|", "\\|")


def _label(text: str) -> str:
    """Of a Mermaid transition, which ends at ; or : and where %% begins a comment and < a tag."""
    return re.sub(r"[^\w ,.'()/-]", lambda m: f"#{ord(m[0])};", text)


def _own(type_name: str) -> str:
    return type_name.removeprefix("mixpay.").replace("timestamp with time zone", "timestamptz")


def main() -> None:
    # Needed here alone: whoever only reads has no server.
    from mixpay_db.embedded import EmbeddedServer

    with EmbeddedServer() as server, psycopg.connect(server.url("postgres")) as conn:
        database.install(conn)
        REFERENCE.write_text(reference(conn), encoding="utf-8")
        STATES.write_text(states(conn), encoding="utf-8")


if __name__ == "__main__":
    main()
