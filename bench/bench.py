"""Measure the calls against what cannot be faster, against pgbench, and against a release.

    make bench                     python bench/bench.py --help

Each call is measured in turn with
- its floor: the same rows written by bare statements in one PL/pgSQL function (bench/floor), with
  all constraints, triggers and indexes, but without checks of input, idempotency, first in, first
  out, or locks; that it still writes the same rows is compared first;
- pgbench's tpcb-like transaction;
- the same call as it was in another revision (--against), in another database;
all on one temporary server. A figure is the median of the rounds, a ratio the median of the ratios
within a round. With one client that does not wait for the disk, what is measured is the CPU; with
many and fsync, what the disk and the others let through.

Then what other calls take, against their floors, too, and how many statements run below them, and
what one of many takes where many things are done by one call.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bulk import ITEMS, Bulk, in_one_statement, sent_singly
from calls import CALLS, OTHERS, Call
from harness import (
    COUNTING,
    HERE,
    MODES,
    OPTIONS,
    TRANSACTION,
    Bench,
    Figures,
    Mode,
    Statement,
    can_count,
    compare_floor,
)
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mixpay_db import database
from mixpay_db.embedded import EmbeddedServer, find_binaries

EMBEDDED = "embedded"
DEBIAN = "/usr/lib/postgresql/15/bin"
RELEASE = "71d7543"  # 0.3.0
SECTIONS = ("calls", "others", "bulk")
Rounds = dict[str, list[Figures]]


TPS, CPU, WAL = "tps", "cpu", "wal"


def middle(rounds: list[Figures], of: str) -> float:
    return statistics.median(getattr(figures, of) for figures in rounds)


def ratio(rounds: Rounds, one: str, other: str, of: str) -> float | None:
    if one not in rounds or other not in rounds:
        return None
    pairs = zip(rounds[one], rounds[other], strict=True)
    return statistics.median(getattr(a, of) / getattr(b, of) for a, b in pairs)


def number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def table_of(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for column in columns:
        table.add_column(column, justify="left" if column == "" else "right")
    return table


class Report:
    def __init__(self, console: Console) -> None:
        self.console = console
        self.servers: list[dict[str, Any]] = []

    def begin(self, version: str) -> None:
        self.console.rule(version)
        self.servers.append({"server": version, "calls": [], "others": [], "bulk": []})

    def calls(self, mode: Mode, figures: dict[str, Rounds]) -> None:
        base = figures.pop(TRANSACTION)[TRANSACTION]
        table = table_of(
            f"{mode} ({TRANSACTION}: {middle(base, TPS):,.0f}/s, CPU {middle(base, CPU):,.0f} µs)",
            "", "/s now", "floor", "before", "× floor", f"× {TRANSACTION}", "× before",
            "floor × tpcb", "CPU µs now", "floor", "before", "× floor", "× before",
            "WAL now", "floor",
        )  # fmt: skip
        for call, measured in figures.items():
            rounds = {**measured, TRANSACTION: base}
            row: dict[str, Any] = {"mode": str(mode), "call": call}
            for name, each in rounds.items():
                row[name] = {of: middle(each, of) for of in (TPS, CPU, WAL)}
            for of in (TPS, CPU):
                row[f"{of}_ratio"] = {
                    other: ratio(rounds, "now", other, of) for other in rounds if other != "now"
                }
            row["floor_to_tpcb"] = ratio(rounds, "floor", TRANSACTION, TPS)
            self.servers[-1]["calls"].append(row)
            now, floor, before = (row.get(name, {}) for name in ("now", "floor", "before"))
            tps_ratio, cpu_ratio = row[f"{TPS}_ratio"], row[f"{CPU}_ratio"]
            table.add_row(
                call,
                *(number(part.get(TPS)) for part in (now, floor, before)),
                *(number(tps_ratio.get(o), 2) for o in ("floor", TRANSACTION, "before")),
                number(row["floor_to_tpcb"], 2),
                *(number(part.get(CPU)) for part in (now, floor, before)),
                *(number(cpu_ratio.get(o), 2) for o in ("floor", "before")),
                *(number(part.get(WAL)) for part in (now, floor)),
            )
        self.console.print(table)

    def others(
        self, figures: dict[str, Rounds], counts: dict[tuple[str, str], list[Statement]]
    ) -> None:
        table = table_of(
            "Other calls, 1 client, synchronous_commit off",
            "", "ms now", "before", "× before", "CPU µs now", "floor", "before", "× floor",
            "statements now", "before",
            "foreign keys now", "before", "planned now", "before", "planning µs now", "before",
        )  # fmt: skip
        for call in (*CALLS, *OTHERS):
            rounds = figures.get(call.name, {})
            row: dict[str, Any] = {"call": call.name, "now": {}, "before": {}}
            for name in ("now", "before"):
                part = row[name]
                if name in rounds:
                    part["ms"] = 1e3 / middle(rounds[name], TPS)
                    part[CPU] = middle(rounds[name], CPU)
                if below := counts.get((call.name, name)):
                    part["statements"] = sum(s.calls for s in below if not s.is_foreign_key)
                    part["foreign_keys"] = sum(s.calls for s in below if s.is_foreign_key)
                    part["planned"] = sum(s.plans for s in below)
                    part["planning_us"] = sum(s.plan_time for s in below)
            both = "now" in rounds and "before" in rounds
            row["ratio"] = ratio(rounds, "before", "now", TPS) if both else None
            row["floor"] = middle(rounds["floor"], CPU) if "floor" in rounds else None
            row["to_floor"] = ratio(rounds, "now", "floor", CPU)
            self.servers[-1]["others"].append(row)
            now, before = row["now"], row["before"]
            table.add_row(
                call.name, number(now.get("ms"), 2), number(before.get("ms"), 2),
                number(row["ratio"], 2), number(now.get(CPU)), number(row["floor"]),
                number(before.get(CPU)), number(row["to_floor"], 2),
                *(
                    number(part.get(key), digits)
                    for key, digits in (
                        ("statements", 1), ("foreign_keys", 1), ("planned", 1), ("planning_us", 0)
                    )
                    for part in (now, before)
                ),
            )  # fmt: skip
        self.console.print(table)
        self.console.print(
            "statements: all below a call but the look-ups of foreign keys"
            if counts
            else "statements are not counted: this server has no pg_stat_statements"
        )

    def bulk(self, times: dict[str, dict[str, list[float]]], singly: dict[str, Rounds]) -> None:
        table = table_of(
            "Many in one call, 1 session, synchronous_commit off: µs for each of the many",
            "", "now", "before", "× before",
        )  # fmt: skip
        for task, rounds in times.items():
            now, before = (
                statistics.median(rounds[name]) if name in rounds else None
                for name in ("now", "before")
            )
            times_before = now / before if now and before else None
            self.servers[-1]["bulk"].append({"task": task, "now_us": now, "before_us": before})
            table.add_row(task, number(now), number(before), number(times_before, 2))
        self.console.print(table)
        table = table_of(
            "An item of one call beside a single call for each: µs",
            "", "now", "singly, in one statement", "×", "singly, sent by a client", "×",
        )  # fmt: skip
        for name in ITEMS:
            item, together = (
                statistics.median(times[task]["now"]) for task in (name, in_one_statement(name))
            )
            sent = 1e6 / middle(singly[name]["now"], TPS)
            self.servers[-1]["bulk"].append({"task": f"{name}, sent singly", "now_us": sent})
            table.add_row(
                name, number(item), number(together), number(item / together, 2),
                number(sent), number(item / sent, 2),
            )  # fmt: skip
        self.console.print(table)

    def profile(self, call: str, name: str, below: list[Statement]) -> None:
        table = table_of(
            f"Below {call}, {name}: for each call of it, times in µs with what is nested",
            "calls", "plans", "planning", "running",
        )  # fmt: skip
        table.add_column("statement")
        # What is planned once counts as a statement, too, also where it then needs no executor.
        for s in (s for s in below if s.calls >= 0.05):
            table.add_row(
                number(s.calls, 2), number(s.plans, 2), number(s.plan_time, 1),
                number(s.exec_time, 1), Text(" ".join(s.query.split())[:160]),
            )  # fmt: skip
        self.console.print(table)
        self.servers[-1].setdefault("profiles", []).append(
            {"call": call, "database": name, "statements": [asdict(s) for s in below]}
        )


def measure_calls(
    bench: Bench, calls: tuple[Call, ...], mode: Mode, rounds: int, seconds: float, base: bool
) -> dict[str, Rounds]:
    figures: dict[str, Rounds] = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        if base:
            figures[TRANSACTION][TRANSACTION].append(bench.measure_transaction(mode, seconds))
        for call in calls:
            for db in bench.databases:
                figures[call.name][db.name].append(
                    bench.measure(db, call, call.script, mode, seconds)
                )
            if call.floor is not None:
                figures[call.name]["floor"].append(
                    bench.measure(bench.now, call, call.floor, mode, seconds)
                )
    return figures


@contextmanager
def binaries_of(directory: str) -> Iterator[Path]:
    """The embedded server's programs, or a directory's, for everything that asks for them."""
    was = os.environ.pop("MIXPAY_PG_BIN", None)
    if directory != EMBEDDED:
        os.environ["MIXPAY_PG_BIN"] = directory
    try:
        yield find_binaries()
    finally:
        os.environ.pop("MIXPAY_PG_BIN", None)
        if was is not None:
            os.environ["MIXPAY_PG_BIN"] = was


def measure_server(report: Report, binaries: Path, arguments: argparse.Namespace) -> None:
    against = None if arguments.against == "none" else arguments.against
    options = {**OPTIONS, **(COUNTING if can_count(binaries) else {})}
    with EmbeddedServer(options) as server:
        bench = Bench(server, arguments.scale, against)
        version = bench.now.conn.execute(
            "select format('PostgreSQL %s, %s', "
            "split_part(current_setting('server_version'), ' ', 1), "
            "case when pg_jit_available() then 'with JIT' else 'without JIT' end)"
        ).fetchone()
        report.begin(version[0] if version else "")
        console = report.console
        for call in (*CALLS, *OTHERS):
            different = compare_floor(bench.now.conn, call)
            if different:
                console.print(
                    f"[bold]the floor of {call.name} writes other rows than the call:[/bold]"
                )
                console.print("\n".join(different), markup=False)
                raise SystemExit(1)
        console.print("filling the tables …")
        for db in bench.databases:
            db.fill_for((*CALLS, *OTHERS), arguments.items)
            db.warm()
        bench.tpcb.warm()
        # First, for refunds that were measured would be a backlog to claim from.
        if "others" in arguments.sections:
            measure_others(report, bench, arguments)
        if "calls" in arguments.sections:
            for mode in MODES:
                if mode.clients in arguments.clients:
                    report.calls(
                        mode,
                        measure_calls(
                            bench, CALLS, mode, arguments.rounds, arguments.seconds, True
                        ),
                    )
        if "bulk" in arguments.sections:
            calls = tuple(sent_singly(name) for name in ITEMS)
            report.bulk(
                Bulk(bench.databases, arguments.bulk).measure(arguments.rounds),
                measure_calls(
                    bench, calls, MODES[0], arguments.rounds, min(arguments.seconds, 1.2), False
                ),
            )
        if arguments.profile:
            for call in CALLS:
                for db in bench.databases:
                    report.profile(call.name, db.name, bench.statements(db, call, 1000))
        if not arguments.quick:
            bench.now.conn.execute("analyze")  # as autovacuum would: checks trust the statistics
            broken = [check.name for check in database.run_checks(bench.now.conn) if check.rows]
            console.print(f"checks that are broken afterwards: {', '.join(broken) or 'none'}")
        bench.close()


def measure_others(report: Report, bench: Bench, arguments: argparse.Namespace) -> None:
    figures = measure_calls(
        bench, OTHERS, MODES[0], arguments.rounds, min(arguments.seconds, 1.2), False
    )
    counts = {
        (call.name, db.name): below
        for call in (*CALLS, *OTHERS)
        for db in bench.databases
        if (below := bench.statements(db, call, 200))
    }
    report.others(figures, counts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="short rounds, for trying")
    parser.add_argument("--rounds", type=int, help="5; quick: 2")
    parser.add_argument("--seconds", type=float, help="measured of each round: 3; quick: 1")
    parser.add_argument("--scale", type=int, default=20, help="of pgbench's tables")
    parser.add_argument("--items", type=int, help="trades of each kind to find: 16000; quick: 4000")
    parser.add_argument("--bulk", type=int, help="trades in a call that does many: 250; quick: 100")
    parser.add_argument(
        "--clients", type=int, nargs="+", default=[m.clients for m in MODES],
        choices=[m.clients for m in MODES],
    )  # fmt: skip
    parser.add_argument("--sections", nargs="*", default=SECTIONS, choices=SECTIONS)
    parser.add_argument(
        "--against", default=RELEASE, metavar="REV",
        help="the revision to compare with (%(default)s, which is 0.3.0), or none",
    )  # fmt: skip
    parser.add_argument(
        "--bin", nargs="+", metavar="DIR",
        default=os.environ.get("MIXPAY_BENCH_BIN", "").split() or None,
        help=f"directories of servers' programs, or {EMBEDDED}; left out, what MIXPAY_BENCH_BIN "
        f"names, else {EMBEDDED} and, where it is, {DEBIAN}",
    )  # fmt: skip
    parser.add_argument("--profile", action="store_true", help="list what runs below each call")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 5)
    arguments.seconds = arguments.seconds or (1.0 if arguments.quick else 3.0)
    arguments.items = (arguments.items or (4000 if arguments.quick else 16000)) // 256 * 256
    arguments.bulk = arguments.bulk or (100 if arguments.quick else 250)
    directories = arguments.bin or [EMBEDDED, *([DEBIAN] if Path(DEBIAN).is_dir() else [])]
    # A table is wide; where nobody looks, nothing is cut.
    console = Console()
    report = Report(console if console.is_terminal else Console(width=240))
    for directory in directories:
        with binaries_of(directory) as binaries:
            measure_server(report, binaries, arguments)
    if arguments.json:
        revision = subprocess.run(
            ["git", "-C", str(HERE.parent), "rev-parse", "HEAD"], capture_output=True, text=True
        ).stdout.strip()
        told = {"revision": revision, "against": arguments.against, "servers": report.servers}
        arguments.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
