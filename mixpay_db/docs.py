"""docs/reference.md, states.md and tables.md, written from what a live database says.

And docs/statements.md, from what the formats say.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from psycopg.rows import dict_row

from mixpay_db import database, described, errors
from mixpay_db.statements import formats
from mixpay_db.statements.mapped import COLUMNS, KEYS

_DOCS = Path(__file__).resolve().parent.parent / "docs"
REFERENCE = _DOCS / "reference.md"
STATES = _DOCS / "states.md"
TABLES = _DOCS / "tables.md"
STATEMENTS = _DOCS / "statements.md"
# Each table has one subject, which is a picture of its own.
SUBJECTS = {
    "Shared by all merchants": ["currencies", "channels", "state_transitions"],
    "Whose money": ["merchants", "payees", "orders", "repricings", "routes"],
    "Money in": ["trades", "trade_orders", "order_totals", "payments"],
    "Money back": [
        "returns",
        "chargebacks",
        "refunds",
        "refund_details",
        "channel_refunds",
        "bounced_transfers",
        "anomalies",
        "anomaly_resolutions",
    ],
    "Escrow and splits": ["releases", "disputes", "splits", "split_receivers", "split_shares"],
    "Payouts and accounts": [
        "settlements",
        "repayments",
        "adjustments",
        "channel_fees",
        "channel_payouts",
    ],
    "Reconciliation": [
        "reconciled_accounts",
        "statements",
        "statement_lines",
        "statement_totals",
        "line_matches",
        "unmatched_lines",
        "unmatched_items",
        "result_changes",
        "resolutions",
    ],
    "What happened": ["facts", "epochs", "notes"],
    "Sums": ["balance_folds", "folded_balances", "closed_periods", "closed_balances"],
}

_AMOUNTS = ("amount", "positive_amount", "signed_amount")

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

_FOREIGN_KEYS = """
select f.conrelid::regclass::text as referencing, f.confrelid::regclass::text as referenced,
       array(
           select a.attname
           from unnest(f.conkey) with ordinality as k (attnum, place)
           inner join pg_catalog.pg_attribute as a
               on a.attrelid = f.conrelid and a.attnum = k.attnum
           order by k.place
       ) as columns,
       exists (
           select from unnest(f.conkey) as k (attnum)
           inner join pg_catalog.pg_attribute as a
               on a.attrelid = f.conrelid and a.attnum = k.attnum
           where not a.attnotnull
       ) as may_be_null,
       exists (
           select from pg_catalog.pg_index as i
           where i.indrelid = f.conrelid and i.indisunique and i.indpred is null
               and i.indkey::smallint[] <@ f.conkey
       ) as at_most_one
from pg_catalog.pg_constraint as f
where f.contype = 'f' and f.connamespace = 'mixpay'::regnamespace and f.conparentid = 0
order by f.conrelid, f.conname
"""
_PRIMARY_KEYS = """
select i.indrelid::regclass::text as name, array_agg(a.attname::text) as columns
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on c.oid = i.indrelid
inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = any(i.indkey)
where i.indisprimary and c.relnamespace = 'mixpay'::regnamespace
group by i.indrelid
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


def tables(conn: psycopg.Connection[Any]) -> str:
    """Each subject's tables, their keys and what they point to."""
    keys = {_own(key["name"]): key["columns"] for key in _ask(conn, _PRIMARY_KEYS)}
    arrows = [_arrow(foreign_key) for foreign_key in _ask(conn, _FOREIGN_KEYS)]
    points = {(arrow["referencing"], c) for arrow in arrows for c in arrow["names"]}
    found = {
        table["name"]: {
            "name": table["name"],
            "comment": table["comment"],
            "columns": [
                {
                    "name": column["name"],
                    "type": _own(column["type"]).replace(" ", "_"),
                    "marks": ", ".join(marks),
                }
                for column in table["columns"]
                if (marks := _marks(table["name"], column["name"], keys, points))
                or column["name"] == "state"
                or _own(column["type"]) in _AMOUNTS
            ],
        }
        for table in described.relations(conn, "r")
    }
    groups = [
        {
            "title": subject,
            "tables": [found.pop(name) for name in names],
            "arrows": [arrow for arrow in arrows if arrow["referencing"] in names],
        }
        for subject, names in SUBJECTS.items()
    ]
    if found:
        raise ValueError(f"SUBJECTS names no subject of {', '.join(found)}")
    return _environment().get_template("tables.md.j2").render(groups=groups)


def _marks(
    table: str, column: str, keys: dict[str, list[str]], points: set[tuple[str, str]]
) -> list[str]:
    return ["PK"] * (column in keys.get(table, [])) + ["FK"] * ((table, column) in points)


def _arrow(foreign_key: dict[str, Any]) -> dict[str, Any]:
    """A foreign key as Mermaid draws it."""
    names = foreign_key["columns"]
    return {
        "referencing": _own(foreign_key["referencing"]),
        "referenced": _own(foreign_key["referenced"]),
        "names": names,
        "columns": ", ".join(name for name in names if name != "merchant_id" or len(names) == 1),
        "one": "|o" if foreign_key["may_be_null"] else "||",
        "many": "o|" if foreign_key["at_most_one"] else "o{",
    }


def statements() -> str:
    """What each format of statements is, and how it is read."""
    return (
        _environment()
        .get_template("statements.md.j2")
        .render(formats=formats(), map_columns=COLUMNS, map_keys=KEYS)
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
        anchor=_anchor,
        paragraphs=_paragraphs,
        argument=_argument,
        cell=_cell,
        own=_own,
        label=_label,
        of=described.table_of,
    )
    return environment


def _anchor(heading: str) -> str:
    """As GitHub and the site make it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-")


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
        TABLES.write_text(tables(conn), encoding="utf-8")
    STATEMENTS.write_text(statements(), encoding="utf-8")


if __name__ == "__main__":
    main()
