"""TypeScript's types of what `described` tells."""

from __future__ import annotations

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

# What node-postgres and postgres.js make of a value, and what they take for one.
_OUT = {
    "text": "string",
    "bigint": "Bigint",
    "numeric": "string",
    "boolean": "boolean",
    "timestamp with time zone": "Date",
    "date": "Date",
    "interval": "Interval",
    "xid8": "string",
    "pg_snapshot": "string",
    "jsonb": "Json",
}
_IN = {
    **_OUT,
    "bigint": "Whole",
    "timestamp with time zone": "Date | string",
    "interval": "string",
}


def render(told: dict[str, Any], bigint: str = "string") -> str:
    """A module without imports: nothing of it but the names of the errors is there at run time."""
    environment = Environment(
        loader=PackageLoader("mixpay_db"),
        autoescape=False,  # noqa: S701 - it is no HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(pascal=_pascal, out=_out, into=_into, line=_line)
    return environment.get_template("types.ts.j2").render(**told, bigint=bigint)


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _out(column: dict[str, Any]) -> str:
    """A column that nobody says is never null may be null."""
    return _typed(_OUT, column["type"]) + (" | null" if column["nullable"] is not False else "")


def _into(parameter: dict[str, Any]) -> str:
    return _typed(_IN, parameter["type"]) + (" | null" if parameter["nullable"] else "")


def _typed(types: dict[str, str], name: str) -> str:
    element = types[name.removesuffix("[]")]
    if not name.endswith("[]"):
        return element
    return f"({element})[]" if " " in element else f"{element}[]"


def _line(comment: str | None) -> str:
    """Of a doc comment, which ends at */."""
    return re.sub(r"\s+", " ", comment or "").replace("*/", "* /").strip()
