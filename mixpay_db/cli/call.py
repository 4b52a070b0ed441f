"""`mixpay call`: the functions of mixpay_db.api as commands, made from their signatures."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import datetime
from types import NoneType
from typing import Any, NoReturn, get_args

import click
import psycopg

from mixpay_db import calls
from mixpay_db.cli.common import EITHER_DASH, connect_url, json_option, url_option
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import echo_json, echo_record, echo_table


class _Calls(click.Group):
    def list_commands(self, _: click.Context) -> list[str]:
        return list(calls.CALLS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        function = calls.CALLS.get(name.replace("-", "_"))
        return _command(function) if function else None


@click.group(
    cls=_Calls,
    context_settings=EITHER_DASH,
    epilog=examples(
        "mixpay call refund_order --help",
        "mixpay call refund_order --merchant-id mall --order-no A --refund-no R-1 --amount 4500",
        "mixpay call merge-orders --merchant-id mall --orders @orders.json --json",
    ),
)
def call() -> None:
    """Call a function of the database, in a transaction of its own."""


def _command(function: calls.Call[..., Any]) -> click.Command:
    @json_option
    @url_option
    @click.pass_context
    def run(ctx: click.Context, as_json: bool, **options: Any) -> None:
        arguments = {
            parameter.name: options[parameter.name]
            for parameter in calls.arguments(function)
            # Left out: the server's default. But what has none and may be null is null then.
            if options[parameter.name] not in (None, ()) or _may_be_null(parameter)
        }
        with psycopg.connect(connect_url(ctx)) as conn:
            result = function(conn, **arguments)
        _show(function, result, as_json)

    for parameter in reversed(calls.arguments(function)):
        run = _option(parameter)(run)
    text = function.__doc__ or ""
    return click.command(
        function.__name__,
        help=re.sub(r"\n(?=Locks:|Raises:)", "\n\n", text),
        short_help=re.sub(r"\.\s.*", ".", text, flags=re.DOTALL),
        context_settings=EITHER_DASH,
        epilog=examples(example(function)),
    )(run)


def example(function: calls.Call[..., Any]) -> str:
    """A call with all that it needs."""
    words = ["mixpay call", function.__name__]
    own = _SAMPLES_OF.get(function.__name__, {})
    for parameter in calls.arguments(function):
        needed = parameter.default is parameter.empty and not _may_be_null(parameter)
        if needed or parameter.name in own:
            sample = own.get(parameter.name) or _sample(parameter)
            words.append(f"--{parameter.name.replace('_', '-')} {sample}")
    return " ".join(words)


def _sample(parameter: inspect.Parameter) -> str:
    if parameter.name in _SAMPLES:
        return _SAMPLES[parameter.name]
    kind = calls.kind(parameter)
    if kind == "json":
        return f"@{parameter.name}.json"
    if kind == "text" and parameter.name.endswith("_no"):
        return f"{parameter.name[0].upper()}-1"
    return {"number": "100", "moment": "2026-06-01T00:00:00+08:00"}.get(kind, parameter.name)


def _may_be_null(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and NoneType in get_args(parameter.annotation)


def _option(parameter: inspect.Parameter) -> Callable[..., Any]:
    kind = calls.kind(parameter)
    optional = parameter.default is not parameter.empty
    default = f"[default: {parameter.default}]" if optional and parameter.default else None
    name = f"--{parameter.name.replace('_', '-')}"
    if kind == "flag":
        both = f"{name}/--no-{name.removeprefix('--')}"
        return click.option(
            both, parameter.name, default=None, help=f"[default: {parameter.default}]"
        )
    return click.option(
        name,
        parameter.name,
        type=_TYPES[kind],
        required=not optional and not _may_be_null(parameter),
        multiple=kind == "texts",
        help="May be repeated." if kind == "texts" else default,
    )


def _show(function: calls.Call[..., Any], result: Any, as_json: bool) -> None:
    if as_json:
        echo_json([asdict(row) for row in result] if isinstance(result, list) else asdict(result))
        return
    columns = [field.name for field in fields(calls.row(function))]
    rows = [
        [getattr(row, column) for column in columns]
        for row in (result if isinstance(result, list) else [result])
    ]
    if len(rows) == 1:
        echo_record(columns, rows[0])
    else:
        echo_table(columns, rows)


class _Number(click.ParamType):
    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        if not re.fullmatch(r"-?[0-9]+", value):
            self.fail(f"{value!r} is not a whole number; money is in the smallest unit", param, ctx)
        if len(value) > 20 or not -(2**63) <= int(value) < 2**63:
            self.fail("this number is too large: at most 9223372036854775807", param, ctx)
        return int(value)


class _Moment(click.ParamType):
    name = "moment"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = datetime.min
        if moment.tzinfo is None:
            self.fail(
                f"{value!r} is not a moment with its offset, as 2026-01-31T12:00:00+08:00",
                param,
                ctx,
            )
        return moment


class _Json(click.ParamType):
    name = "json|@file"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        def refuse(constant: str) -> NoReturn:
            raise ValueError(f"{constant} is not JSON")

        def number(text: str) -> float:
            # Beyond what a number can be, which JSON has no word for.
            return float(text) if math.isfinite(float(text)) else refuse(text)

        try:
            if value.startswith("@"):
                with click.open_file(value[1:], encoding="utf-8") as file:
                    value = file.read()
            return json.loads(value, parse_constant=refuse, parse_float=number)
        except OSError as error:
            self.fail(f"cannot read {value[1:]}: {error.strerror}", param, ctx)
        except RecursionError:
            self.fail("this is JSON nested too deeply", param, ctx)
        except ValueError as error:
            self.fail(f"this is not JSON: {error}", param, ctx)


# What examples say for a parameter of this name; others get by with what their kind says.
_SAMPLES = {
    "account": "payee:oakhouse",
    "amount": "4500",
    "by": "zoe",
    "channel": "card",
    "channel_txn_no": "4200001234",
    "currency": "CNY",
    "entity": "order",
    "kind": "online",
    "line_no": "4",
    "merchant_id": "mall",
    "method": "card",
    "number": "A",
    "order_no": "A",
    "outcome": "payee",
    "payee_no": "oakhouse",
    "reason": "damaged",
    "receiver": "carrier",
    "resolution": "recovered",
    "title": "'Willow Furniture'",
    "worker": "w1",
}
# What only this call says; also what it may leave out in general, but not here.
_SAMPLES_OF = {
    "book_line": {"trade_no": "T-1", "number": "P-1"},
    "ignore_difference": {"statement_no": "S-1", "line_no": "4"},
    "mark_received": {"account": "channel:card", "kind": "payment", "number": "P-1"},
    "open_statement": {"account": "channel:card"},
    "record_refund": {"channel": "cash"},
    "register_channel": {"title": "Cards"},
    "register_payee": {"title": "'Oak House'"},
    "resolve_anomaly": {"reason": "'paid back'"},
    "set_reconciliation": {"account": "channel:card", "write_off_limit": "5"},
    "take_back_resolution": {"resolution_no": "R-2", "takes_back": "R-1"},
    "write_off_difference": {"statement_no": "S-1", "line_no": "4"},
}


# An interval is left to the server, which knows more notations than we do.
_TYPES: dict[calls.Kind, click.ParamType] = {
    "text": click.STRING,
    "number": _Number(),
    "moment": _Moment(),
    "interval": click.UNPROCESSED,
    "texts": click.STRING,
    "json": _Json(),
}
