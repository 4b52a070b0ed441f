"""Random lives in which channels take money back by themselves, amid everything else.

There is no model here: nothing but typed errors may come out, and all checks hold all the time.
"""

from collections import Counter
from random import Random
from typing import Any

import pytest
from conftest import all_hold
from psycopg import Connection
from shop import Json, Shop, day, orders

from mixpay_db.errors import MixpayError

STEPS = 400


class Mix:
    """A shop to which everything happens."""

    def __init__(self, shop: Shop, random: Random) -> None:
        self.shop, self.random = shop, random
        self.count = 0
        self.done: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()

    def number(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def some(self, table: str, column: str, where: str = "true") -> str | None:
        """One of the newest."""
        found = self.shop.query(
            f"select {column} as number from mixpay.{table} "
            f"where merchant_id = %s and {where} order by created_at desc, {column} limit 8",
            self.shop.merchant,
        )
        return str(self.random.choice(found).number) if found else None

    def call(self, function: str, *arguments: Any, **named: Any) -> None:
        if None in arguments[:1]:
            return
        try:
            self.shop.rows(function, *arguments, **named)
            self.done[function] += 1
        except MixpayError as error:
            self.codes[error.sqlstate or ""] += 1

    def amount(self) -> int:
        return self.random.choice([5, 10, 20, 30, 50, 80, 120, 200])

    def merge(self) -> None:
        lines: Json = []
        names = [f"O{i}" for i in range(max(1, self.count // 8) + 3)][-7:]
        for name in self.random.sample(names, self.random.randint(1, 3)):
            payee = [None, "S", "V"][int(name[1:]) % 3]
            amount = 40 + 17 * (int(name[1:]) % 7)
            (line,) = orders(
                **{name: (amount, self.random.choice([amount, 20, max(1, amount // 2)]))}
            )
            if self.random.random() < 0.7:
                line.pop("pay")
            if payee:
                line |= {"payee_no": payee, "hold": self.random.random() < 0.4}
            lines.append(line)
        self.call("merge_orders", lines, self.number("T"))

    def pay(self) -> None:
        trade_no = self.some(
            "trades", "trade_no", "state = 'open'" if self.random.random() < 0.9 else "true"
        )
        if trade_no:
            lacking = self.shop.row("trades", trade_no)
            lacks = max(1, lacking.amount - lacking.paid)
            amount = self.random.choice(
                [lacks, lacks, lacks + 15, max(1, lacks // 2), self.amount()]
            )
            channel = self.random.choice(["card", "card", "bank", "cash"])
            self.call(
                "record_payment",
                trade_no,
                self.number("P"),
                channel,
                amount,
                day(self.random.randint(1, 9)),
            )

    def start(self) -> None:
        self.call(
            "start_payment",
            self.some("trades", "trade_no", "state = 'open'"),
            self.number("P"),
            5,
            "card",
        )

    def refund(self) -> None:
        self.call("refund_order", self.some("orders", "order_no"), self.number("R"), self.amount())

    def record_refund(self) -> None:
        self.call(
            "record_refund", self.some("orders", "order_no"), self.number("R"), self.amount(), "pos"
        )

    def close(self) -> None:
        keep = self.random.random() < 0.5
        self.call("close_trade", self.some("trades", "trade_no", "state = 'open'"), "no", keep)

    def cancel(self) -> None:
        trade_no = self.some("trades", "trade_no", "state = 'open'")
        found = self.shop.query(
            "select order_no from mixpay.trade_orders where trade_no = %s", trade_no
        )
        if found:
            self.call("cancel_order", trade_no, self.random.choice(found).order_no, "no")

    def split(self) -> None:
        shares: Json = [
            {"receiver": "agent", "rate": 1500},
            {"kind": "platform_fee", "receiver": "us", "fixed": 3, "kept_on_refund": True},
        ]
        where = self.random.choice(["payment", "release"])
        self.call(
            "split_order",
            self.some("orders", "order_no", "payee_no is not null"),
            self.number("X"),
            shares,
            where,
        )

    def release(self) -> None:
        amount = self.random.choice([None, 10])
        self.call("release_order", self.some("orders", "order_no"), self.number("L"), amount)

    def send(self) -> None:
        self.call("claim_channel_refunds", "w", 3, "1 hour")

    def news(self) -> None:
        sent = "kind not in ('return', 'chargeback')" if self.random.random() < 0.95 else "true"
        number = self.some("channel_refund_list", "channel_refund_no", sent)
        call = self.random.choice(
            ["complete_channel_refund"] * 3
            + ["fail_channel_refund"] * 3
            + ["bounce_channel_refund"] * 2
            + ["redirect_channel_refund"] * 2
            + ["doubt_channel_refund", "defer_channel_refund"]
        )
        if call == "complete_channel_refund":
            self.call(call, number, self.random.choice([None, self.number("Y")]))
        elif call == "redirect_channel_refund":
            self.call(call, number, self.random.choice(["card", "bank", "pos"]), "so")
        else:
            self.call(call, number, "so")

    def resolve(self) -> None:
        number = self.some("anomaly_list", "channel_refund_no")
        self.call(
            "resolve_anomaly",
            number,
            self.random.choice(["booked", "recovered", "written_off"]),
            "so",
        )

    def give_back(self) -> None:
        amount = self.random.choice([None, None, self.amount(), self.amount()])
        self.call(
            "return_payment", self.some("payments", "payment_no"), self.number("B"), "so", amount
        )

    def charge_back(self) -> None:
        payment_no = self.some("payments", "payment_no", "amount > 0")
        if payment_no:
            payment = self.shop.row("payments", payment_no)
            found = self.shop.query(
                "select order_no from mixpay.trade_orders where trade_no = %s", payment.trade_no
            )
            order_no = self.random.choice([None, None, self.random.choice(found).order_no])
            amount = self.random.choice([payment.amount, self.amount()])
            fee = self.random.choice([0, 7])
            self.call(
                "charge_back_payment",
                payment_no,
                self.number("C"),
                amount,
                "so",
                fee,
                order_no=order_no,
            )

    def win(self) -> None:
        amount = self.random.choice([None, self.amount()])
        self.call("reverse_chargeback", self.some("chargebacks", "chargeback_no"), "so", amount)

    def step(self) -> None:
        steps = {
            self.merge: 4,
            self.pay: 8,
            self.start: 1,
            self.refund: 4,
            self.record_refund: 1.5,
            self.close: 0.7,
            self.cancel: 0.7,
            self.split: 0.7,
            self.release: 1,
            self.send: 1,
            self.news: 6,
            self.resolve: 0.5,
            self.give_back: 3,
            self.charge_back: 3,
            self.win: 3,
        }
        self.random.choices(list(steps), list(steps.values()))[0]()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_checks_hold_whatever_channels_take_back(conn: Connection[Any], seed: int) -> None:
    random = Random(seed)
    mixes = []
    for allocation in ("fifo", "pro_rata"):
        shop = Shop(conn, allocation)
        shop.call("register_merchant", "Shop", allocation)
        for payee_no in ("S", "V"):
            shop.call("register_payee", payee_no, payee_no)
        mixes.append(Mix(shop, random))
    for step in range(STEPS):
        mix = random.choice(mixes)
        mix.step()
        if step % 5 == 0:
            assert all_hold(conn), (seed, step)
    done = mixes[0].done + mixes[1].done
    assert min(done[x] for x in ("return_payment", "charge_back_payment", "reverse_chargeback")) > 5
