"""`mixpay web`: the books on pages, read only. A Flask application that any WSGI server serves."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import psycopg
from flask import Flask, Response, abort, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from mixpay_db.pictures import books, pages, words
from mixpay_db.problem import LACKS, MIGRATE, Problem

# Who is asked by a name of this machine only is not asked by a page of somebody else's site whose
# name was made to lead here.
LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
# So many pages at once: each has a session of its own.
_AT_ONCE = 4
_HEADERS = {
    "Content-Security-Policy": pages.policy("'self'", "'self'") + "; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _Site:
    """Where the links of a page lead: to the same merchant, language, zone and period."""

    style = "/style.css"

    def __init__(self, language: str) -> None:
        self.language = language
        self.zone = request.args.get("zone")
        self.asked = request.args.get("q", "")
        self.home = self._url("/")
        self.languages = list(words.LANGUAGES.items())

    def href(self, kind: str, number: str | None) -> str:
        merchant = request.args.get("m", "")
        if kind == "merchant":
            return self._url("/merchant", m=merchant)
        return self._url(f"/{kind}", m=merchant, no=number)

    def merchant(self, merchant: str) -> str:
        return self._url("/merchant", m=merchant)

    def checking(self) -> str:
        return f"{request.path}?{urlencode({**request.args, 'checks': '1'})}#integrity"

    def in_language(self, language: str) -> str:
        return f"{request.path}?{urlencode({**request.args, 'lang': language})}"

    def _url(self, path: str, **of: str | None) -> str:
        named = {**of, "zone": self.zone, "lang": self.language}
        return f"{path}?{urlencode({name: text for name, text in named.items() if text})}"


def create_app(
    url: str, *, hosts: list[str] | None = None, zone: str | None = None, language: str = "en"
) -> Flask:
    """The pages of the database that the URL leads to. hosts: by which names it may be asked."""
    app = Flask("mixpay_db", static_folder=None)
    turns = threading.BoundedSemaphore(_AT_ONCE)

    def chosen() -> str:
        asked = request.args.get("lang")
        if asked in words.LANGUAGES:
            return str(asked)
        # zh-CN and zh-Hant are zh.
        wanted = (value.partition("-")[0].lower() for value in request.accept_languages.values())
        return next((value for value in wanted if value in words.LANGUAGES), language)

    @contextmanager
    def looking(*, merchant: bool = True) -> Iterator[tuple[books.Connection, pages.Page]]:
        with turns, books.session(url, request.args.get("zone") or zone) as conn:
            whose = books.the_merchant(conn, request.args.get("m", "")) if merchant else None
            yield conn, page(books.now(conn), books.zone_of(conn), whose)

    def page(now: datetime, zone: str, merchant: books.Row | None = None) -> pages.Page:
        return pages.Page(chosen(), now, zone, merchant, _Site(chosen()))

    @app.before_request
    def only_what_is_meant() -> None:
        # Flask's TRUSTED_HOSTS knows no IPv6.
        if hosts is not None and re.sub(r":\d*$", "", request.host) not in hosts:
            abort(400)
        # PostgreSQL has no such character, so nothing on record has one.
        if any("\0" in value for value in request.args.values()):
            raise Problem("what was asked for has a character that no number has")

    @app.get("/style.css")
    def style() -> Response:
        return Response(pages.style(), mimetype="text/css")

    @app.get("/")
    def home() -> str | AnyResponse:
        with looking(merchant=False) as (conn, told):
            merchants = books.merchants(conn)
            if len(merchants) == 1:
                return redirect(_Site(chosen()).merchant(merchants[0]["merchant_id"]))
            return pages.home(told, merchants)

    @app.get("/merchant")
    def merchant() -> str:
        with looking() as (conn, told):
            first, last = _period(books.now(conn).date())
            with_checks = "checks" in request.args
            found = books.merchant(conn, request.args["m"], first, last)
        checked = books.checks(url, request.args["m"]) if with_checks else None
        return pages.merchant(told, found, checked)

    @app.get("/trade")
    def trade() -> str:
        with looking() as (conn, told):
            return pages.trade(told, books.trade(conn, *_key()))

    @app.get("/order")
    def order() -> str:
        with looking() as (conn, told):
            return pages.order(told, books.order(conn, *_key()))

    @app.get("/refund")
    def refund() -> str:
        with looking() as (conn, told):
            return pages.refund(told, books.refund(conn, *_key()))

    @app.get("/search")
    def search() -> str | AnyResponse:
        number = request.args.get("q", "").strip()
        with looking() as (conn, told):
            found = books.search(conn, request.args["m"], number) if number else []
            pages_of = {(row["page"], row["target"]) for row in found}
            if len(pages_of) == 1 and found[0]["page"] and found[0]["number"] == number:
                return redirect(_Site(chosen()).href(*pages_of.pop()))
            return pages.search(told, number, found)

    def refused(what: str, status: int, *told: str) -> tuple[str, int]:
        shown = page(datetime.now(UTC), "UTC")
        return pages.problem(shown, what, *told), status

    @app.errorhandler(HTTPException)
    def not_found(error: HTTPException) -> Any:
        if error.code != 404:
            return Response(f"{error.name}\n", error.code, mimetype="text/plain")
        return refused("not_found", 404)

    @app.errorhandler(Problem)
    def problem(error: Problem) -> Any:
        if isinstance(error, books.NotOnRecord):
            return refused("not_found", 404, str(error))
        if error.hint == MIGRATE:
            return refused("older", 503)
        return refused("refused", 400, *filter(None, [str(error), error.hint]))

    @app.errorhandler(psycopg.Error)
    def failed(error: psycopg.Error) -> Any:
        if error.sqlstate in LACKS:
            return refused("older", 503)
        # What libpq says of a connection names the server; only what the server says is told.
        told = error.diag.message_primary if error.sqlstate else ""
        return refused("refused", 503, told or "The database does not answer.")

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.update(_HEADERS)
        return response

    return app


def _key() -> tuple[str, str]:
    number = request.args.get("no")
    if not number:
        abort(404)
    return request.args["m"], number


def _period(today: date) -> tuple[date, date]:
    """Both days included; without: the last thirty."""
    last = _day("to") or today
    try:
        return _day("from") or last - timedelta(days=29), last
    except OverflowError:
        raise Problem(f"{last} is no day of any books") from None


def _day(name: str) -> date | None:
    text = request.args.get(name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Problem(f"{text!r:.40} is no day", "Write it as in 2026-11-28.") from None
