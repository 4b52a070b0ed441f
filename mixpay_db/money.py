"""Decimal notation to smallest units and back, exactly: digits are moved, nothing is computed.

to_units("12.34", "CNY") == 1234        from_units(1234, "CNY") == "12.34"
"""

import re
from functools import cache

from mixpay_db import resources

# What the functions take for an amount, and no more.
MAX_UNITS = 10**15
_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


class MoneyError(ValueError):
    """This is no amount of money."""


class NotDecimal(MoneyError):
    """Not a text of digits, with at most one point between them and a minus before them."""


class TooManyDecimals(MoneyError):
    """More decimals than the currency has. Zeros count: whoever writes them means another unit."""


class OutOfBounds(MoneyError):
    """Beyond 10^15 smallest units."""


class NotACurrency(MoneyError):
    """Not a currency of ISO 4217 that has a minor unit."""


@cache
def exponents() -> dict[str, int]:
    """How many decimals each currency has, out of the file that fills mixpay.currencies."""
    text = (resources.sql_dir() / "schema" / "currencies.sql").read_text(encoding="utf-8")
    return {code: int(digit) for code, digit in re.findall(r"^ +\('([A-Z]{3})', (\d),", text, re.M)}


def to_units(amount: str, currency: str) -> int:
    """The whole number of smallest units that a text like "12.34" says."""
    exponent = _exponent(currency)
    if not isinstance(amount, str) or (found := _DECIMAL.fullmatch(amount)) is None:
        raise NotDecimal(f"{amount!r:.80} is not a text in decimal notation, such as '12.34'")
    sign, whole, decimals = found[1], found[2].lstrip("0"), found[3] or ""
    if len(decimals) > exponent:
        raise TooManyDecimals(
            f"{amount!r:.80} has {len(decimals)} decimals, {currency} has {exponent}"
        )
    # The length first: int() refuses texts of thousands of digits with an error of its own.
    units = int(whole + decimals.ljust(exponent, "0") or "0") if len(whole) <= 16 else MAX_UNITS + 1
    if units > MAX_UNITS:
        raise OutOfBounds(f"{amount!r:.80} is more than 10^15 smallest units of {currency}")
    return -units if sign else units


def from_units(units: int, currency: str) -> str:
    """A whole number of smallest units (a sum may be beyond 10^15) in decimal notation."""
    exponent = _exponent(currency)
    if not isinstance(units, int) or isinstance(units, bool):
        raise NotDecimal(f"{units!r} is not a whole number of smallest units")
    digits = str(abs(units)).rjust(exponent + 1, "0")
    sign = "-" if units < 0 else ""
    return sign + (f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits)


def _exponent(currency: str) -> int:
    try:
        return exponents()[currency]
    except (KeyError, TypeError):
        raise NotACurrency(f"{currency!r} is not a currency of ISO 4217 in upper case") from None
