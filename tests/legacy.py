"""Payments as a legacy system exports them: made up, in the shape of real ones.

A header in its own words, order numbers of 32 hexadecimal digits, 1 to 29 payments of an order, a
type per payment, two decimals; and a few rows that are worth nothing.
"""

import csv
import io
import random
from collections.abc import Iterable
from typing import Any

HEADER = [
    "order_id",
    "payment_sequential",
    "payment_type",
    "payment_installments",
    "payment_value",
]
KINDS = ["credit_card", "boleto", "voucher", "debit_card"]
# What `mixpay import` has to be told to understand them.
OPTIONS = [
    *("--map", "order_no=order_id"),
    *("--map", "sequence=payment_sequential"),
    *("--map", "channel=payment_type"),
    *("--map", "amount=payment_value"),
    *("--channel", "credit_card=card"),
    *("--channel", "debit_card=card"),
    *("--channel", "boleto=bank"),
]


def rows(orders: int, seed: int = 1) -> list[list[str]]:
    dice = random.Random(seed)
    made = []
    for i in range(orders):
        order_no = f"{dice.getrandbits(128):032x}"
        # One order has the most that was ever seen; most have one.
        payments = 29 if i == orders // 2 else dice.choices([1, 2, 3, 7], [95, 3, 1, 1])[0]
        for sequence in range(1, payments + 1):
            [kind] = dice.choices(KINDS, [74, 19, 6, 1])
            value = f"{dice.randint(0, 400)}.{dice.randint(1, 99):02}"
            if kind == "voucher" and dice.random() < 0.1:
                value = "0.00"
            made.append([order_no, str(sequence), kind, str(dice.randint(1, 10)), value])
    made.append([f"{dice.getrandbits(128):032x}", "1", "not_defined", "1", "0.00"])
    return made


def text(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return file.getvalue()
