"""`mixpay trade`, `mixpay order`, `mixpay refund`: the same story in the terminal."""

import json
import re
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len
from shop import Shop, day

from mixpay_db.cli import main

Tell = Callable[..., Result]


@pytest.fixture
def tell(url: str) -> Tell:
    def tell(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["--url", url, *arguments])

    return tell


@pytest.fixture
def sold(shop: Shop) -> Shop:
    """T, of A 1,234.00 and B 50.00, paid by P1 1,000.00 and P2 284.00; of A, 1,100.00 goes back."""
    shop.merge("T", A=123_400, B=5_000)
    shop.pay("T", "P1", 100_000, "card", day(1))
    shop.pay("T", "P2", 28_400, "wechat", day(2))
    shop.call("refund_order", "A", "R", 110_000, "wrong colour")
    return shop


def lines(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("sold")
def test_a_trade(tell: Tell) -> None:
    told = lines(tell("trade", "T"))
    assert told[0] == "Trade T paid"
    assert "From To Amount CNY" in told
    assert any(line.startswith("P1 · card A 1,000.00 █") for line in told)
    assert any(line.startswith("P2 · wechat A 234.00 █") for line in told)
    assert any(line.startswith("P2 · wechat B 50.00 █") for line in told)
    assert any(line.startswith("Refund R Under way 1,100.00 █") for line in told)
    assert "A 1,234.00 1,234.00 1,100.00 134.00 134.00" in told


@pytest.mark.usefixtures("sold")
def test_a_refund_says_why_these_payments(tell: Tell) -> None:
    told = lines(tell("refund", "R", "--merchant", "m"))
    assert told[0] == "Refund R processing"
    assert "Reason: wrong colour." in told
    assert "1. P1 · card 1,000.00 CNY" in told
    assert "2. P2 · wechat 100.00 CNY" in told
    assert any("This refund takes 1,000.00 to 1,100.00 of that: 100.00." in line for line in told)


@pytest.mark.usefixtures("sold")
def test_an_order_says_what_a_refund_would_take(tell: Tell) -> None:
    told = lines(tell("order", "B"))
    assert told[0] == "Order B paid"
    assert any(line.startswith("P2 wechat") for line in told)
    assert "1. P2 · wechat 50.00 CNY" in told


@pytest.mark.usefixtures("sold")
def test_in_chinese(tell: Tell, shop: Shop) -> None:
    number = shop.channel_refund("R", "P2").channel_refund_no
    shop.call("defer_channel_refund", number, "manual")
    told = lines(tell("trade", "T", "--lang", "zh"))
    assert told[0] == "交易 T 已付清"
    assert any(line.endswith("需人工处理") for line in told)
    assert any(line.endswith("需人工处理") for line in lines(tell("refund", "R", "--lang", "zh")))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.usefixtures("sold")
def test_nothing_is_cut_off_in_a_narrow_terminal(
    tell: Tell, shop: Shop, monkeypatch: pytest.MonkeyPatch, width: int, language: str
) -> None:
    """Half an amount is a wrong one, and half a number is nobody's."""
    shop.pay("T", "P3", 5_000, "card", day(3))  # surplus, whose refund has a number of 32 letters
    for arguments in (("trade", "T"), ("order", "A"), ("refund", "R")):
        wide = numbers(tell(*arguments, "--lang", language).stdout)
        with monkeypatch.context() as narrow:
            narrow.setenv("FORCE_COLOR", "1")  # takes the output for a terminal
            narrow.setenv("COLUMNS", str(width))
            told = click.unstyle(tell(*arguments, "--lang", language).stdout)
        assert max(map(cell_len, told.splitlines())) <= width
        assert "…" not in told
        assert numbers(told) >= {number for number in wide if len(number) <= width // 3}


def numbers(told: str) -> set[str]:
    return set(re.findall(r"\b[0-9][0-9,]*\.[0-9]{2}\b|\b(?:[PRT][0-9]?|[0-9]{32})\b", told))


def test_a_database_without_merchants_says_so(tell: Tell) -> None:
    result = tell("trade", "T")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: no merchant is registered here\nhint: ")


@pytest.mark.usefixtures("sold")
def test_for_machines_in_units(tell: Tell) -> None:
    told = json.loads(tell("trade", "T", "--json").stdout)
    assert told["balance"]["paid"] == 128_400
    assert {"source": ["payment", "P1"], "target": ["order", "A"], "units": 100_000} in (
        told["flow"]["bands"]
    )
    assert json.loads(tell("refund", "R", "--json").stdout)["row"]["amount"] == 110_000
    assert json.loads(tell("order", "A", "--json").stdout)["balance"]["paid"] == 123_400


@pytest.mark.usefixtures("sold")
def test_in_the_hours_of_a_zone(tell: Tell) -> None:
    there = f"{day(1):%Y-%m-%d} 20:00"
    assert there in tell("trade", "T", "--zone", "Asia/Shanghai").stdout
    refused = tell("trade", "T", "--zone", "Mars/Olympus")
    assert refused.exit_code == 2
    assert "there is no time zone" in refused.stderr


@pytest.mark.usefixtures("sold")
def test_says_what_there_is_not(tell: Tell) -> None:
    for kind in ("trade", "order", "refund"):
        result = tell(kind, "none")
        assert result.exit_code == 2
        assert f"error: there is no {kind} 'none' of merchant 'm'" in result.stderr
    assert "there is no merchant 'x'" in tell("trade", "T", "--merchant", "x").stderr


def test_asks_whose_if_there_are_several(sold: Shop, tell: Tell) -> None:
    sold.conn.execute("select mixpay.register_merchant('other', 'Other')")
    result = tell("trade", "T")
    assert result.exit_code == 2
    assert "--merchant" in result.stderr
    assert tell("trade", "T", "--merchant", "m").exit_code == 0


def test_writes_out_what_a_terminal_would_obey(shop: Shop, tell: Tell) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100)
    shop.call("refund_order", "A", "R", 50, "[red]\u202ebold[/red]")
    told = tell("refund", "R").stdout
    assert "[red]\\u202ebold[/red]" in told
