"""E43, by every call: a number, a moment or a reason that was not known at first comes later.

The two tables name every public call that has such a parameter; a new one is to be added here.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from bills import line, load, reconcile
from psycopg import Connection
from shop import Row, Shop, day, on_hold

# Questions, and a plan that may change: no news.
NO_NEWS = {
    ("account_balance", "p_at"),
    ("trial_balance", "p_at"),
    ("merge_orders", "p_expires_at"),
    # Both come, or none: tests/functions/test_open_statement.py.
    ("open_statement", "p_from_at"),
    ("open_statement", "p_until_at"),
}


def part(shop: Shop) -> str:
    """The channel refund of R by P2, whose successor may be another one."""
    (first,) = shop.query(
        "select channel_refund_no from mixpay.channel_refunds "
        "where payment_no = 'P2' and refund_no = 'R' and redirected_from is null"
    )
    return str(first.channel_refund_no)


def sold(shop: Shop) -> None:
    """A100 of S, paid 30 by wallet and 70 by card."""
    shop.call("register_payee", "S", "Store")
    shop.call("merge_orders", on_hold("S", A=100), "T")
    shop.pay("T", "P1", 30, "wallet", day(1))
    shop.pay("T", "P2", 70, "card", day(2))


def refunded(shop: Shop) -> None:
    sold(shop)
    shop.refund("A", "R", 100)


def bounced_later(shop: Shop) -> None:
    refunded(shop)
    shop.complete("R", "P2")


def anomalous(shop: Shop) -> None:
    refunded(shop)
    shop.fail("R", "P2")
    shop.refund("A", "R2", 50)
    shop.call("complete_channel_refund", part(shop), "X2")


def free_again(shop: Shop) -> None:
    """Listed, and what it was given to has failed since: it may be booked."""
    anomalous(shop)
    for row in shop.query("select * from mixpay.channel_refunds where refund_no = 'R2'"):
        shop.call("fail_channel_refund", row.channel_refund_no, "refused")


def charged_back(shop: Shop) -> None:
    sold(shop)
    shop.call("charge_back_payment", "P2", "C", 70, "fraud")


def disputed(shop: Shop) -> None:
    sold(shop)
    shop.call("open_dispute", "A", "D", "broken")


def settled(shop: Shop) -> None:
    shop.sell("A", 100)
    shop.settle("S1")


def reversed_(shop: Shop) -> None:
    settled(shop)
    shop.call("reverse_settlement", "S1", "no such account")


def two_orders(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 60, "card")


def one_order(shop: Shop) -> None:
    shop.merge("T", A=100)


def started(shop: Shop) -> None:
    one_order(shop)
    shop.start("T", "P", 100, "card")


def differing(shop: Shop) -> None:
    """A fee of 5 that is only the channel's, and one of 9 that is only ours."""
    shop.call("record_channel_fee", "card", "F", 9, "CNY", charged_at=day(1))
    shop.call("set_reconciliation", "channel:card", write_off_limit=5)
    load(shop, "N", [line(1, "fee", -5, day(1))])
    reconcile(shop, "N")


def ignored(shop: Shop) -> None:
    differing(shop)
    shop.call("ignore_difference", "E0", "Zoe", "no", "N", 1)


def of(table: str, number: str, column: str = "reason") -> Callable[[Shop], Any]:
    return lambda shop: getattr(shop.row(table, number), column)


def of_part(shop: Shop) -> Any:
    return shop.row("channel_refunds", part(shop)).reason


def of_history(entity: str, number: str) -> Callable[[Shop], Any]:
    """The reason of its end, or what came later of it."""

    def said(shop: Shop) -> Any:
        (event,) = shop.query(
            "select max(reason) as reason from mixpay.history where entity = %s and number = %s",
            entity,
            number,
        )
        return event.reason

    return said


def listed(view: str, where: str) -> Callable[[Shop], Any]:
    def said(shop: Shop) -> Any:
        (row,) = shop.query(f"select reason from mixpay.{view} where {where}")
        return row.reason

    return said


def resolved(shop: Shop) -> Any:
    (row,) = shop.query("select reason from mixpay.anomaly_resolutions")
    return row.reason


Tell = Callable[[Shop, Any], Any]
# The call, what is there before, the call with a reason, and where the reason stands.
REASONS: list[tuple[str, Callable[[Shop], None], Tell, Callable[[Shop], Any]]] = [
    (
        "fail_payment",
        started,
        lambda s, r: s.call("fail_payment", "P", r),
        of_history("payment", "P"),
    ),
    ("close_trade", started, lambda s, r: s.call("close_trade", "T", r), of_history("trade", "T")),
    (
        "close_trade",
        two_orders,
        lambda s, r: s.call("close_trade", "T", r, True),
        of_history("trade", "T"),
    ),
    (
        "cancel_order",
        two_orders,
        lambda s, r: s.call("cancel_order", "T", "A", r),
        of_history("trade", "T"),
    ),
    (
        "cancel_order",
        one_order,
        lambda s, r: s.call("cancel_order", "T", "A", r),
        of_history("trade", "T"),
    ),
    (
        "reprice_order",
        two_orders,
        lambda s, r: s.call("reprice_order", "A", "N", 80, r),
        listed("repricing_list", "reprice_no = 'N'"),
    ),
    ("refund_order", sold, lambda s, r: s.call("refund_order", "A", "R", 9, r), of("refunds", "R")),
    (
        "record_refund",
        sold,
        lambda s, r: s.call("record_refund", "A", "R", 9, "cash", reason=r),
        of("refunds", "R"),
    ),
    (
        "record_channel_refund",
        sold,
        lambda s, r: s.call("record_channel_refund", "A", "R", 9, "P2", reason=r),
        of("refunds", "R"),
    ),
    ("write_off", refunded, lambda s, r: s.call("write_off", part(s), r), of_part),
    (
        "fail_channel_refund",
        refunded,
        lambda s, r: s.call("fail_channel_refund", part(s), r),
        of_part,
    ),
    (
        "doubt_channel_refund",
        refunded,
        lambda s, r: s.call("doubt_channel_refund", part(s), r),
        of_part,
    ),
    (
        "defer_channel_refund",
        refunded,
        lambda s, r: s.call("defer_channel_refund", part(s), r),
        of_part,
    ),
    (
        "defer_channel_refund",
        refunded,
        lambda s, r: s.call("defer_channel_refund", part(s), r, day(40)),
        of_part,
    ),
    (
        "bounce_channel_refund",
        bounced_later,
        lambda s, r: s.call("bounce_channel_refund", part(s), r),
        of_part,
    ),
    (
        "redirect_channel_refund",
        refunded,
        lambda s, r: s.call("redirect_channel_refund", part(s), "card", r),
        of_part,
    ),
    (
        "redirect_channel_refund",
        refunded,
        lambda s, r: s.call("redirect_channel_refund", part(s), "card", r),
        listed("channel_refunds", "redirected_from is not null"),
    ),
    (
        "resolve_anomaly",
        anomalous,
        lambda s, r: s.call("resolve_anomaly", part(s), "recovered", r),
        resolved,
    ),
    (
        "resolve_anomaly",
        free_again,
        lambda s, r: s.call("resolve_anomaly", part(s), "booked", r),
        of_part,
    ),
    (
        "charge_back_payment",
        sold,
        lambda s, r: s.call("charge_back_payment", "P2", "C", 70, r),
        of("chargebacks", "C"),
    ),
    (
        "reverse_chargeback",
        charged_back,
        lambda s, r: s.call("reverse_chargeback", "C", r),
        of("chargebacks", "C", "reversal_reason"),
    ),
    (
        "return_payment",
        sold,
        lambda s, r: s.call("return_payment", "P2", "N", r),
        of("returns", "N"),
    ),
    ("open_dispute", sold, lambda s, r: s.call("open_dispute", "A", "D", r), of("disputes", "D")),
    (
        "close_dispute",
        disputed,
        lambda s, r: s.call("close_dispute", "D", "payee", r),
        of("disputes", "D", "closing_reason"),
    ),
    (
        "close_dispute",
        disputed,
        lambda s, r: s.call("close_dispute", "D", "buyer", r),
        listed("refund_list", "order_no = 'A'"),
    ),
    (
        "adjust_account",
        settled,
        lambda s, r: s.call("adjust_account", "payee:S", "J", 5, "CNY", r),
        listed("adjustment_list", "adjustment_no = 'J'"),
    ),
    (
        "record_channel_fee",
        sold,
        lambda s, r: s.call("record_channel_fee", "card", "F", 5, "CNY", reason=r),
        listed("channel_fee_list", "fee_no = 'F'"),
    ),
    (
        "record_repayment",
        settled,
        lambda s, r: s.call("record_repayment", "payee:S", "Y", 5, "CNY", reason=r),
        of("repayments", "Y"),
    ),
    (
        "book_line",
        differing,
        lambda s, r: s.call("book_line", "E", "N", 1, "Zoe", reason=r),
        listed("resolution_list", "resolution_no = 'E'"),
    ),
    (
        "ignore_difference",
        differing,
        lambda s, r: s.call("ignore_difference", "E", "Zoe", r, "N", 1),
        listed("resolution_list", "resolution_no = 'E'"),
    ),
    (
        "write_off_difference",
        differing,
        lambda s, r: s.call("write_off_difference", "E", "Zoe", r, "N", 1),
        listed("resolution_list", "resolution_no = 'E'"),
    ),
    (
        "mark_received",
        differing,
        lambda s, r: s.call("mark_received", "E", "Zoe", "channel:card", "fee", "F", r),
        listed("resolution_list", "resolution_no = 'E'"),
    ),
    (
        "take_back_resolution",
        ignored,
        lambda s, r: s.call("take_back_resolution", "E", "E0", "Zoe", r),
        listed("resolution_list", "resolution_no = 'E'"),
    ),
    (
        "withdraw_statement",
        differing,
        lambda s, r: s.call("withdraw_statement", "E", "N", "Zoe", r),
        listed("resolution_list", "resolution_no = 'E'"),
    ),
    (
        "reverse_settlement",
        settled,
        lambda s, r: s.call("reverse_settlement", "S1", r),
        of("settlements", "S1"),
    ),
    (
        "reinstate_settlement",
        reversed_,
        lambda s, r: s.call("reinstate_settlement", "S1", r),
        of("settlements", "S1"),
    ),
]


def money(name: str, *arguments: Any) -> Callable[..., Row]:
    return lambda shop, **named: shop.call(name, *arguments, **named)


def complete(shop: Shop, *, channel_txn_no: Any = None, **named: Any) -> Row:
    return shop.call("complete_channel_refund", part(shop), channel_txn_no, **named)


def succeed(shop: Shop, *, channel_txn_no: Any = None, **named: Any) -> Row:
    return shop.call("succeed_payment", "P", channel_txn_no, **named)


def authorize(shop: Shop, *, channel_txn_no: Any = None, **named: Any) -> Row:
    return shop.call("authorize_payment", "P", channel_txn_no, **named)


def sent(shop: Shop) -> None:
    refunded(shop)
    complete(shop)


def bounce(shop: Shop, **named: Any) -> Row:
    return shop.call("bounce_channel_refund", part(shop), "account closed", **named)


def recover(shop: Shop, **named: Any) -> Row:
    return shop.call("resolve_anomaly", part(shop), "recovered", "sent back", **named)


# The call, its parameter, what is there before, and the error that another one gets.
RECORD_PAYMENT = money("record_payment", "T", "P", "card", 100)
RECORD_CHANNEL_REFUND = money("record_channel_refund", "A", "R", 9, "P2")
PARTICULARS: list[tuple[str, str, Callable[[Shop], None], Callable[..., Row], str]] = [
    ("succeed_payment", "channel_txn_no", started, succeed, "MX208"),
    ("succeed_payment", "paid_at", started, succeed, "MX208"),
    ("authorize_payment", "channel_txn_no", started, authorize, "MX211"),
    ("authorize_payment", "expires_at", started, authorize, "MX211"),
    ("record_payment", "channel_txn_no", one_order, RECORD_PAYMENT, "MX202"),
    ("record_payment", "paid_at", one_order, RECORD_PAYMENT, "MX202"),
    ("complete_channel_refund", "channel_txn_no", refunded, complete, "MX304"),
    ("complete_channel_refund", "refunded_at", refunded, complete, "MX304"),
    ("record_channel_refund", "channel_txn_no", sold, RECORD_CHANNEL_REFUND, "MX304"),
    ("record_channel_refund", "refunded_at", sold, RECORD_CHANNEL_REFUND, "MX304"),
    ("record_refund", "refunded_at", sold, money("record_refund", "A", "R", 9, "cash"), "MX302"),
    ("bounce_channel_refund", "channel_txn_no", sent, bounce, "MX304"),
    ("bounce_channel_refund", "bounced_at", sent, bounce, "MX304"),
    ("resolve_anomaly", "recovered_at", anomalous, recover, "MX311"),
    (
        "charge_back_payment",
        "charged_at",
        sold,
        money("charge_back_payment", "P2", "C", 70, "fraud"),
        "MX223",
    ),
    ("reverse_chargeback", "at", charged_back, money("reverse_chargeback", "C", "won"), "MX223"),
    ("return_payment", "returned_at", sold, money("return_payment", "P2", "N", "bad"), "MX221"),
    (
        "record_channel_fee",
        "charged_at",
        sold,
        money("record_channel_fee", "card", "F", 5, "CNY"),
        "MX413",
    ),
    (
        "record_channel_payout",
        "paid_at",
        sold,
        money("record_channel_payout", "card", "O", 5, "CNY"),
        "MX414",
    ),
    (
        "record_repayment",
        "repaid_at",
        settled,
        money("record_repayment", "payee:S", "Y", 5, "CNY"),
        "MX410",
    ),
    (
        "reverse_settlement",
        "reversed_at",
        settled,
        money("reverse_settlement", "S1", "no such account"),
        "MX418",
    ),
]

# Where a call's moment stands, and the log whose last fact says when it came later.
MOMENTS: dict[str, tuple[str, str]] = {
    "succeed_payment": ("select paid_at from mixpay.payments", "trade"),
    "record_payment": ("select paid_at from mixpay.payments", "trade"),
    "complete_channel_refund": (
        "select refunded_at from mixpay.channel_refunds where payment_no = 'P2'",
        "trade",
    ),
    "record_channel_refund": ("select refunded_at from mixpay.channel_refunds", "trade"),
    "record_refund": ("select refunded_at from mixpay.channel_refunds", "trade"),
    "bounce_channel_refund": (
        "select bounced_at from mixpay.channel_refunds where payment_no = 'P2'",
        "trade",
    ),
    "resolve_anomaly": ("select recovered_at from mixpay.anomaly_resolutions", "trade"),
    "charge_back_payment": ("select charged_at from mixpay.chargebacks", "trade"),
    "reverse_chargeback": ("select reversed_at from mixpay.chargebacks", "trade"),
    "return_payment": ("select returned_at from mixpay.returns", "trade"),
    "record_channel_fee": ("select charged_at from mixpay.channel_fees", "channel_fee"),
    "record_channel_payout": ("select paid_at from mixpay.channel_payouts", "channel_payout"),
    "record_repayment": ("select repaid_at from mixpay.repayments", "repayment"),
    "reverse_settlement": ("select reversed_at from mixpay.settlements", "settlement"),
}

EACH_REASON = pytest.mark.parametrize(
    ("before", "tell", "said"),
    [pytest.param(*more, id=f"{name}-{i}") for i, (name, *more) in enumerate(REASONS)],
)
EACH_PARTICULAR = pytest.mark.parametrize(
    ("name", "before", "tell", "refused"),
    [
        pytest.param(parameter, *more, id=f"{call}-{parameter}")
        for call, parameter, *more in PARTICULARS
    ],
)


def test_no_call_is_forgotten(conn: Connection[Any]) -> None:
    found = conn.execute(
        "select p.proname::text, a.name::text from pg_catalog.pg_proc as p "
        "cross join unnest(p.proargnames, p.proargmodes) as a (name, mode) "
        "where p.pronamespace = 'mixpay'::regnamespace and p.proname not like '\\_%' "
        "and coalesce(a.mode, 'i') in ('i', 'b') "
        "and a.name ~ '^p_(.*reason|.*txn_no|(.*_)?at)$'"
    ).fetchall()
    told = {(name, "p_reason") for name, *_ in REASONS}
    told |= {(name, f"p_{parameter}") for name, parameter, *_ in PARTICULARS}

    assert set(found) == told | NO_NEWS


@EACH_REASON
def test_e43_a_reason_comes_later(
    shop: Shop, before: Callable[[Shop], None], tell: Tell, said: Callable[[Shop], Any]
) -> None:
    before(shop)
    first = tell(shop, None)
    assert said(shop) is None
    with shop.unchanged():
        tell(shop, None)
    later = tell(shop, "why")
    assert said(shop) == "why"
    assert type(later) is type(first) or later._fields == first._fields
    for reason in ("another", None, "why"):
        with shop.unchanged():
            assert tell(shop, reason) == later


@EACH_REASON
def test_e43_a_reason_that_came_at_once_stays(
    shop: Shop, before: Callable[[Shop], None], tell: Tell, said: Callable[[Shop], Any]
) -> None:
    before(shop)
    tell(shop, "why")
    assert said(shop) == "why"
    for reason in ("another", None, "why"):
        with shop.unchanged():
            tell(shop, reason)


def values(name: str) -> tuple[Any, Any]:
    if name == "channel_txn_no":
        return "X1", "X2"
    return (day(50), day(51)) if name == "expires_at" else (day(3), day(4))


@EACH_PARTICULAR
def test_e43_a_number_or_a_moment_comes_later(
    shop: Shop, name: str, before: Callable[[Shop], None], tell: Callable[..., Row], refused: str
) -> None:
    before(shop)
    one, other = values(name)
    tell(shop)
    with shop.unchanged():
        tell(shop)
    tell(shop, **{name: one})
    for again in ({}, {name: one}):
        with shop.unchanged():
            tell(shop, **again)
    with shop.refused(refused):
        tell(shop, **{name: other})


@EACH_PARTICULAR
def test_e43_a_number_or_a_moment_that_came_at_once_stays(
    shop: Shop, name: str, before: Callable[[Shop], None], tell: Callable[..., Row], refused: str
) -> None:
    before(shop)
    one, other = values(name)
    tell(shop, **{name: one})
    for again in ({}, {name: one}):
        with shop.unchanged():
            tell(shop, **again)
    with shop.refused(refused):
        tell(shop, **{name: other})


@pytest.mark.parametrize(
    ("call", "name", "before", "tell", "refused"),
    [p for p in PARTICULARS if p[1] not in ("channel_txn_no", "expires_at")],
    ids=lambda value: value if value in MOMENTS else "",
)
def test_e43_a_moment_that_came_later_is_on_record(
    shop: Shop,
    call: str,
    name: str,
    before: Callable[[Shop], None],
    tell: Callable[..., Row],
    refused: str,
) -> None:
    """In the row, and as a fact of its own: nothing moves by it, and no period changes."""
    stands, log = MOMENTS[call]
    before(shop)
    tell(shop)
    assumed = {moment for (moment,) in shop.query(stands)}
    journal = shop.query("select * from mixpay.journal order by source, number, entry")
    days = shop.query("select * from mixpay.day_flow order by 1, 2, 3, 4, 5")
    result = tell(shop, **{name: day(3)})

    assert {moment for (moment,) in shop.query(stands)} == {day(3)} != assumed
    assert day(3) in result or call in ("record_refund", "record_channel_refund")
    assert shop.query("select * from mixpay.journal order by source, number, entry") == journal
    assert shop.query("select * from mixpay.day_flow order by 1, 2, 3, 4, 5") == days
    (last,) = shop.query(
        "select * from mixpay.facts where log = %s order by log_no, entry desc limit 1", log
    )
    assert (last.happened_at, last.reason) == (day(3), "its moment came later")
    assert (last.from_state, last.amount) == (last.to_state, None)
    (event,) = shop.query(
        "select * from mixpay.events where log_no = %s and entry = %s", last.log_no, last.entry
    )
    assert (event.number, event.happened_at) == (last.number, day(3))
    # What a client was given back, cut to the millisecond, is the same.
    with shop.unchanged():
        tell(shop, **{name: day(3) + timedelta(microseconds=900)})
    # Nobody else changes it.
    with shop.refused(refused):
        tell(shop, **{name: next(iter(assumed))})


def test_e43_number_and_moment_come_later_together(shop: Shop) -> None:
    one_order(shop)
    RECORD_PAYMENT(shop)
    payment = RECORD_PAYMENT(shop, channel_txn_no="X1", paid_at=day(3))
    assert (payment.channel_txn_no, payment.paid_at) == ("X1", day(3))
    (told,) = shop.query(
        "select * from mixpay.history where from_state = to_state and entity = 'payment'"
    )
    assert told.reason == "channel transaction X1; its moment came later"
    assert told.happened_at == day(3)


# What is written once: how one comes about, and the column that may be filled.
ONCE: list[tuple[str, str]] = [
    ("repayments", "record_repayment"),
    ("repricings", "reprice_order"),
    ("adjustments", "adjust_account"),
    ("channel_fees", "record_channel_fee"),
    ("anomaly_resolutions", "resolve_anomaly"),
    ("returns", "return_payment"),
    ("chargebacks", "charge_back_payment"),
]
# What moves of a return and a chargeback: totals, and what a reversal says.
MOVES = {
    "returns": {"unapplied", "lost"},
    "chargebacks": {"unapplied", "lost", "reversed", "reversal_reason", "reversed_at", "state"},
}
# And the moment of those that have one, if it was assumed.
MOMENT = {
    "repayments": "repaid_at",
    "anomaly_resolutions": "recovered_at",
    "channel_fees": "charged_at",
    "channel_payouts": "paid_at",
    "returns": "returned_at",
    "chargebacks": "charged_at",
}


@pytest.mark.parametrize(("table", "call"), ONCE)
def test_e43_only_the_reason_is_filled_and_only_once(shop: Shop, table: str, call: str) -> None:
    _, before, tell, _ = next(case for case in REASONS if case[0] == call)
    before(shop)
    tell(shop, None)
    columns = shop.query(
        "select attname::text as name from pg_catalog.pg_attribute "
        "where attrelid = ('mixpay.' || %s)::regclass and attnum > 0 and not attisdropped",
        table,
    )
    stay = {row.name for row in columns} - {"reason"} - MOVES.get(table, set())
    stay -= {MOMENT.get(table, "reason")}
    assert len(stay) >= 3
    for column in stay:
        with pytest.raises(psycopg.errors.RestrictViolation, match="facts stay"):
            shop.query(f"update mixpay.{table} set {column} = {column} returning 1")
    shop.query(f"update mixpay.{table} set reason = 'why' returning 1")
    for reason in ("another", None):
        with pytest.raises(psycopg.errors.RestrictViolation, match="facts stay"):
            shop.query(f"update mixpay.{table} set reason = %s returning 1", reason)


@pytest.mark.parametrize("table", MOMENT)
def test_e43_only_a_moment_that_was_assumed_is_filled(shop: Shop, table: str) -> None:
    call = next(call for call, (stands, _) in MOMENTS.items() if table in stands)
    name, before, tell = next(p[1:4] for p in PARTICULARS if p[0] == call and p[1] in MOMENT[table])
    before(shop)
    tell(shop)
    query = f"update mixpay.{table} set {MOMENT[table]} = %s returning 1"
    tell(shop, **{name: day(3)})
    for moment in (day(3), day(4)):
        with pytest.raises(psycopg.errors.RestrictViolation, match="facts stay"):
            shop.query(query, moment)


def test_e43_a_line_of_a_settlement_says_why_later(shop: Shop) -> None:
    shop.sell("A", 100)
    shop.call("adjust_account", "payee:S", "J", 5, "CNY", None)
    shop.settle("S1")
    shop.call("adjust_account", "payee:S", "J", 5, "CNY", "a bonus")

    lines = shop.query("select * from mixpay.settlement_lines order by amount")
    assert [(line.kind, line.reason) for line in lines] == [
        ("adjustment", "a bonus"),
        ("order", None),
    ]


REVERSALS = "select amount, reason from mixpay.refund_list where kind = 'reversal'"


def test_e43_what_was_reversed_learns_why(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 90)
    shop.call("cancel_order", "T", "A", None)
    ((amount, reason),) = shop.query(REVERSALS)
    assert (amount, reason) == (40, None)
    shop.call("cancel_order", "T", "A", "sold out")
    shop.call("cancel_order", "T", "A", "another reason")
    assert shop.query(REVERSALS) == [(40, "sold out")]


def test_e43_not_of_what_something_else_reversed(shop: Shop) -> None:
    """In one transaction: nothing was paid of B, and what was of A came back for another reason."""
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 60)
    with shop.conn.transaction():
        shop.call("cancel_order", "T", "B", None)
        shop.call("close_trade", "T", None)
    shop.call("cancel_order", "T", "B", "sold out")
    assert shop.query(REVERSALS) == [(60, None)]
    shop.call("close_trade", "T", "abandoned")
    assert shop.query(REVERSALS) == [(60, "abandoned")]


def test_e43_later_refunds_go_by_a_moment_that_came_later(shop: Shop) -> None:
    """The worked case of money that is entered late; its moment comes after the first refund."""
    one_order(shop)
    shop.pay("T", "P1", 50, "card", day(10))
    shop.pay("T", "P0", 50, "cash")
    assert shop.refund("A", "R1", 20) == {"P1": 20}
    shop.pay("T", "P0", 50, "cash", day(1))

    assert shop.refund("A", "R2", 60) == {"P0": 50, "P1": 10}
    explained = shop.query(
        "select payment_no, place, paid_at < '2026-10-01' as is_old, amount "
        "from mixpay.refund_explained where refund_no = %s order by place",
        "R1",
    )
    # What was known when the first refund was made stands there for good.
    assert [(x.payment_no, x.amount) for x in explained] == [("P1", 20), ("P0", 0)]
    (when,) = shop.query(
        "select paid_at from mixpay.refund_explained where refund_no = 'R2' and payment_no = 'P0'"
    )
    assert when.paid_at == day(1)


def test_e43_a_moment_may_move_money_back_in_the_row(shop: Shop) -> None:
    one_order(shop)
    first = shop.pay("T", "P1", 50, "card")
    shop.pay("T", "P2", 50, "card")
    shop.pay("T", "P1", 50, "card", first.paid_at + timedelta(hours=1))

    assert shop.refund("A", "R", 60) == {"P2": 50, "P1": 10}


def test_e43_what_is_spent_moves_nothing(shop: Shop) -> None:
    one_order(shop)
    shop.pay("T", "P1", 50, "card", day(10))
    shop.pay("T", "P2", 50, "card")
    shop.refund("A", "R", 100)
    was = shop.row("trades", "T")
    shop.pay("T", "P2", 50, "card", day(1))

    assert shop.row("trades", "T") == was._replace(last_entry=was.last_entry + 1)
    shop.fail("R", "P2")
    assert shop.refund("A", "R2", 50) == {"P2": 50}


def test_e43_a_number_that_is_unique_within_a_day_goes_with_the_moment(shop: Shop) -> None:
    one_order(shop)
    shop.call("record_payment", "T", "P1", "pos", 10, day(1), "000042")
    second = shop.call("record_payment", "T", "P2", "pos", 10, None, "000042")
    with shop.refused("MX207", "P1"):
        shop.call("record_payment", "T", "P2", "pos", 10, day(1), "000042")
    later = shop.call("record_payment", "T", "P2", "pos", 10, day(2), "000042")

    assert second.txn_day != later.txn_day == day(2).date()
    with shop.refused("MX207", "P2"):
        shop.call("record_payment", "T", "P3", "pos", 10, day(2), "000042")


@pytest.mark.parametrize("bulk", ["record_payments", "succeed_payments"])
def test_e43_a_moment_comes_later_in_bulk(shop: Shop, bulk: str) -> None:
    one_order(shop)
    item: dict[str, Any] = {"payment_no": "P", "amount": 100}
    if bulk == "record_payments":
        item |= {"trade_no": "T", "channel": "card"}
    else:
        shop.start("T", "P", 100, "card")
    shop.rows(bulk, [item])
    item["paid_at"] = day(3).isoformat()
    (later,) = shop.rows(bulk, [item])
    assert later.paid_at == day(3)
    with shop.unchanged():
        assert shop.rows(bulk, [item]) == [later]
    with shop.refused("MX202" if bulk == "record_payments" else "MX208"):
        shop.rows(bulk, [item | {"paid_at": day(4).isoformat()}])


def test_e43_a_moment_of_many_transfers_comes_later(shop: Shop) -> None:
    refunded(shop)
    item = {"channel_refund_no": part(shop)}
    shop.rows("complete_channel_refunds", [item])
    (later,) = shop.rows("complete_channel_refunds", [item | {"refunded_at": day(3).isoformat()}])
    assert later.refunded_at == day(3)
    with shop.refused("MX304"):
        shop.rows("complete_channel_refunds", [item | {"refunded_at": day(4).isoformat()}])


def test_e43_the_moment_of_an_anomaly_comes_later(shop: Shop) -> None:
    anomalous(shop)
    shop.call("complete_channel_refund", part(shop), "X2", day(3))
    (listed,) = shop.query("select happened_at from mixpay.anomalies")
    assert listed.happened_at == day(3)
    assert shop.named("channel_refund", part(shop)) == ["its moment came later"]
    with shop.refused("MX304"):
        shop.call("complete_channel_refund", part(shop), "X2", day(4))


@pytest.mark.parametrize("entity", ["return", "chargeback"])
def test_e43_what_a_channel_took_bears_the_later_moment(shop: Shop, entity: str) -> None:
    """Each part of it, of both orders."""
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 150, "card", day(1))

    def take(moment: Any = None) -> None:
        if entity == "return":
            shop.call("return_payment", "P", "N", "bad", 120, moment)
        else:
            shop.call("charge_back_payment", "P", "N", 120, "fraud", 0, moment)

    take()
    take(day(3))
    parts = shop.query("select channel_refund_no, refunded_at from mixpay.channel_refunds")
    assert len(parts) == (1 if entity == "return" else 2)
    assert {p.refunded_at for p in parts} == {day(3)}
    for p in parts:
        assert shop.named("channel_refund", p.channel_refund_no) == ["its moment came later"]
