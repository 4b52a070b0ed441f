"""The examples do what is recorded beside them, or what they say."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import psycopg
import pytest
from psycopg import Connection, conninfo
from recorded import PROJECT, RECORDS, psql
from shop import Shop

import mixpay_db as mixpay

EXAMPLES = PROJECT / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.sql"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_prints_what_is_recorded(script: Path, url: str) -> None:
    printed = psql(url, script)
    record = script.with_suffix(".out")
    if RECORDS:
        record.write_text(printed, encoding="utf-8")
    assert printed == record.read_text(encoding="utf-8"), "MIXPAY_RECORD=1 records it anew"


def test_every_record_has_its_script() -> None:
    assert SCRIPTS
    assert [script.with_suffix(".out") for script in SCRIPTS] == sorted(EXAMPLES.glob("*.out"))


def test_what_the_crontab_says_runs(url: str, mall: Shop) -> None:
    jobs = re.findall(r"^(?:[\d*/]+ ){5}(.*)$", (EXAMPLES / "crontab").read_text("utf-8"), re.M)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for job in jobs:
        # In a crontab an unescaped % ends the line.
        command = ["bash", "-c", job.replace("\\%", "%")]
        subprocess.run(command, env={"PATH": programs, "MIXPAY_URL": url}, check=True)
    assert len(jobs) == 3
    assert mall.query("select count(*) as n from mixpay.closed_periods") == [(1,)]


@pytest.fixture(scope="module")
def service() -> ModuleType:
    spec = importlib.util.spec_from_file_location("service", EXAMPLES / "service.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def mall(conn: Connection[Any]) -> Shop:
    """An order A of 100, paid."""
    mall = Shop(conn, "mall")
    mall.call("register_merchant", "Willow Furniture Mall")
    mall.merge("T", A=100)
    mall.pay("T", "P", 100, "card")
    return mall


def test_service_refunds_once(service: ModuleType, url: str, mall: Shop) -> None:
    assert service.refund(url, "A", "R1", 60) == "processing"
    assert service.refund(url, "A", "R1", 60) == "processing"
    assert service.refund(url, "A", "R2", 41) == (
        "refused: 100 is paid and 60 is already refunded: 40 is left."
    )
    assert mall.balance("A").refunded == 60


def test_service_tries_again_after_a_lost_answer(service: ModuleType, url: str, mall: Shop) -> None:
    tries = []

    def call(conn: Connection[Any]) -> str:
        state = mixpay.refund_order(conn, "mall", "A", "R1", 60).state
        tries.append(conn.info.backend_pid)
        if len(tries) == 1:
            conn.commit()
            mall.conn.execute("select pg_terminate_backend(%s, 5000)", [tries[0]])
            conn.execute("select")
        return state

    assert service.once(url, call) == "processing"
    assert len(tries) == 2
    assert mall.balance("A").refunded == 60


def test_service_tries_again_after_a_serialization_failure(
    service: ModuleType,
    url: str,
    mall: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    repeatable = conninfo.make_conninfo(
        url, options="-c default_transaction_isolation=repeatable\\ read"
    )
    faster = connect(autocommit=False)
    mixpay.refund_order(faster, "mall", "A", "R1", 60)
    pids: SimpleQueue[int] = SimpleQueue()
    codes: list[str | None] = []

    def call(conn: Connection[Any]) -> int:
        pids.put(conn.info.backend_pid)
        try:
            return mixpay.refund_order(conn, "mall", "A", "R2", 40).amount
        except psycopg.Error as error:
            codes.append(error.sqlstate)
            raise

    slower = background(service.once, repeatable, call)
    waits(pids.get(timeout=10))
    faster.commit()
    assert slower.result(timeout=30) == 40
    assert codes == ["40001"]
    assert mall.balance("A").refunded == 100
