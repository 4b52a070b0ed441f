"""Statements in the shapes that channels write, and how tests read them."""

from pathlib import Path
from typing import Any

from mixpay_db.statements import Line, Statement, open_statement

FILES = Path(__file__).parent / "statements" / "files"
# Which format each is.
SAMPLES = {
    "wechat_all.csv": "wechat",
    "wechat_success.csv": "wechat",
    "wechat_refund.csv": "wechat",
    "wechat_old.csv": "wechat",
    "wechat_fund.csv": "wechat-fund",
    "alipay_business.csv": "alipay",
    "alipay_account.csv": "alipay-account",
    "stripe_activity.csv": "stripe",
    "stripe_payouts.csv": "stripe",
    "adyen_settlement.csv": "adyen",
    "paypal_stl.csv": "paypal",
    "camt053.xml": "camt053",
    "mt940.sta": "mt940",
    "mapped.csv": "csv",
    "fen.csv": "csv",
}
# How many rows of each are lines of the statement.
ROWS = {"wechat_success.csv": 6, "wechat_refund.csv": 3, "wechat_old.csv": 4}
ROWS |= {"stripe_payouts.csv": 2, "fen.csv": 3}


def opened(name: str, **options: Any) -> Statement:
    path = FILES / name
    if SAMPLES[name] == "csv":
        options.setdefault("map", path.with_suffix(".toml"))
    return open_statement(path, **options)


def lines(name: str, **options: Any) -> list[Line]:
    with opened(name, **options) as statement:
        return list(statement.lines())


def read(tmp_path: Path, data: str | bytes, name: str = "file.csv", **options: Any) -> list[Line]:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    with open_statement(path, **options) as statement:
        return list(statement.lines())
