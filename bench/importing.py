"""Measure `mixpay import`: payments of 50,000 orders, into a database that knows none of them.

    python bench/importing.py      python bench/importing.py --help

The file is made up in the shape of a real one, or the one that MIXPAY_OLIST names. A temporary
server runs with `synchronous_commit = off`. Beside the time stands the CPU that the command and the
server's processes took: on a machine with other work the time says little, and the CPU what two
cores of one's own would do. `--refunds` gives half of each tenth order back.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import legacy

from mixpay_db import database
from mixpay_db.embedded import EmbeddedServer

MIXPAY = [sys.executable, "-c", "from mixpay_db.cli import main; main()"]


def server_cpu(postmaster: psutil.Process) -> float:
    """Of all its processes, those that have ended included."""
    times = postmaster.cpu_times()
    used = times.user + times.system + times.children_user + times.children_system
    for process in postmaster.children():
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += times.user + times.system
    return used


def command_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def made_up(orders: int, refunds: bool) -> str:
    rows = [[*row, "payment"] for row in legacy.rows(orders)]
    if refunds:
        paid = [row for row in rows if row[1] == "1" and row[4] != "0.00"][::10]
        rows += [
            [row[0], f"R{row[1]}", row[2], row[3], f"{float(row[4]) / 2:.2f}", "refund"]
            for row in paid
            if float(row[4]) > 1
        ]
    return legacy.text([*legacy.HEADER, "kind"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=50_000)
    parser.add_argument("--refunds", action="store_true")
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--batch", default="1000")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        EmbeddedServer({"synchronous_commit": "off"}) as server,
    ):
        file = os.environ.get("MIXPAY_OLIST")
        if not file:
            path = Path(directory, "payments.csv")
            path.write_text(made_up(options.orders, options.refunds))
            file = str(path)
        url = server.url("postgres")
        with psycopg.connect(url, autocommit=True) as conn:
            database.install(conn)
            row = conn.execute("select pg_read_file('postmaster.pid')").fetchone()
        postmaster = psutil.Process(int(row[0].split()[0]) if row else 0)
        command = [*MIXPAY, "--url", url, "import", file, "--merchant", "m", "--currency", "BRL"]
        command += [*legacy.OPTIONS, "--jobs", options.jobs, "--batch", options.batch, "--json"]
        server_before, began = server_cpu(postmaster), time.monotonic()
        done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, check=True)
        seconds = time.monotonic() - began
        command_used, server_used = command_cpu(), server_cpu(postmaster) - server_before
        told = json.loads(done.stdout)
    rows = told["read"]["rows"]
    cpu = command_used + server_used
    print(f"{rows:,} rows in {seconds:.1f} s: {rows / seconds:,.0f} a second")
    here, there = (f"{1e6 * used / rows:.0f} µs" for used in (command_used, server_used))
    print(f"CPU of a row: {here} of the command, {there} of the server")
    print(f"So two cores without other work do up to {2 * rows / cpu:,.0f} rows a second.")


if __name__ == "__main__":
    main()
