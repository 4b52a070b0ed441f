from typing import Any

import pytest
from psycopg import Connection

from mixpay_db import money
from mixpay_db.money import from_units, to_units


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("12.34", "CNY", 1234),
        ("12.3", "CNY", 1230),
        ("12", "CNY", 1200),
        ("0.07", "CNY", 7),
        ("-0.07", "CNY", -7),
        ("0", "CNY", 0),
        ("1500", "JPY", 1500),
        ("1.005", "KWD", 1005),
        ("1.0005", "CLF", 10005),
        ("0012.30", "CNY", 1230),
        ("10000000000000.00", "CNY", 10**15),
        ("1000000000000000", "JPY", 10**15),
    ],
)
def test_to_units(text: str, currency: str, units: int) -> None:
    assert to_units(text, currency) == units


@pytest.mark.parametrize(
    ("units", "currency", "text"),
    [
        (1234, "CNY", "12.34"),
        (7, "CNY", "0.07"),
        (-7, "CNY", "-0.07"),
        (-1234, "CNY", "-12.34"),
        (0, "CNY", "0.00"),
        (0, "JPY", "0"),
        (-1500, "JPY", "-1500"),
        (1005, "KWD", "1.005"),
        (3 * 10**15, "CNY", "30000000000000.00"),
    ],
)
def test_from_units(units: int, currency: str, text: str) -> None:
    assert from_units(units, currency) == text


@pytest.mark.parametrize("currency", ["JPY", "CNY", "KWD", "CLF"])
@pytest.mark.parametrize("units", [0, 1, 9, 10, 99, 100, 12345, 10**15, -1, -12345])
def test_there_and_back(units: int, currency: str) -> None:
    assert to_units(from_units(units, currency), currency) == units


@pytest.mark.parametrize(
    "text",
    [
        *["", " 1", "1 ", "1\n", ".5", "1.", "+1", "--1", "1,5", "1.2.3", "1e2", "1_000", "0x10"],
        *["NaN", "Infinity", "١٢", "１２", 12.34, 12, None, b"12", True],
    ],
)
def test_refuses_what_is_no_decimal_notation(text: Any) -> None:
    with pytest.raises(money.NotDecimal):
        to_units(text, "CNY")


@pytest.mark.parametrize(("text", "currency"), [("1.234", "CNY"), ("1.230", "CNY"), ("1.0", "JPY")])
def test_e02_refuses_more_decimals_than_the_currency_has(text: str, currency: str) -> None:
    with pytest.raises(money.TooManyDecimals, match="decimals"):
        to_units(text, currency)


@pytest.mark.parametrize("text", ["10000000000000.01", "-10000000000000.01", "9" * 5000])
def test_e02_refuses_what_is_out_of_bounds(text: str) -> None:
    with pytest.raises(money.OutOfBounds):
        to_units(text, "CNY")


@pytest.mark.parametrize("currency", ["", "cny", "XXX", "XAU", "ZZZ", None, ["CNY"]])
def test_refuses_what_is_no_currency(currency: Any) -> None:
    with pytest.raises(money.NotACurrency):
        to_units("1", currency)
    with pytest.raises(money.NotACurrency):
        from_units(1, currency)


@pytest.mark.parametrize("units", [12.0, "12", None, True])
def test_refuses_units_that_are_no_whole_number(units: Any) -> None:
    with pytest.raises(money.NotDecimal):
        from_units(units, "CNY")


def test_errors_are_value_errors() -> None:
    assert all(issubclass(error, ValueError) for error in money.MoneyError.__subclasses__())


def test_e24_the_exponents_are_those_of_the_database(conn: Connection[Any]) -> None:
    rows = conn.execute("select currency, exponent from mixpay.currencies").fetchall()
    assert dict(rows) == money.exponents()
    assert len(rows) > 150
