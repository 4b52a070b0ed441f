"""How a Python signature becomes a call of the SQL function of the same name.

A function of `mixpay_db.api` is nothing but a signature. `call` makes it run, on either kind of
connection: on the caller's own, in the caller's own transaction.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    ParamSpec,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    overload,
)

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mixpay_db import resources

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Kind = Literal["text", "number", "flag", "moment", "interval", "texts", "json"]
_KINDS: dict[type, Kind] = {
    str: "text",
    int: "number",
    bool: "flag",
    datetime: "moment",
    timedelta: "interval",
}

Connection = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]


class Call(Protocol[P, R_co]):
    """Calls on a connection; on an asynchronous one, what comes back has to be awaited."""

    __name__: str

    @overload
    def __call__(
        self, conn: psycopg.Connection[Any], /, *args: P.args, **kwargs: P.kwargs
    ) -> R_co: ...
    @overload
    def __call__(
        self, conn: psycopg.AsyncConnection[Any], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[R_co]: ...


# All of them by name.
CALLS: dict[str, Call[..., Any]]
_MADE: dict[str, Call[..., Any]] = {}


def __getattr__(name: str) -> Any:
    """`CALLS`: whoever asks for it has them made first."""
    if name != "CALLS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_module("mixpay_db.api")
    return _MADE


def call(stub: Callable[P, R]) -> Call[P, R]:
    """Makes a signature call the SQL function of its name, with the arguments that are given.

    What the caller leaves out is left to the server's default; the stub's own says which that is.
    """
    name = stub.__name__
    signature = inspect.signature(stub, eval_str=True)
    parameters = signature.parameters
    many, row_class = _returned(signature)
    columns = ", ".join(field.name for field in fields(row_class))

    @cache
    def query(given: tuple[str, ...]) -> bytes:
        arguments = ", ".join(f"p_{argument} => %({argument})s" for argument in given)
        # By name, not by *: a server that is one release ahead may return a column more.
        return f"select {columns} from mixpay.{name}({arguments})".encode()  # noqa: S608

    async def fetch_async(
        conn: psycopg.AsyncConnection[Any], given: tuple[str, ...], values: Mapping[str, Any]
    ) -> Any:
        async with psycopg.AsyncCursor(conn, row_factory=class_row(row_class)) as cursor:
            await cursor.execute(query(given), values)
            return await (cursor.fetchall() if many else cursor.fetchone())

    # The caller may have changed the connection's row and cursor factories: these are our own.
    def run(conn: Connection, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        arguments = signature.bind(*args, **kwargs).arguments
        given = tuple(arguments)
        values = {key: _adapt(parameters[key], value) for key, value in arguments.items()}
        if isinstance(conn, psycopg.AsyncConnection):
            return fetch_async(conn, given, values)
        with psycopg.Cursor(conn, row_factory=class_row(row_class)) as cursor:
            cursor.execute(query(given), values)
            return cursor.fetchall() if many else cursor.fetchone()

    run.__name__ = name
    run.__qualname__ = name
    run.__module__ = stub.__module__
    run.__doc__ = in_python(comment("functions", "function", name))
    run.__annotations__ = {**inspect.get_annotations(stub, eval_str=True), "conn": Connection}
    conn = inspect.Parameter("conn", inspect.Parameter.POSITIONAL_ONLY, annotation=Connection)
    run.__signature__ = signature.replace(parameters=[conn, *parameters.values()])  # type: ignore[attr-defined]
    _MADE[name] = run
    return run


def arguments(function: Call[..., Any]) -> list[inspect.Parameter]:
    """The parameters of the SQL function, as the signature has them: all but the connection."""
    return list(inspect.signature(function).parameters.values())[1:]


def row(function: Call[..., Any]) -> type[Any]:
    """The class of what it returns, or returns a list of."""
    return _returned(inspect.signature(function))[1]


def _returned(signature: inspect.Signature) -> tuple[bool, type[Any]]:
    returned = signature.return_annotation
    return (True, get_args(returned)[0]) if get_origin(returned) is list else (False, returned)


def kind(parameter: inspect.Parameter) -> Kind:
    """Of what type the SQL parameter is, told by the annotation."""
    annotations = get_args(parameter.annotation)
    if get_origin(parameter.annotation) not in (Union, UnionType):
        annotations = (parameter.annotation,)
    annotation = next(a for a in annotations if a is not NoneType)
    if get_origin(annotation) is Mapping:
        return "json"
    if get_origin(annotation) is Sequence:
        return "texts" if get_args(annotation) == (str,) else "json"
    return _KINDS[annotation]


def comment(folder: str, kind: str, name: str) -> str:
    """The comment that the file of a function or view in sql/ gives to it."""
    path = _files(resources.sql_dir() / folder)[name]
    text = path.read_text(encoding="utf-8")
    found = re.search(
        # One literal, or several below one another, which SQL reads as one.
        rf"^comment on {kind} mixpay\.{name}\b[^$']*?is\s+"
        r"(?:\$\$(.*?)\$\$|'((?:[^']|'')*(?:'\n'(?:[^']|'')*)*)');",
        text,
        re.DOTALL | re.MULTILINE,
    )
    if found is None:
        raise LookupError(f"{path} gives no comment to {kind} {name}")
    return (found[1] or found[2].replace("'\n'", "").replace("''", "'")).strip()


@cache
def _files(folder: Path) -> dict[str, Path]:
    """By the names of what they make; functions stand in folders by subject."""
    return {path.stem: path for path in folder.rglob("*.sql")}


def in_python(text: str) -> str:
    """A comment that names parameters as SQL does, naming them as Python does."""
    return re.sub(r"\bp_(?=[a-z])", "", text)


def _adapt(parameter: inspect.Parameter, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, datetime) and value.tzinfo is None:
        # The server would take it for the time of whatever zone its session is in.
        raise ValueError(f"{parameter.name} must name its offset from UTC: {value!r} has no tzinfo")
    match kind(parameter):
        case "json":
            return Jsonb(value, dumps=_dumps)
        case "texts" if not isinstance(value, str):
            return list(value)
    return value


def _dumps(value: Any) -> str:
    # Decimals become texts and naive moments stay naive: the server refuses both, and says why.
    return json.dumps(value, default=_jsonable, ensure_ascii=False, allow_nan=False)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)
