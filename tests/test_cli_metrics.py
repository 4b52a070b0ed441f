"""`mixpay metrics`, and the files in examples/monitoring: parsed, and their queries run."""

import json
import re
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from psycopg import Connection
from recorded import PROJECT
from shop import Shop

from mixpay_db.cli import main
from mixpay_db.cli.metrics import HELP

FILES = PROJECT / "examples" / "monitoring"
PAGE = (PROJECT / "docs" / "monitoring.md").read_text(encoding="utf-8")
Tell = Callable[..., Result]


@pytest.fixture
def tell(url: str) -> Tell:
    def tell(*arguments: str) -> Result:
        result = CliRunner().invoke(main, ["--url", url, "metrics", *arguments])
        assert result.exit_code == 0, result.output
        return result

    return tell


@pytest.fixture
def in_doubt(shop: Shop) -> Shop:
    """A shop with a refund of which nobody knows whether it was sent."""
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card")
    shop.refund("A", "R", 10)
    shop.rows("claim_channel_refunds", "w")
    shop.call("doubt_channel_refund", shop.channel_refund("R", "P").channel_refund_no, "no answer")
    return shop


def figures(conn: Connection[Any]) -> dict[str, int]:
    return dict(conn.execute("select metric, value from mixpay.metrics").fetchall())


def exposed(text: str) -> dict[str, int]:
    """As Prometheus reads its text format."""
    lines = text.splitlines()
    samples = [line.split(" ") for line in lines if not line.startswith("#")]
    told = {name: int(value) for name, value in samples}
    for name in told:
        place = lines.index(f"# TYPE {name} gauge")
        assert lines[place - 1].startswith(f"# HELP {name} ")
        assert lines[place + 1].startswith(f"{name} ")
    assert text.endswith("\n")
    return told


def test_prometheus(in_doubt: Shop, tell: Tell) -> None:
    told = exposed(tell().stdout)
    assert told["mixpay_channel_refunds_in_doubt"] == 1
    assert told.keys() == {f"mixpay_{name}" for name in figures(in_doubt.conn)}


@pytest.mark.usefixtures("in_doubt")
def test_for_people_and_for_programs(tell: Tell) -> None:
    told = json.loads(tell("--json").stdout)
    assert told["channel_refunds_in_doubt"] == 1
    assert re.search(r"channel_refunds_in_doubt +│ +1 ", tell("--format", "table").stdout)


def test_each_figure_has_its_help(conn: Connection[Any]) -> None:
    assert list(HELP) == list(figures(conn))


# What the programs know, as their sources say: internal/metrics/types.go of pgwatch 3, and config
# of burningalchemist/sql_exporter. The second refuses a file that has anything else in it.
PGWATCH = {
    "sqls", "init_sql", "node_status", "gauges", "is_instance_level", "storage_name", "description",
}  # fmt: skip
COLLECTOR = {"collector_name", "min_interval", "metrics", "queries"}
QUERY = {"query_name", "query", "no_prepared_statement"}
METRIC = {
    "metric_name", "type", "help", "key_labels", "static_labels", "value_label", "values", "query",
    "query_ref", "no_prepared_statement", "static_value", "timestamp_value",
}  # fmt: skip


def test_pgwatch(in_doubt: Shop, login: Callable[[str], Connection[Any]]) -> None:
    told = yaml.safe_load((FILES / "pgwatch.yaml").read_text(encoding="utf-8"))
    assert set(told) == {"metrics", "presets"}
    assert set(told["presets"]["mixpay"]) == {"description", "metrics"}
    assert set(told["presets"]["mixpay"]["metrics"]) == set(told["metrics"])
    for metric in told["metrics"].values():
        assert set(metric) <= PGWATCH
        for query in metric["sqls"].values():
            cursor = login("mixpay_monitor").execute(query)
            names = [column.name for column in cursor.description or ()]
            assert names[0] == "epoch_ns"
            assert set(metric["gauges"]) <= set(names)
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
            assert {row["tag_metric"]: row["value"] for row in rows} == figures(in_doubt.conn)


def test_sql_exporter(in_doubt: Shop, login: Callable[[str], Connection[Any]]) -> None:
    text = (FILES / "sql_exporter.collector.yaml").read_text(encoding="utf-8")
    told = yaml.safe_load(text)
    assert set(told) <= COLLECTOR
    (query,) = told["queries"]
    assert set(query) <= QUERY
    cursor = login("mixpay_monitor").execute(query["query"])
    names = [column.name for column in cursor.description or ()]
    (row,) = cursor.fetchall()
    assert dict(zip(names, row, strict=True)) == figures(in_doubt.conn)
    for metric in told["metrics"]:
        assert set(metric) <= METRIC
        (value,) = metric["values"]
        assert metric["metric_name"] == f"mixpay_{value}"
        assert metric["help"] == HELP[value]
        assert metric["query_ref"] == query["query_name"]
        assert metric["type"] == "gauge"
    assert {metric["values"][0] for metric in told["metrics"]} == set(names)


def test_grafana() -> None:
    """Its panels ask for metrics that there are, and for every one of them."""
    told = json.loads((FILES / "grafana.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in told["panels"] for target in panel["targets"]]
    names = {name for expression in asked for name in re.findall(r"mixpay_(\w+)", expression)}
    assert names == set(HELP)
    assert len({panel["id"] for panel in told["panels"]}) == len(told["panels"])
    for panel in told["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert panel["description"]


def test_the_page_configures_by_names_that_the_files_have() -> None:
    blocks = re.findall(r"^  ```yaml\n(.*?)^  ```", PAGE, re.M | re.S)
    exporter, sources = (yaml.safe_load(textwrap.dedent(block)) for block in blocks)
    (file,) = exporter["collector_files"]
    collector = yaml.safe_load((FILES / file).read_text(encoding="utf-8"))
    assert exporter["target"]["collectors"] == [collector["collector_name"]]
    pgwatch = yaml.safe_load((FILES / "pgwatch.yaml").read_text(encoding="utf-8"))
    assert {source["preset_metrics"] for source in sources} == set(pgwatch["presets"])
    named = re.search(r"`pgwatch_(\w+)_(\w+){metric=\"(\w+)\"}`", PAGE)
    assert named
    assert named[1] in pgwatch["metrics"]
    assert named[2] in pgwatch["metrics"][named[1]]["gauges"]
    assert named[3] in HELP
