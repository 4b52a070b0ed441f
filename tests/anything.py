"""A value for each parameter of each call, which makes sense more often than not.

What calls there are, the catalog knows. A parameter of a new name, for which nothing here says what
it may be, is an error: whoever adds it says so, and a crowd calls it from then on.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.types.json import Jsonb

NOWHERE = "nowhere"
ORDERS = [f"O{i}" for i in range(8)]
PAYEES = ["ann", "bob", "eve"]
CHANNELS = ["card", "wechat", "pos", "cash", "voucher", "once", "whole", "never"]
ACCOUNTS = ["payee:ann", "payee:bob", "receiver:courier", "fee:adjustment", "fee:platform"]
ACCOUNTS += ["channel_fee:card", "channel:card", "channel:cash", "bank:main", "loss:chargeback"]
KINDS = ["payment", "refund", "refund_reversal", "chargeback", "chargeback_reversal", "return"]
KINDS += ["fee", "payout", "payout_reversal", "adjustment", "transfer", "other", "unknown"]
# What nearly all else needs; what is rare in life, and ends much.
OFTEN = {"merge_orders": 6, "record_payment": 6, "start_payment": 4, "succeed_payment": 5}
OFTEN |= {"refund_order": 6, "claim_channel_refunds": 5, "complete_channel_refund": 5}
OFTEN |= {"split_order": 2, "load_statement_lines": 3, "seal_statement": 3, "reconcile": 3}
SELDOM = {"register_merchant", "set_route", "close_trade", "close_period"}


class Function(NamedTuple):
    name: str
    parameters: list[tuple[str, str, bool]]  # name, type, whether it may be left out
    refusals: set[str]  # which its comment names

    @property
    def weight(self) -> float:
        return 0.3 if self.name in SELDOM else OFTEN.get(self.name, 1)


def functions(conn: Connection[Any]) -> list[Function]:
    """Everything that may be called of one merchant."""
    rows = conn.execute(
        "select proname, array(select format_type(t, null) from unnest(proargtypes) as t), "
        "proargnames[1:pronargs], pronargs - pronargdefaults, obj_description(oid) from pg_proc "
        "where pronamespace = 'mixpay'::regnamespace and prokind = 'f' "
        "and proname !~ '^_' and 'p_merchant_id' = any (proargnames) order by proname"
    )
    return [
        Function(
            name,
            [(p, t, i >= least) for i, (p, t) in enumerate(zip(names, types, strict=True))],
            set(re.findall(r"\bMX\d{3}\b", comment)),
        )
        for name, types, names, least, comment in rows.fetchall()
    ]


def prepare(conn: Connection[Any]) -> None:
    """The payees, and channels that do not send back what others do."""
    for payee in PAYEES:
        conn.execute("select mixpay.register_payee('m', %s, 'Payee')", [payee])
    for channel, limit in (
        ("once", "p_max_refunds => 1, p_fallback_channel => 'card'"),
        ("whole", "p_can_refund_in_part => false, p_fallback_channel => 'cash'"),
        ("never", "p_can_refund => false, p_fallback_channel => 'whole'"),
    ):
        conn.execute(f"select mixpay.register_channel('{channel}', 'Limited', 'online', {limit})")


class Hand:
    """Draws what one session calls. Whatever it draws is of the merchant m."""

    def __init__(self, conn: Connection[Any], name: str, seed: int) -> None:
        self.conn, self.name, self.random = conn, name, Random(seed)
        self.functions = functions(conn)
        self.weights = [function.weight for function in self.functions]
        self.drawn = 0

    def draw(self) -> Function:
        return self.random.choices(self.functions, self.weights)[0]

    def arguments(self, function: Function) -> dict[str, Any]:
        """By name, as Shop.rows takes them."""
        return {
            name.removeprefix("p_"): self._value(function.name, name, type_)
            for name, type_, optional in function.parameters
            if name != "p_merchant_id" and not (optional and self.random.random() < 0.4)
        }

    def _value(self, function: str, name: str, type_: str) -> Any:
        for key in (f"{function}.{name}", name, type_):
            if (draw := VALUES.get(key)) is not None:
                return draw(self)
        raise KeyError(f"say in tests/anything.py what {name} of {function} may be")

    # What values are drawn from.

    def of(self, *some: Any) -> Any:
        return self.random.choice(some)

    def often(self, one: Any, other: Any) -> Any:
        return one if self.random.random() < 0.8 else other

    def some(self, most: int, draw: Callable[[], Any]) -> list[Any]:
        return [draw() for _ in range(self.random.randint(1, most))]

    def new(self) -> str:
        """A number, mostly of this session's own; else one that another session draws, too."""
        self.drawn += 1
        return self.often(f"{self.name}-{self.drawn}", f"N{self.random.randint(0, 40)}")

    def one(self, query: str) -> Any:
        """The first column of a row that is there, or what is nowhere."""
        row = self.conn.execute(
            f"select x from (select {query}) as t (x) where x is not null order by random() limit 1"
        ).fetchone()
        return row[0] if row else NOWHERE

    def known(self, table: str, where: str = "true") -> Any:
        """The number of a row, mostly of one of which this is true."""
        column = f"{table.removesuffix('s')}_no"
        return self.one(f"{column} from mixpay.{table} where {self.often(where, 'true')}")

    def amount(self) -> int:
        return self.often(self.of(1, 2, 3, 5, 7, 10, 20, 50, 100), self.of(0, -1, 400, 10**16))

    def past(self) -> datetime | None:
        now = datetime.now(UTC)
        return self.of(None, now, now - timedelta(hours=self.random.randint(1, 9000)))

    def soon(self) -> datetime | None:
        return self.of(None, datetime.now(UTC) + timedelta(seconds=self.of(0.05, 0.5, 1000)))

    def order(self) -> dict[str, Any]:
        """One that is known costs what it costs now."""
        nth = self.random.randrange(len(ORDERS))
        cost = self.one(f"amount from mixpay.orders where order_no = '{ORDERS[nth]}'")
        hold = self.of(False, True, (self.soon() or datetime.now(UTC)).isoformat())
        return {
            "order_no": ORDERS[nth],
            "amount": 400 if cost == NOWHERE else cost,
            "currency": "CNY",
            **({"payee_no": PAYEES[nth % 3]} if nth % 2 else {}),
            **({"hold": hold} if nth % 4 == 1 else {}),
            **self.of({}, {"pay": self.random.randint(1, 60)}),
        }

    def orders(self) -> list[dict[str, Any]]:
        return list({order["order_no"]: order for order in self.some(4, self.order)}.values())

    def payment(self) -> dict[str, Any]:
        payment = {"trade_no": self.known("trades", "state = 'open'"), "payment_no": self.new()}
        return {**payment, "channel": self.of(*CHANNELS), "amount": self.random.randint(1, 60)}

    def line(self, number: int) -> dict[str, Any]:
        """Of a statement: of what is on record, or of what nobody knows."""
        kind, table, amount, moment = self.of(
            ("payment", "payments", "amount", "paid_at"),
            ("refund", "channel_refunds", "-amount", "refunded_at"),
        )
        moved = self.conn.execute(
            f"select {table.removesuffix('s')}_no, {amount}, {moment} from mixpay.{table} "
            "where state = 'succeeded' order by random() limit 1"
        ).fetchone()
        line = {"line_no": number, "currency": "CNY", "channel_txn_no": f"B{self.new()}"}
        if moved and self.often(True, False):
            return {
                **line, "kind": kind, "our_no": moved[0], "amount": moved[1] + self.often(0, 1),
                "happened_at": moved[2].isoformat(),
            }  # fmt: skip
        about = self.known("payments", "state = 'succeeded'")
        return {
            **line, "kind": self.of(*KINDS), "amount": self.of(-100, -7, 5, 100),
            "happened_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
            **self.of({}, {"of_our_no": about}),
        }  # fmt: skip

    def lines(self) -> list[dict[str, Any]]:
        return [self.line(number + 1) for number in range(self.random.randint(1, 3))]

    def shares(self) -> list[dict[str, Any]]:
        return self.random.sample(
            [
                {"receiver": "courier", "rate": self.of(300, 3333)},
                {"kind": "platform_fee", "receiver": "platform", "rate": 200},
                {"receiver": "agent", "fixed": 5, "kept_on_refund": True},
                {"receiver": "rest", "takes_remainder": True},
            ],
            self.random.randint(1, 4),
        )


def several(draw: Callable[[Hand], dict[str, Any]]) -> Callable[[Hand], Jsonb]:
    return lambda hand: Jsonb(hand.some(4, lambda: draw(hand)))


def one_of(*some: Any) -> Callable[[Hand], Any]:
    return lambda hand: hand.of(*some)


def number_of(table: str, where: str = "true") -> Callable[[Hand], Any]:
    return lambda hand: hand.known(table, where)


def each(calls: Iterable[str], parameter: str, draw: Callable[[Hand], Any]) -> dict[str, Any]:
    return {f"{call}.{parameter}": draw for call in calls}


SENT = number_of("channel_refunds", "state in ('sent', 'doubt')")
STANDING = number_of("settlements", "state <> 'reversed'")
SEALED = number_of("statements", "sealed_at is not null")
OPEN = number_of("statements", "sealed_at is null")
# By call and parameter; else by parameter; else by type.
VALUES: dict[str, Callable[[Hand], Any]] = {
    "p_account": one_of(*ACCOUNTS),
    "p_after": lambda _: None,
    "p_against": one_of(*ACCOUNTS),
    "p_allocation": one_of("fifo", "pro_rata"),
    "p_amount": Hand.amount,
    "p_bank": one_of("main", "second"),
    "p_by": one_of("ann", "bob"),
    "p_captures": number_of("payments", "authorized is not null"),
    "p_channel": one_of(*CHANNELS),
    "p_channel_txn_no": lambda hand: hand.of(None, f"B{hand.new()}"),
    "p_channels": one_of(None, ["card", "wechat"], ["cash"]),
    "p_completions": several(lambda hand: {"channel_refund_no": SENT(hand)}),
    "p_currency": lambda hand: hand.often("CNY", hand.of("USD", "XXX")),
    "p_entity": one_of("order", "payment", "refund", "trade"),
    "p_fee": one_of(0, 1, 5),
    "p_fee_fixed": one_of(None, 0, 1),
    "p_fee_rate": one_of(None, 0, 6000),
    "p_format": lambda _: "lines",
    "p_kind": one_of(None, "payment", "channel_refund", "channel_payout", "settlement"),
    "p_lag": one_of(None, "1 day"),
    "p_lease": one_of("0.05 s", "1 minute"),
    "p_limit": one_of(1, 3, 100),
    "p_line_no": one_of(1, 2, 3),
    "p_lines": lambda hand: Jsonb(hand.lines()),
    "p_max_amount": one_of(None, 50),
    "p_method": lambda hand: hand.of(None, *CHANNELS),
    "p_min_amount": one_of(None, 2),
    "p_notes": lambda hand: Jsonb({hand.of("shop", "till"): hand.of("x", 1, None)}),
    "p_number": lambda hand: hand.of(
        hand.of(*ORDERS), hand.known("payments"), hand.known("channel_refunds"),
        hand.known("trades"), hand.known("refunds"),
        hand.one("payout_no from mixpay.channel_payouts"),
    ),
    "p_order_no": one_of(*ORDERS),
    "p_orders": lambda hand: Jsonb(hand.orders()),
    "p_outcome": one_of("buyer", "payee"),
    "p_part": lambda hand: hand.often("", "a"),
    "p_payee_no": one_of(*PAYEES),
    "p_payment_nos": lambda hand: hand.of(None, hand.some(2, lambda: hand.known("payments"))),
    "p_payments": several(Hand.payment),
    "p_priority": one_of(50, 100),
    "p_reason": one_of(None, "why", "manual"),
    "p_receiver": one_of("courier", "agent", "rest"),
    "p_refunds": several(
        lambda hand: {"order_no": hand.of(*ORDERS), "refund_no": hand.new(), "amount": 3}
    ),
    "p_resolution": one_of("booked", "recovered", "written_off"),
    "p_retry_after": one_of(None, "0.05 s"),
    "p_shares": lambda hand: Jsonb(hand.shares()),
    "p_takes_back": number_of("resolutions", "action <> 'taken_back'"),
    "p_takes_place": one_of(None, "payment", "release"),
    "p_title": lambda _: "Title",
    "p_tolerance": one_of(None, 0, 2),
    "p_totals": lambda _: None,
    "p_trades": several(lambda hand: {"orders": hand.orders()}),
    "p_trade_no": number_of("trades", "state = 'open'"),
    "p_wait": one_of("0 s", "0.5 s"),
    "p_weight": one_of(1, 3),
    "p_worker": one_of("w1", "w2"),
    "p_write_off_limit": one_of(None, 5),
    "p_zone": one_of(None, "Asia/Shanghai"),
    # Where the number is of what is made: a new one.
    **each(["record_payment", "start_payment"], "p_payment_no", Hand.new),
    **each(["merge_orders"], "p_trade_no", lambda hand: hand.of(None, hand.new())),
    **each(["charge_back_payment"], "p_chargeback_no", Hand.new),
    **each(["open_dispute"], "p_dispute_no", Hand.new),
    **each(["open_statement"], "p_statement_no", Hand.new),
    **each(["settle_payee", "settle_receiver"], "p_settlement_no", Hand.new),
    **dict.fromkeys(
        ["p_adjustment_no", "p_fee_no", "p_payout_no", "p_refund_no", "p_release_no",
         "p_repayment_no", "p_reprice_no", "p_resolution_no", "p_return_no", "p_split_no"],
        Hand.new,
    ),
    # Else it is of what is there.
    "p_chargeback_no": number_of("chargebacks"),
    "p_dispute_no": number_of("disputes", "state = 'open'"),
    "p_channel_refund_no": SENT,
    "p_payment_no": number_of("payments", "state = 'succeeded'"),
    "p_settlement_no": STANDING,
    "p_statement_no": SEALED,
    **each(["load_statement_lines", "seal_statement"], "p_statement_no", OPEN),
    **each(["defer_channel_refund", "redirect_channel_refund", "write_off"], "p_channel_refund_no",
           number_of("channel_refunds", "state in ('pending', 'waiting', 'bounced', 'doubt')")),
    **each(["bounce_channel_refund"], "p_channel_refund_no",
           number_of("channel_refunds", "state = 'succeeded'")),
    **each(["resolve_anomaly"], "p_channel_refund_no",
           lambda hand: hand.one("channel_refund_no from mixpay.anomaly_list")),
    "p_nth": lambda hand: hand.often(1, 2),
    **each(["authorize_payment", "fail_payment", "succeed_payment"], "p_payment_no",
           number_of("payments", "state in ('pending', 'authorized')")),
    **each(["book_line"], "p_payment_no", one_of(None)),
    **each(["succeed_payments"], "p_payments", several(
        lambda hand: {"payment_no": hand.known("payments", "state = 'pending'")}
    )),
    **each(["seal_statement"], "p_line_count", one_of(1, 2, 3)),
    **each(["open_statement", "set_reconciliation"], "p_account",
           one_of("channel:card", "channel:cash", "bank:main")),
    **each(["merge_orders", "authorize_payment"], "p_expires_at", Hand.soon),
    **each(["defer_channel_refund"], "p_not_before", Hand.soon),
    **each(["close_period"], "p_until", lambda _: datetime.now(UTC)),
    "boolean": one_of(True, False),
    "timestamp with time zone": Hand.past,
}  # fmt: skip
