"""The floors that the bench compares calls with write what the calls write."""

import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import calls
    import harness

    yield calls, harness
    for module in ("calls", "harness"):
        sys.modules.pop(module, None)


pytestmark = pytest.mark.fresh_database


def test_floors_write_the_rows_of_their_calls(bench, conn: psycopg.Connection):
    calls, harness = bench
    harness.install_floor(conn)
    harness.make_items(conn)
    measured = [call for call in (*calls.CALLS, *calls.OTHERS) if call.floor]
    assert {call.name: harness.compare_floor(conn, call) for call in measured} == {
        call.name: [] for call in measured
    }
    written = {path.stem for path in harness.FLOOR.glob("*.sql")}
    assert {call.name.partition(",")[0] for call in measured} == written


def test_comparison_finds_a_floor_that_writes_less(bench, conn: psycopg.Connection):
    calls, harness = bench
    harness.install_floor(conn)
    harness.make_items(conn)
    merge = next(call for call in calls.CALLS if call.name.startswith("merge_orders"))
    idle = replace(merge, floor="select 1;")
    assert any(
        row.startswith("only the call: orders ") for row in harness.compare_floor(conn, idle)
    )
