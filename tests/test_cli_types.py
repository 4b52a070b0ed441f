"""`mixpay types`: what other languages are told of calls, rows, views and errors."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from psycopg import Connection
from recorded import PROJECT

from mixpay_db import calls, errors
from mixpay_db.cli import main

# One that TypeScript users have, or that of examples/services/node.
TSC = shutil.which("tsc") or shutil.which(
    "tsc", path=PROJECT / "examples" / "services" / "node" / "node_modules" / ".bin"
)
RIGHT = """
import { Calls, Payment, Views, errors, isRefused, parameters } from "./mixpay";

type Args<C extends keyof Calls> = Calls[C]["args"];
const pay: Args<"record_payment"> = {
  p_merchant_id: "mall", p_trade_no: "T", p_payment_no: "P", p_channel: "card", p_amount: 100n,
};
const later: Args<"record_payment"> = {
  ...pay, p_amount: "100", p_paid_at: new Date(), p_captures: null,
};
const paid: Calls["record_payment"]["row"] = {} as Payment;
const txn: string | null = paid.channel_txn_no;
const amount: string = paid.amount;
const many: true = null as unknown as Calls["record_payments"]["many"];
const order: Views["order_balances"] = {} as Views["order_balances"];
const name: "RefundTooLarge" = errors.MX301;
const first: "p_merchant_id" = parameters.merge_orders[0];
export function told(error: unknown): string {
  return isRefused(error) ? `${errors[error.code]}: ${error.detail}` : "?";
}
export { later, txn, amount, many, order, name, first };
"""
WRONG = """
import { Calls, Payment, Views, errors } from "./mixpay";

// @ts-expect-error: the amount is missing
const a: Calls["preview_refund"]["args"] = { p_merchant_id: "mall", p_order_no: "A" };
// @ts-expect-error: there is no such parameter
const b: Calls["register_payee"]["args"]["p_price"] = 1;
// @ts-expect-error: a moment is no number
const c: Calls["settle_payee"]["args"]["p_until"] = 1;
// @ts-expect-error: it may be null
const d: string = ({} as Payment).channel_txn_no;
// @ts-expect-error: there is no such view
type E = Views["payments"];
// @ts-expect-error: there is no such error
errors.MX999;
// @ts-expect-error: a null names no merchant
const f: Calls["trial_balance"]["args"] = { p_merchant_id: null };
export { a, b, c, d, f };
export type { E };
"""


def types(url: str, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["--url", url, "types", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_has_all_there_is(url: str, conn: Connection[Any]) -> None:
    told = json.loads(types(url, "--json"))
    assert [call["name"] for call in told["calls"]] == list(calls.CALLS)
    assert {error["code"] for error in told["errors"]} == errors.CLASSES.keys()
    views = conn.execute(
        "select viewname from pg_views where schemaname = 'mixpay' and viewname not like '\\_%'"
    )
    assert {view["name"] for view in told["views"]} == {name for (name,) in views}
    rows = {row["name"]: row for row in told["rows"]}
    assert {call["returns"] for call in told["calls"]} == rows.keys()
    assert all(column["nullable"] is not None for row in rows.values() for column in row["columns"])


def test_json_says_what_a_call_takes_and_returns(url: str) -> None:
    told = json.loads(types(url, "--json"))
    call = next(call for call in told["calls"] if call["name"] == "succeed_payment")
    said = [(p["name"], p["type"], p["optional"], p["nullable"]) for p in call["parameters"]]
    assert said[:4] == [
        ("p_merchant_id", "text", False, False),
        ("p_payment_no", "text", False, False),
        ("p_channel_txn_no", "text", False, True),
        ("p_paid_at", "timestamp with time zone", True, True),
    ]
    assert (call["returns"], call["returns_many"]) == ("payment", False)
    assert "MX208" in call["raises"]
    payment = next(row for row in told["rows"] if row["name"] == "payment")
    columns = {column["name"]: column for column in payment["columns"]}
    assert columns["channel_txn_no"]["nullable"] is True
    assert columns["amount"]["nullable"] is False
    assert columns["amount"]["type"] == "bigint"
    assert columns["captures"]["comment"]


@pytest.mark.skipif(TSC is None, reason="there is no tsc; make services installs it where npm is")
@pytest.mark.parametrize("text", [RIGHT, WRONG], ids=["right", "wrong"])
def test_the_typescript_compiler_knows_right_from_wrong(
    url: str, tmp_path: Path, text: str
) -> None:
    (tmp_path / "mixpay.ts").write_text(types(url, "--typescript"), encoding="utf-8")
    (tmp_path / "uses.ts").write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [TSC, "--strict", "--noEmit", "--target", "es2022", "--module", "preserve", "uses.ts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout


def test_a_bigint_is_what_the_client_makes_of_it(url: str) -> None:
    assert "type Bigint = bigint;" in types(url, "--typescript", "--bigint", "bigint")


def test_one_of_both_must_be_said(url: str, empty_url: str) -> None:
    for arguments in ([], ["--json", "--typescript"]):
        result = CliRunner().invoke(main, ["--url", url, "types", *arguments])
        assert result.exit_code == 2
        assert "Say --typescript or --json." in result.output
    result = CliRunner().invoke(main, ["--url", empty_url, "types", "--json"])
    assert result.exit_code == 2
    assert "there is no mixpay in this database" in result.output
