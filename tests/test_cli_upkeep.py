"""`mixpay upkeep`: what is due of every merchant."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from psycopg import Connection
from shop import Shop, day, on_hold, orders

from mixpay_db.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(url: str) -> Run:
    return lambda *arguments: CliRunner().invoke(main, ["--url", url, "upkeep", *arguments])


@pytest.fixture
def kiosk(shop: Shop) -> Shop:
    """Another merchant than `shop`: of each two trades are past their end, and an order is due."""
    kiosk = Shop(shop.conn, "kiosk")
    kiosk.call("register_merchant", "Kiosk")
    for each in (shop, kiosk):
        each.call("register_payee", "S", "Store")
        each.call("merge_orders", on_hold("S", day(1).isoformat(), A=100), "T")
        each.pay("T", "P", 100)
        for number in ("B", "C"):
            each.call("merge_orders", orders(**{number: 5}), f"T{number}", day(1))
    return kiosk


def is_done(shop: Shop) -> tuple[int, list[str]]:
    """What is the payee's, and the states of the trades that were past their end."""
    states = [shop.row("trades", number).state for number in ("TB", "TC")]
    return shop.owns("payee:S").get("CNY", 0), states


def test_does_what_is_due_for_all_merchants(run: Run, shop: Shop, kiosk: Shop) -> None:
    result = run()

    assert result.exit_code == 0, result.output
    assert is_done(shop) == is_done(kiosk) == (100, ["closed", "closed"])
    *table, last = result.stdout.splitlines()
    told = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table if "│" in line]
    assert told == [["kiosk", "1", "2"], ["m", "1", "2"]]
    assert last == "2 merchants: nothing is due any more"
    assert shop.query("select merchant_id from mixpay.balance_folds order by 1") == [
        ("kiosk",),
        ("m",),
    ]


def test_one_merchant_is_one(run: Run, kiosk: Shop) -> None:
    assert run("--merchant", kiosk.merchant).stdout.splitlines()[-1] == (
        "1 merchant: nothing is due any more"
    )


def test_again_finds_nothing(run: Run, kiosk: Shop) -> None:
    run()
    with kiosk.unchanged():
        assert run().stdout == "2 merchants: nothing is due any more\n"


def test_only_one_merchant_and_one_call(run: Run, shop: Shop, kiosk: Shop) -> None:
    result = run("--merchant", "kiosk", "--only", "expire_trades", "--json")

    assert json.loads(result.stdout) == {
        "merchants": [{"merchant_id": "kiosk", "released": 0, "expired": 2}],
        "refused": [],
    }
    assert is_done(kiosk) == (0, ["closed", "closed"])
    assert is_done(shop) == (0, ["open", "open"])
    assert shop.query("select from mixpay.balance_folds") == []


def test_calls_until_nothing_is_due_any_more(run: Run, shop: Shop) -> None:
    """More than one call does: each takes a thousand."""
    trades = [
        {
            "trade_no": f"T{i}",
            "orders": orders(**{f"O{i}": 5}),
            "expires_at": day(1).isoformat(),
        }
        for i in range(1001)
    ]
    shop.rows("merge_many", trades)
    result = run("--json")

    assert json.loads(result.stdout)["merchants"] == [
        {"merchant_id": "m", "released": 0, "expired": 1001}
    ]
    assert shop.query("select count(*) from mixpay.trades where state = 'open'") == [(0,)]


def test_what_is_refused_is_named_and_all_else_is_done(run: Run, shop: Shop, kiosk: Shop) -> None:
    result = run("--json", "--merchant", "kiosk", "--merchant", "nobody", "--merchant", "m")

    assert result.exit_code == 1
    hint = "Register it with register_merchant."
    assert json.loads(result.stdout)["refused"] == [
        {
            "merchant_id": "nobody",
            "call": call,
            "sqlstate": "MX101",
            "message": "there is no merchant nobody",
            "detail": "None is registered under these 6 characters.",
            "hint": hint,
        }
        for call in ("release_due", "expire_trades", "fold_balances")
    ]
    said = f"nobody: release_due: MX101: there is no merchant nobody\nhint: {hint}\n"
    assert result.stderr.startswith(said)
    assert is_done(shop) == is_done(kiosk) == (100, ["closed", "closed"])


def test_what_passes_is_tried_again(
    run: Run, conn: Connection[Any], shop: Shop, kiosk: Shop
) -> None:
    """A migration in between says 40001 once, and others may, too."""
    conn.execute("create sequence public.tries")
    conn.execute("grant usage on sequence public.tries to mixpay_owner")
    conn.execute(
        "create function public.stumble() returns trigger language plpgsql as $$ begin "
        "if nextval('public.tries') in (1, 2, 4, 5, 6) then "
        "raise 'not now' using errcode = 'serialization_failure'; end if; return new; end $$"
    )
    conn.execute(
        "create trigger stumble before insert on mixpay.releases for each row "
        "execute function public.stumble()"
    )
    try:
        result = run("--only", "release_due")
    finally:
        conn.execute("drop trigger stumble on mixpay.releases")

    assert result.exit_code == 1
    assert result.stderr == "m: release_due: 40001: not now\n"
    assert (is_done(kiosk)[0], is_done(shop)[0]) == (100, 0)
    assert result.stdout.endswith("2 merchants: 1 call was refused\n")


def test_a_writer_may(run: Run, kiosk: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c role=mixpay_writer")
    result = run()

    assert result.exit_code == 0, result.output
    assert is_done(kiosk) == (100, ["closed", "closed"])


def test_a_server_that_goes_away_ends_it(run: Run, kiosk: Shop) -> None:
    """Not one line for each call that could not be asked."""
    kiosk.conn.execute(
        "create function public.go() returns trigger language plpgsql security definer as $$ begin "
        "perform pg_terminate_backend(pg_backend_pid()); return new; end $$"
    )
    kiosk.conn.execute(
        "create trigger go before insert on mixpay.releases for each row "
        "execute function public.go()"
    )
    try:
        result = run()
    finally:
        kiosk.conn.execute("drop trigger go on mixpay.releases")

    assert result.exit_code == 2
    assert result.stderr.startswith("error: 57P01: terminating connection")
    assert "expire_trades" not in result.stderr
