"""Views, functions and triggers: what makes those of a database those of this version.

What this version has is read from a fresh installation, made beside the live one and rolled back:
so both are told by the same server, in the same words, however the live one came to be. What is
the same is left alone; what can be replaced in place is; only the rest is dropped, and what others
have granted on it is put back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row, tuple_row

from mixpay_db import catalog
from mixpay_db.problem import Problem


def _query(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")


_PIECES, _GRANTED, _DEPENDENTS, _LEFT = map(
    _query, ("replaceable", "granted", "dependents", "left")
)
_VIEW = re.compile(r"^create (?:or replace )?view mixpay\.(\w+)\b(.*?);[ \t]*$", re.M | re.S)
# What a function was stands beside its gate. What stood in for one is on its way out.
_BEFORE, AFTER = "_before_", "_after_"
_STANDS_IN = "-- It stands in for a function that goes."
_PASSING = re.compile(rf" mixpay\.({_BEFORE}|{AFTER})")
_LONGEST_NAME = 63
_BODY = re.compile(r"\nAS \$function\w*\$")
_AS_OWNER = "set role mixpay_owner"
_OUR_ROLES = ("mixpay_owner", "mixpay_writer", "mixpay_reader", "mixpay_monitor")


class DependentsError(Problem):
    """What others have built upon our code is in the way."""

    def __init__(self, dependents: list[Dependent], missing: list[str]) -> None:
        if missing:
            super().__init__(
                f"nothing by that name is in the way: {', '.join(missing)}",
                "mixpay migrate names what is, without --drop-dependents.",
            )
            return
        names = "".join(f"\n  {d.type} {d.identity}" for d in dependents)
        by_hand = [d.identity for d in dependents if d.drop is None]
        super().__init__(
            f"others depend on what has to be dropped:{names}",
            f"Drop {', '.join(by_hand)} by hand, and make it again afterwards."
            if by_hand
            else "Drop them and make them again afterwards; or say --drop-dependents "
            f"'{','.join(d.identity for d in dependents)}'.",
        )


@dataclass(frozen=True)
class Piece:
    """A view, function or trigger, as the server tells it."""

    kind: str
    oid: int
    classid: int
    name: str
    object: str  # with its kind
    granted: str | None  # how one grants on it
    table: str | None  # of a trigger
    definition: str
    result: str | None
    shape: list[str] | None  # a view's columns, a function's names of parameters
    row: str | None  # the columns of a row type that a function gives
    arguments: int
    defaults: int
    owner: str | None
    column_comments: dict[str, str]
    comment: str | None

    @property
    def gated(self) -> str:
        """Of what stands in a gate: the function that it is of."""
        return self.object.replace(f"mixpay.{_BEFORE}", "mixpay.", 1)

    @property
    def ungated(self) -> str:
        return self.definition.replace(f"FUNCTION mixpay.{_BEFORE}", "FUNCTION mixpay.", 1)

    def told(self) -> tuple[Any, ...]:
        """What counts of it."""
        return self.definition, self.owner, self.comment, self.column_comments

    @property
    def stands_in_a_gate(self) -> bool:
        return self.name.startswith(f"mixpay.{_BEFORE}")

    @property
    def is_on_its_way_out(self) -> bool:
        return self.name.startswith(f"mixpay.{AFTER}")

    def as_before(self) -> Piece:
        """Of what stands in a gate: under the name that it had."""
        return replace(
            self,
            name=self.name.replace(f"mixpay.{_BEFORE}", "mixpay.", 1),
            object=self.gated,
            granted=self.gated,
            definition=self.ungated,
        )

    def can_become(self, other: Piece) -> bool:
        """Whether PostgreSQL replaces it in place."""
        mine, theirs = self.shape or [], other.shape or []
        if self.kind == "view":
            return theirs[: len(mine)] == mine
        if self.kind == "function":
            named = [not name or name == new for name, new in zip(mine, theirs, strict=False)]
            return self.result == other.result and self.defaults <= other.defaults and all(named)
        return True


@dataclass(frozen=True, order=True)
class Grant:
    object: str
    part: str | None
    grantee: str
    privilege: str
    is_grantable: bool

    def revoke(self) -> str:
        return f"revoke {self._what()} from {self.grantee}"

    def __str__(self) -> str:
        return f"{self._what()} to {self.grantee}"

    def _what(self) -> str:
        return f"{self.privilege}{f' ({self.part})' if self.part else ''} on {self.object}"


@dataclass(frozen=True)
class Dependent:
    """What somebody else has built upon our code."""

    classid: int
    objid: int
    type: str
    identity: str
    drop: str | None


@dataclass(frozen=True)
class Code:
    """All of it, and what is granted on it."""

    pieces: dict[str, Piece] = field(default_factory=dict)
    # A view is made by its file's words: the server would tell those of its own differently again.
    words: dict[str, str] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)  # functions at which calls wait
    stand_ins: dict[str, Piece] = field(default_factory=dict)  # instead of those that go
    objects: set[str] = field(default_factory=set)  # on which one can grant
    grants: set[Grant] = field(default_factory=set)

    def has_part(self, grant: Grant) -> bool:
        """Whether the column is there on which something is granted."""
        if grant.part is None:
            return True
        view = self.pieces.get(grant.object.replace("table ", "view ", 1))
        columns = (view.shape if view else None) or []
        return any(column.startswith(f"{grant.part} ") for column in columns)


@dataclass(frozen=True)
class Statement:
    """SQL; `waits` if it locks a relation that calls and readers use."""

    sql: str
    waits: bool = False


@dataclass
class Changes:
    """What is to be done, before and after tables change, and what of it to tell."""

    before: list[Statement] = field(default_factory=list)
    after: list[Statement] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    told_of_others: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)  # whose triggers change
    # What calls that wait meanwhile are told to do: None if they never notice.
    gate: Gate | None = None


@dataclass(frozen=True)
class Gate:
    """Public functions that wait while a change is at work, before they begin.

    A call that has begun finds its helpers and tables changed under it. So for the time of such a
    change each public function is one that first waits until nobody changes anything, and then is
    what it was, or calls what it has become; where that gives other rows, it says 40001, and the
    caller repeats. What it was stands beside it: whoever dies on the way leaves all at work.

    PostgreSQL locks no function between reading a statement and starting it. So one that goes is
    not made a gate itself: it takes another name, and another function stands in for it, with a
    row type of its own. When all transactions have ended that may know the one, it can go; and
    the other, when all have ended that may know that.
    """

    functions: list[Piece]
    going: set[str]
    repeated: set[str]  # what gives other rows afterwards, or is no more
    waiting_room: str
    grants: frozenset[Grant]
    waits_for_all: bool  # until all transactions have ended that are there when it closes

    @classmethod
    def of(
        cls, live: Code, target: Code, dropped: set[str], all_goes: bool, waiting_room: str
    ) -> Gate:
        functions = [
            piece
            for name, piece in live.pieces.items()
            if piece.kind == "function"
            and piece.owner == "mixpay_owner"
            and not piece.name.startswith("mixpay._")
            and piece.result not in ("f trigger", "f event_trigger")
            and name not in live.gated
            and name not in live.stand_ins
            and _BODY.search(piece.definition)
        ]
        results = {(_bare(piece), piece.result, piece.row) for piece in target.pieces.values()}
        views = {live.pieces[n].name for n in dropped if live.pieces[n].kind == "view"}
        repeated = {
            piece.object
            for piece in functions
            if all_goes
            or (_bare(piece), piece.result, piece.row) not in results
            or str(piece.result).split()[-1] in views
        }
        going = {piece.object for piece in functions} & dropped
        return cls(
            functions,
            going,
            repeated,
            waiting_room,
            frozenset(live.grants),
            waits_for_all=bool(going or live.stand_ins) or _are_wider(live, target),
        )

    def close(self) -> str:
        """For the time of the change."""
        return "".join(
            f"{sql};\n"
            for piece in self.functions
            for sql in (self._instead_of(piece) if piece.object in self.going else self._of(piece))
        )

    def _of(self, piece: Piece) -> list[str]:
        before = piece.name.replace("mixpay.", f"mixpay.{_BEFORE}", 1)
        copy = piece.definition.replace("FUNCTION mixpay.", f"FUNCTION mixpay.{_BEFORE}", 1)
        return [
            copy.rstrip(),
            f"revoke all on function {before} from public",
            self._head(piece) + self._body(piece, str(piece.result).partition(" ")[2]),
        ]

    def _instead_of(self, piece: Piece) -> list[str]:
        statements = [f"alter {piece.object} rename to {_unqualified(piece, _BEFORE)}"]
        head, gives = self._head(piece), str(piece.result).partition(" ")[2]
        if piece.row is not None:
            row = f"mixpay.{AFTER}{piece.oid}"
            statements.append(f"create type {row} as ({piece.row})")
            several = "SETOF " if gives.startswith("SETOF ") else ""
            head = head.replace(f"\n RETURNS {gives}\n", f"\n RETURNS {several}{row}\n", 1)
            gives = several + row
        statements.append(head + self._body(piece, gives, _STANDS_IN))
        statements.append(f"revoke all on {piece.object} from public")
        statements += _give(grant for grant in self.grants if grant.object == piece.object)
        return statements

    def _head(self, piece: Piece) -> str:
        head = _BODY.split(piece.definition, maxsplit=1)[0]
        return re.sub(r"\n LANGUAGE \w+", "\n LANGUAGE plpgsql", head)

    def _body(self, piece: Piece, gives: str, remark: str = "") -> str:
        before = piece.name.replace("mixpay.", f"mixpay.{_BEFORE}", 1)
        after = (
            "raise exception 'the database was changed while this call waited' using "
            "errcode = 'serialization_failure', hint = 'Repeat the transaction.';"
            if piece.object in self.repeated
            else _call(piece, _bare(piece))
        )
        return f"""
AS $gate$
{remark}
declare
    v_result {"text" if _gives_nothing(piece) else gives};
begin
    perform from {self.waiting_room} where false;
    if to_regprocedure({sql.Literal(before).as_string()}) is not null then
        {_call(piece, _bare(piece).replace("mixpay.", f"mixpay.{_BEFORE}", 1))}
    else
        {after}
    end if;
end;
$gate$"""


def reopened(live: Code) -> str:
    """What undoes a gate. What stood in it is `left`, for a call may be about to ask for it."""
    in_place = [piece.ungated.rstrip() for piece in live.pieces.values() if piece.stands_in_a_gate]
    back = [statement.sql for statement in _back(live)]
    return "".join(f"{statement};\n" for statement in in_place + back)


def _back(live: Code) -> list[Statement]:
    """What goes has its name again, and what stood in for it steps aside."""
    return [
        Statement(f"{_AS_OWNER};\nalter {old} rename to {new}")
        for name, stand_in in live.stand_ins.items()
        for old, new in (
            (name, _unqualified(stand_in, f"{AFTER}{stand_in.oid}_")),
            (name.replace("mixpay.", f"mixpay.{_BEFORE}", 1), _unqualified(stand_in)),
        )
    ]


def left(conn: psycopg.Connection) -> list[str]:
    """What an upgrade has left for calls that had been read and not begun."""
    with conn.transaction(force_rollback=True):
        conn.execute("set local search_path = pg_catalog")
        return [name for (name,) in conn.cursor(row_factory=tuple_row).execute(_LEFT)]


def _unqualified(piece: Piece, prefix: str = "") -> str:
    return (prefix + _bare(piece).removeprefix("mixpay."))[:_LONGEST_NAME]


def _bare(piece: Piece) -> str:
    """A function's name without its parameters."""
    return piece.name.partition("(")[0]


def _gives_nothing(piece: Piece) -> bool:
    return piece.result == "f void" or str(piece.result).startswith("f SETOF ")


def _call(piece: Piece, name: str) -> str:
    parameters = ", ".join(f"${n}" for n in range(1, piece.arguments + 1))
    using = f" using {parameters}" if parameters else ""
    query = f"'select * from {name}({parameters})'"  # noqa: S608 (our own function)
    if str(piece.result).startswith("f SETOF "):
        return f"return query execute {query}{using};"
    if piece.result == "f void":
        return f"execute {query}{using};"
    return f"execute {query} into v_result{using};\n        return v_result;"


def read(conn: psycopg.Connection) -> Code:
    """What is there; nothing if there is no schema."""
    with conn.transaction(force_rollback=True):  # for the path's sake, which spells names in full
        conn.execute("set local search_path = pg_catalog")
        pieces = conn.cursor(row_factory=class_row(Piece)).execute(_PIECES).fetchall()
        grants = conn.cursor(row_factory=tuple_row).execute(_GRANTED).fetchall()
    code = {piece.object: piece for piece in pieces if not piece.is_on_its_way_out}
    gated, stand_ins = set(), {}
    for piece in pieces:
        gate = code.get(piece.gated)
        if not piece.stands_in_a_gate:
            continue
        if gate is None or _BEFORE not in gate.definition:
            del code[piece.object]  # the gate is gone
        elif _STANDS_IN in gate.definition:
            stand_ins[piece.gated] = gate
            code[piece.gated] = piece.as_before()
            del code[piece.object]
        else:
            gated.add(piece.gated)
            # What has a gate is what it was before.
            code[piece.gated] = replace(gate, definition=piece.ungated)
    ours = [row for row in grants if not _PASSING.search(row[0])]
    return Code(
        code,
        gated=gated,
        stand_ins=stand_ins,
        objects={row[0] for row in ours},
        grants={Grant(*row) for row in ours if row[2] is not None},
    )


def read_fresh(conn: psycopg.Connection, files: str) -> Code:
    """What this version makes, of these files."""
    with catalog.fresh_installation(conn):
        return in_words(read(conn), files)


def in_words(code: Code, files: str) -> Code:
    """With views as these files have them."""
    words = {
        f"view mixpay.{name}": f"create or replace view mixpay.{name}{body}"
        for name, body in _VIEW.findall(files)
    }
    return replace(code, words=words)


def changes(
    conn: psycopg.Connection,
    live: Code,
    target: Code,
    *,
    droppable: Iterable[str] = (),
    all_goes: bool = False,
    waiting_room: str | None = None,
) -> Changes:
    """What makes the one the other; `all_goes` if tables change and code would be in the way.

    The waiting room is a table: who has locked it keeps all calls waiting.
    """
    gone = [
        piece
        for name, piece in live.pieces.items()
        if all_goes or name not in target.pieces or not piece.can_become(target.pieces[name])
    ]
    drops, dropped, theirs = _drops(conn, live, gone, list(droppable), all_goes)
    todo = Changes(
        before=[*_back(live), *drops],
        told_of_others=[f"drop {d.type} {d.identity} (not ours)" for d in theirs],
    )
    for name, piece in live.pieces.items():
        if name in dropped and name not in target.pieces and not piece.stands_in_a_gate:
            todo.told.append(f"drop {name}")
        if piece.kind == "trigger" and (
            name in dropped or piece.told() != target.pieces[name].told()
        ):
            todo.tables.append(str(piece.table))
    for name, piece in target.pieces.items():
        there = None if name in dropped else live.pieces.get(name)
        is_same = there is not None and there.told() == piece.told()
        if is_same and name not in live.gated:
            continue
        if not is_same:
            verb = "create" if there is None else "replace"
            todo.told.append(f"drop and create {name}" if name in dropped else f"{verb} {name}")
        if name in live.gated and there is not None:
            there = replace(there, definition="")  # another body stands in for it
        todo.after += _make(piece, there, target.words.get(name, piece.definition))
        if piece.kind == "trigger" and there is None and name not in live.pieces:
            todo.tables.append(str(piece.table))
    functions_go = any(live.pieces[name].kind == "function" for name in dropped)
    if waiting_room and (functions_go or live.stand_ins or _are_wider(live, target)):
        todo.gate = Gate.of(live, target, dropped, all_goes, waiting_room)
    regrant(todo, live, target, dropped, all_goes)
    return todo


def _are_wider(live: Code, target: Code) -> bool:
    """Whether functions that stay give other columns than before.

    A call of one that is at work meanwhile would give what it does not expect itself (42804).
    """
    return any(
        piece.row != target.pieces[name].row
        for name, piece in live.pieces.items()
        if name in target.pieces
    )


def _drops(
    conn: psycopg.Connection, live: Code, gone: list[Piece], droppable: list[str], all_goes: bool
) -> tuple[list[Statement], set[str], list[Dependent]]:
    """In the order in which nothing stands on what goes; and what else of ours goes with it."""
    if not gone:
        if droppable:
            raise DependentsError([], droppable)
        return [], set(), []
    ours = {(piece.classid, piece.oid): piece for piece in live.pieces.values()}
    given = {"classids": [p.classid for p in gone], "objids": [p.oid for p in gone]}
    with conn.transaction(force_rollback=True):
        conn.execute("set local search_path = pg_catalog")
        found = conn.cursor(row_factory=class_row(Dependent)).execute(_DEPENDENTS, given).fetchall()
    theirs = [d for d in found if (d.classid, d.objid) not in ours]
    missing = [name for name in droppable if name not in {d.identity for d in theirs}]
    if missing:
        raise DependentsError([], missing)
    in_the_way = [d for d in theirs if d.drop is None or d.identity not in droppable]
    if in_the_way:
        raise DependentsError(in_the_way, [])
    dropped = {ours[d.classid, d.objid].object for d in found if (d.classid, d.objid) in ours}
    drops = []
    for dependent in found:
        piece = ours.get((dependent.classid, dependent.objid))
        if piece is None:
            drops.append(Statement(f"reset role;\n{dependent.drop}", waits=True))
        else:
            # When all goes, all tables are locked before: nobody is in a view any more.
            waits = piece.kind == "view" and not all_goes
            drops.append(Statement(f"{_AS_OWNER};\ndrop {piece.object}", waits))
    return drops, dropped, theirs


def _make(piece: Piece, there: Piece | None, words: str) -> list[Statement]:
    """What creates it, or makes what is there like it."""
    statements = []
    # Tables of triggers are locked already, and nobody knows a view that is new.
    waits = piece.kind == "view" and there is not None
    if there is not None and there.owner != piece.owner:
        to_owner = f"reset role;\nalter {piece.object} owner to {piece.owner}"
        statements.append(Statement(to_owner, waits))
    if there is None or there.definition != piece.definition:
        statements.append(Statement(f"{_AS_OWNER};\n{words.rstrip().rstrip(';')}", waits))
    comments: list[tuple[str, str | None]] = [
        (f"column {piece.name}.{sql.Identifier(column).as_string()}", comment)
        for column, comment in piece.column_comments.items()
        if there is None or there.column_comments.get(column) != comment
    ]
    if there is not None:
        comments += [
            (f"column {piece.name}.{sql.Identifier(column).as_string()}", None)
            for column in there.column_comments
            if column not in piece.column_comments
        ]
    if piece.comment != (there.comment if there else None):
        comments.append((piece.object, piece.comment))
    for what, comment in comments:
        text = sql.Literal(comment).as_string() if comment is not None else "null"
        statements.append(Statement(f"{_AS_OWNER};\ncomment on {what} is {text}", waits))
    return statements


def regrant(todo: Changes, live: Code, target: Code, dropped: set[str], all_goes: bool) -> None:
    """Our grants as this version has them; those of others as they were."""
    ours = {"public", *_OUR_ROLES}
    anew = {target.pieces[name].granted for name in dropped & target.pieces.keys()}
    # A view that comes anew has a row type that does.
    anew |= {name.replace("table ", "type ", 1) for name in anew if name}
    if all_goes:
        anew |= {name for name in target.objects if name.startswith("type ")}
    anew |= target.objects - live.objects
    staying = {grant for grant in live.grants if grant.object not in anew}
    wanted = target.grants - staying
    for grant in sorted(live.grants, key=str):
        stands = grant.object in target.objects and target.has_part(grant)
        if grant.grantee in ours:
            if stands and grant in staying and grant not in target.grants:
                todo.after.append(Statement(f"{_AS_OWNER};\n{grant.revoke()}"))
        elif not stands:
            todo.told_of_others.append(f"gone with it: {grant}")
        elif grant not in staying:
            wanted.add(grant)
            todo.told_of_others.append(f"put back {grant}")
    new = sorted(name for name in target.objects & anew if not name.startswith("table "))
    for kind, names in _by_kind(new):
        todo.after.append(Statement(f"{_AS_OWNER};\nrevoke all on {kind} {names} from public"))
    todo.after += [Statement(f"{_AS_OWNER};\n{words}") for words in _give(wanted)]


def _give(grants: Iterable[Grant]) -> Iterator[str]:
    """The same grant on many things is one statement."""
    alike: dict[tuple[str, str], list[str]] = {}
    for grant in sorted(grants, key=str):
        what = f"{grant.privilege} ({grant.part})" if grant.part else grant.privilege
        to = f"{grant.grantee} with grant option" if grant.is_grantable else grant.grantee
        alike.setdefault((what, to), []).append(grant.object)
    for (what, to), objects in alike.items():
        for kind, names in _by_kind(objects):
            yield f"grant {what} on {kind} {names} to {to}"


def _by_kind(objects: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Of things with their kinds: each kind, and a list of their names."""
    named = sorted(name.partition(" ")[::2] for name in objects)
    for kind, group in groupby(named, key=lambda one: one[0]):
        yield kind, ", ".join(name for _, name in group)
