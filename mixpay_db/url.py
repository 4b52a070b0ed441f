"""The database's URL, as the user wrote it: what is wrong with it is told without its password."""

import re

import psycopg
from psycopg.conninfo import conninfo_to_dict

from mixpay_db.problem import Problem

_HINT = (
    "Write postgresql://user:password@host:port/database, with each @ / ? # % and blank of the"
    " password as %40 %2F %3F %23 %25 %20; or host=… user=… password='…' dbname=…"
)


def checked(url: str) -> str:
    """The same, if libpq can read it, and does not take a part of a password for something else.

    What libpq says about it may hold the password, or what it takes for a host or a port.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise Problem("the URL of the database cannot be read", _HINT) from None
    if "://" in url:
        if any("@" in str(parts.get(name, "")) for name in ("host", "port", "dbname")):
            raise Problem("the URL of the database has more than one @", _HINT)
        if not re.fullmatch(r"[0-9,]*", str(parts.get("port", ""))):
            raise Problem("the port in the URL of the database is no number", _HINT)
    return url


def without_passwords(text: str) -> str:
    """Somebody's words with what stands between :// and the last @ left out."""
    return re.sub(r"(://)\S*@", r"\1…@", text)
