"""What a live database has for callers, told in plain data: calls, rows, views and errors.

docs/reference.md and `mixpay types` are written from it.
"""

from __future__ import annotations

import re
from dataclasses import fields
from types import NoneType
from typing import Any, get_args

import psycopg
from psycopg.rows import dict_row

from mixpay_db import calls, errors

# In the order in which they were made, which is that of the contents files.
_FUNCTIONS = """
select p.proname as name, pg_get_function_result(p.oid) as result,
       string_to_array(pg_get_function_arguments(p.oid), ', ') as arguments,
       obj_description(p.oid, 'pg_proc') as comment,
       p.proargnames as names, p.proargtypes::regtype[]::text[] as types,
       p.pronargs - p.pronargdefaults as required, p.proretset as is_set, t.typname as row
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_type as t on t.oid = p.prorettype
where p.pronamespace = 'mixpay'::regnamespace and p.proname not like '\\_%'
order by p.oid
"""
_RELATIONS = """
select c.relname as name, obj_description(c.oid, 'pg_class') as comment,
       coalesce(obj_description(c.reltype, 'pg_type'), '') as type_comment,
       array(
           select jsonb_build_object(
               'name', a.attname, 'type', format_type(a.atttypid, null),
               'nullable', not a.attnotnull, 'comment', col_description(c.oid, a.attnum)
           )
           from pg_catalog.pg_attribute as a
           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
           order by a.attnum
       ) as columns
from pg_catalog.pg_class as c
where c.relnamespace = 'mixpay'::regnamespace and c.relkind = %s and left(c.relname, 1) <> '_'
order by c.oid
"""


def functions(conn: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    return conn.cursor(row_factory=dict_row).execute(_FUNCTIONS).fetchall()


def relations(conn: psycopg.Connection[Any], kind: str) -> list[dict[str, Any]]:
    """Tables (r), views (v) or types of rows (c), each with its columns."""
    return conn.cursor(row_factory=dict_row).execute(_RELATIONS, [kind]).fetchall()


def table_of(comment: str) -> str | None:
    """The table whose row a type is, by the type's comment."""
    found = re.match(r"A row of (\w+),", comment)
    return found and found[1]


def describe(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    """All of it. Whether something may be null is null itself where nobody says."""
    made = functions(conn)
    found = {r["name"]: r for kind in "rvc" for r in relations(conn, kind)}
    results = dict.fromkeys(function["row"] for function in made)
    return {
        "calls": [_call(function) for function in made],
        "rows": [_row(name, found) for name in results],
        "views": [_row(view["name"], found) for view in relations(conn, "v")],
        "errors": [
            {
                "code": code,
                "name": error.__name__,
                "meaning": error.__doc__,
                "raised_by": [f["name"] for f in made if code in f["comment"]],
            }
            for code, error in sorted(errors.CLASSES.items())
        ],
    }


def _call(function: dict[str, Any]) -> dict[str, Any]:
    comment = function["comment"].strip()
    return {
        "name": function["name"],
        "comment": comment,
        "parameters": [
            {
                "name": name,
                "type": kind,
                "optional": place >= function["required"],
                "nullable": NoneType in get_args(parameter.annotation),
            }
            for place, (name, kind, parameter) in enumerate(
                zip(
                    function["names"] or [],
                    function["types"],
                    calls.arguments(calls.CALLS[function["name"]]),
                    strict=True,
                )
            )
        ],
        "returns": function["row"],
        "returns_many": function["is_set"],
        "raises": sorted(set(re.findall(r"\bMX\d{3}\b", comment))),
    }


def _row(name: str, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    relation = found[name]
    table = found.get(table_of(relation["type_comment"]) or name, relation)
    known = _nullable(name)
    return {
        "name": name,
        "comment": relation["comment"] or relation["type_comment"] or table["comment"],
        "columns": [
            {
                "name": column["name"],
                "type": column["type"],
                "nullable": known.get(column["name"]),
                "comment": column["comment"] or of_table["comment"],
            }
            for column, of_table in zip(relation["columns"], table["columns"], strict=True)
        ],
    }


def _nullable(name: str) -> dict[str, bool]:
    """Of what calls return the wrapper knows it; of any other view nobody does."""
    classes = {calls.row(call) for call in calls.CALLS.values()}
    for row in classes:
        if re.sub(r"\B([A-Z])", r"_\1", row.__name__).lower() in (name, name.removesuffix("s")):
            return {field.name: NoneType in get_args(field.type) for field in fields(row)}
    return {}
