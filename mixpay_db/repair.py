"""Owners and grants as this version has them, in a database that was restored without them.

Nothing else is changed: no definition, no comment, no row, and nothing that others have granted.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import psycopg
from psycopg.rows import tuple_row

from mixpay_db import catalog, replaceable
from mixpay_db.replaceable import Changes, Code, Statement

_OWNED = Path(__file__).with_name("owned.sql").read_text(encoding="utf-8")
_Owned = dict[str, tuple[str, bool]]
Standing = tuple[_Owned, Code]


def read(conn: psycopg.Connection) -> Standing:
    """What belongs to whom, and who may use it."""
    return _owned(conn), replaceable.read(conn)


def read_fresh(conn: psycopg.Connection) -> Standing:
    """As this version makes it."""
    with catalog.fresh_installation(conn):
        return read(conn)


def changes(live: Standing, fresh: Standing) -> Changes:
    """What puts them back; what is no object of this version stays whose it is."""
    todo = Changes()
    given: Counter[str] = Counter()
    for name, (owner, waits) in live[0].items():
        wanted = fresh[0].get(name, (owner, waits))[0]
        if wanted != owner:
            given[f"give to {wanted} what was {owner}'s: {name.split()[0]}"] += 1
            todo.after.append(Statement(f"reset role;\nalter {name} owner to {wanted}", waits))
            if name.startswith("table "):
                todo.tables.append(name.removeprefix("table "))
    both = live[1].objects & fresh[1].objects
    replaceable.regrant(todo, _only(live[1], both), _only(fresh[1], both), set(), False)
    missing = fresh[1].grants - live[1].grants
    beyond = {grant for grant in live[1].grants - fresh[1].grants if _is_ours(grant, fresh[1])}
    for verb, to, grants in (("grant", "to", missing), ("revoke", "from", beyond)):
        for grant in grants:
            if grant.object in both:
                # On a view one grants as on a table, and on tables we grant nothing.
                kind = grant.object.split()[0].replace("table", "view")
                given[f"{verb} {grant.privilege} {to} {grant.grantee}: {kind}"] += 1
    todo.told = [f"{what}, {count}" for what, count in sorted(given.items())]
    return todo


def _is_ours(grant: replaceable.Grant, fresh: Code) -> bool:
    return grant.grantee == "public" or grant.grantee in {g.grantee for g in fresh.grants}


def _only(code: Code, objects: set[str]) -> Code:
    grants = {grant for grant in code.grants if grant.object in objects}
    return Code(code.pieces, objects=objects, grants=grants)


def _owned(conn: psycopg.Connection) -> _Owned:
    with conn.transaction(force_rollback=True):  # for the path's sake, which spells names in full
        conn.execute("set local search_path = pg_catalog")
        found = conn.cursor(row_factory=tuple_row).execute(_OWNED).fetchall()
    return {name: (owner, waits) for name, owner, waits, _ in found}
