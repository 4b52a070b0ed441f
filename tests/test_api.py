"""Python says what SQL says: names, arguments, defaults, rows, errors, comments."""

import asyncio
import inspect
import re
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import asdict, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, get_origin

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import dict_row

import mixpay_db
from mixpay_db import calls, errors, rows
from mixpay_db.resources import sql_dir

FUNCTIONS = """
select p.proname, p.proargnames, p.proargtypes::regtype[]::text[], p.pronargdefaults,
       pg_get_function_arguments(p.oid), p.proretset, t.typname, obj_description(p.oid, 'pg_proc')
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_type as t on t.oid = p.prorettype
where p.pronamespace = 'mixpay'::regnamespace and p.proname not like '\\_%'
order by p.oid
"""
COLUMNS = """
select a.attname, coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text,
       case c.relkind when 'r' then not a.attnotnull end
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_class as c on c.oid = a.attrelid
inner join pg_catalog.pg_type as t on t.oid = a.atttypid
where c.relnamespace = 'mixpay'::regnamespace and c.relname = %s
  and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""
KINDS = {
    "text": "text",
    "bigint": "number",
    "boolean": "flag",
    "timestamp with time zone": "moment",
    "interval": "interval",
    "text[]": "texts",
    "jsonb": "json",
}
TYPES = {
    "text": str,
    "bigint": int,
    "boolean": bool,
    "timestamp with time zone": datetime,
    "date": date,
    "interval": timedelta,
    "xid8": str,
    "pg_snapshot": str,
    "text[]": list[str],
    "jsonb": dict[str, rows.NoteValue],
}
DAY = datetime(2026, 1, 1, 12, tzinfo=UTC)
ORDERS: list[mixpay_db.OrderToMerge] = [
    {"order_no": "A", "amount": 100, "currency": "CNY"},
    {"order_no": "B", "amount": 50, "currency": "CNY"},
]
LATER: list[mixpay_db.OrderToMerge] = [
    {"order_no": "D", "amount": 10, "currency": "CNY"},
    {"order_no": "E", "amount": 5, "currency": "CNY"},
]
MANY: list[mixpay_db.OrderToMerge] = [{"order_no": "I", "amount": 20, "currency": "CNY"}]
ON_HOLD: list[mixpay_db.OrderToMerge] = [
    {"order_no": "G", "amount": 100, "currency": "CNY", "payee_no": "sofas", "hold": True},
    {"order_no": "H", "amount": 50, "currency": "CNY", "payee_no": "sofas", "hold": DAY},
]
SHARES: list[mixpay_db.ShareToSplit] = [
    {"kind": "platform_fee", "receiver": "us", "rate": 500, "kept_on_refund": True},
    {"receiver": "agent", "fixed": 10},
]
DINARS: mixpay_db.OrderToMerge = {"order_no": "C", "amount": 9, "currency": "KWD"}
FAR = datetime(2999, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAYMENTS: list[mixpay_db.PaymentToRecord] = [
    {"trade_no": "U", "payment_no": "P4", "channel": "card", "amount": 4, "paid_at": DAY},
    {"trade_no": "U", "payment_no": "P5", "channel": "card", "amount": 5, "paid_at": DAY},
]


def test_there_is_a_call_for_each_public_function_in_the_same_order(conn: Connection[Any]) -> None:
    assert list(calls.CALLS) == [row[0] for row in conn.execute(FUNCTIONS)]


def test_the_package_shows_them_all() -> None:
    shown = {name: getattr(mixpay_db, name) for name in mixpay_db.__all__}
    assert calls.CALLS.items() <= shown.items()
    assert {error.__name__ for error in errors.CLASSES.values()} <= shown.keys()
    assert {calls.row(call).__name__ for call in calls.CALLS.values()} <= shown.keys()


def test_arguments_are_those_of_sql(conn: Connection[Any]) -> None:
    for name, names, types, with_default, *_ in conn.execute(FUNCTIONS):
        arguments = calls.arguments(calls.CALLS[name])
        assert [f"p_{a.name}" for a in arguments] == names, name
        assert [calls.kind(a) for a in arguments] == [KINDS[t] for t in types], name
        optional = [a.name for a in arguments if a.default is not a.empty]
        assert len(optional) == with_default, name


def test_defaults_are_those_of_sql(conn: Connection[Any]) -> None:
    compared = 0
    for name, *_, arguments, _, _, _ in conn.execute(FUNCTIONS).fetchall():
        defaults = dict(re.findall(r"p_(\w+) [^,]*? DEFAULT ([^,]+)", arguments))
        for argument in calls.arguments(calls.CALLS[name]):
            if argument.name in defaults:
                default = conn.execute(f"select {defaults[argument.name]}").fetchone()
                assert default == (argument.default,), (name, argument.name)
                compared += 1
    assert compared > 10


def test_rows_are_those_of_sql(conn: Connection[Any]) -> None:
    for name, *_, is_set, returned, _ in conn.execute(FUNCTIONS).fetchall():
        annotation = inspect.signature(calls.CALLS[name]).return_annotation
        assert (get_origin(annotation) is list) == is_set, name
        row = calls.row(calls.CALLS[name])
        columns = conn.execute(COLUMNS, [returned]).fetchall()
        assert [field.name for field in fields(row)] == [column for column, *_ in columns], row
        for field, (_, kind, nullable) in zip(fields(row), columns, strict=True):
            # Of the columns of a view or a composite type, the catalog does not say.
            can_be = (False, True) if nullable is None else (nullable,)
            types = [TYPES[kind] | None if null else TYPES[kind] for null in can_be]
            assert field.type in types, (row, field.name)
        assert returned.rstrip("s") == re.sub(r"\B([A-Z])", r"_\1", row.__name__).lower()


def test_no_row_is_left_over() -> None:
    defined = {row for row in vars(rows).values() if isinstance(row, type) and is_dataclass(row)}
    assert defined == {calls.row(call) for call in calls.CALLS.values()}


def test_docstrings_are_the_comments(conn: Connection[Any]) -> None:
    for name, *_, comment in conn.execute(FUNCTIONS):
        assert calls.CALLS[name].__doc__ == calls.in_python(comment.strip()), name


def test_each_code_has_its_class() -> None:
    code = "".join(path.read_text("utf-8") for path in (sql_dir() / "functions").rglob("*.sql"))
    assert sorted(errors.CLASSES) == sorted(set(re.findall(r"'(MX\d{3})'", code)))
    assert all(error.__doc__ for error in errors.CLASSES.values())
    assert len(errors.CLASSES) == len({error.__name__ for error in errors.CLASSES.values()})


def raise_it(code: str) -> str:
    return (
        "do $$ begin raise exception 'what' using "
        f"errcode = '{code}', detail = 'the numbers', hint = 'the way out'; end $$"
    )


@pytest.mark.parametrize(("code", "error"), errors.CLASSES.items())
def test_psycopg_raises_that_very_class(
    conn: Connection[Any], code: str, error: type[errors.MixpayError]
) -> None:
    with pytest.raises(errors.MixpayError) as raised:
        conn.execute(raise_it(code))
    assert type(raised.value) is error
    assert raised.value.sqlstate == code
    told = (raised.value.message, raised.value.detail, raised.value.hint)
    assert told == ("what", "the numbers", "the way out")


def test_psycopg_raises_that_very_class_asynchronously(url: str) -> None:
    async def refused() -> None:
        async with await psycopg.AsyncConnection.connect(url) as conn:
            await mixpay_db.refund_order(conn, "nobody", "A", "R", 1)

    with pytest.raises(mixpay_db.MerchantUnknown, match="there is no merchant nobody"):
        asyncio.run(refused())


def test_codes_of_postgresql_stay_what_they_are(conn: Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.SerializationFailure):
        conn.execute(raise_it("40001"))


Step = Callable[[Any], Any]


def story(merchant: str) -> Generator[Step, Any, None]:
    """Each call once or more, where it does something. A step gets a connection of either kind."""
    yield lambda c: mixpay_db.register_merchant(c, merchant, "The mall", allocation="fifo")
    yield lambda c: mixpay_db.register_channel(c, "coin", "Coin", "online")
    yield lambda c: mixpay_db.register_payee(c, merchant, "sofas", "Sofas")
    yield lambda c: mixpay_db.merge_orders(c, merchant, ORDERS, "T", FAR)
    yield lambda c: mixpay_db.merge_many(c, merchant, [{"trade_no": "U", "orders": [DINARS]}])
    yield lambda c: mixpay_db.start_payment(c, merchant, "T", "P1", 60, method="qr", channel="coin")
    yield lambda c: mixpay_db.succeed_payment(c, merchant, "P1", None, DAY)
    yield lambda c: mixpay_db.start_payment(c, merchant, "T", "P2", 60, "card")
    yield lambda c: mixpay_db.fail_payment(c, merchant, "P2", "no cover")
    yield lambda c: mixpay_db.record_payment(c, merchant, "T", "P3", "card", 90, paid_at=DAY)
    yield lambda c: mixpay_db.record_payments(c, merchant, PAYMENTS)
    yield lambda c: mixpay_db.preview_refund(c, merchant, "A", 70)
    yield lambda c: mixpay_db.refund_order(
        c, merchant, "A", "R", 70, payment_nos=["P3"], reason="too blue"
    )
    (sent,) = yield lambda c: mixpay_db.claim_channel_refunds(c, merchant, "w", lease=HOUR)
    no = sent.channel_refund_no
    yield lambda c: mixpay_db.doubt_channel_refund(c, merchant, no, "no answer", "w")
    yield lambda c: mixpay_db.complete_channel_refund(c, merchant, no, "X1", DAY)
    yield lambda c: mixpay_db.refund_order(c, merchant, "A", "R2", 10)
    (sent,) = yield lambda c: mixpay_db.claim_channel_refunds(c, merchant, "w", 1)
    again = sent.channel_refund_no
    yield lambda c: mixpay_db.fail_channel_refund(c, merchant, again, "account closed")
    yield lambda c: mixpay_db.register_channel(
        c, "slow", "Slow", "online", can_refund_in_part=False, refund_interval=HOUR
    )
    yield lambda c: mixpay_db.set_route(c, merchant, "qr", "card", currency="CNY", max_amount=99)
    yield lambda c: mixpay_db.explain_route(c, merchant, "qr", "CNY", 10, "P6")
    yield lambda c: mixpay_db.refund_order(c, merchant, "A", "R3", 5)
    yield lambda c: mixpay_db.due_merchants(c, merchant[:-1], 1)
    (sent,) = yield lambda c: mixpay_db.claim_channel_refunds(c, merchant, "w", channels=["coin"])
    deferred = sent.channel_refund_no
    yield lambda c: mixpay_db.defer_channel_refund(c, merchant, deferred, "not today", FAR, "w")
    yield lambda c: mixpay_db.redirect_channel_refund(c, merchant, deferred, "card", "urgent")
    yield lambda c: mixpay_db.bounce_channel_refund(c, merchant, no, "account closed")
    yield lambda c: mixpay_db.refund_order(c, merchant, "A", "R4", 95)
    yield lambda c: mixpay_db.complete_channel_refund(c, merchant, again, "X2", DAY)
    yield lambda c: mixpay_db.resolve_anomaly(c, merchant, again, "written_off", "too small")
    yield lambda c: mixpay_db.record_refund(c, merchant, "B", "R5", 5, "cash", DAY, "in the store")
    yield lambda c: mixpay_db.merge_orders(c, merchant, LATER, "V")
    yield lambda c: mixpay_db.cancel_order(c, merchant, "V", "D", "sold out")
    yield lambda c: mixpay_db.close_trade(c, merchant, "V", "abandoned", keep_paid=True)
    yield lambda c: mixpay_db.merge_orders(c, merchant, LATER, "W", DAY)
    yield lambda c: mixpay_db.expire_trades(c, merchant, 10)
    yield lambda c: mixpay_db.read_events(c, merchant, None, 3)
    yield lambda c: mixpay_db.merge_orders(c, merchant, MANY, "Y")
    yield lambda c: mixpay_db.start_payment(c, merchant, "Y", "P8", 20, "card")
    yield lambda c: mixpay_db.succeed_payments(c, merchant, [{"payment_no": "P8", "paid_at": DAY}])
    yield lambda c: mixpay_db.refund_orders(
        c, merchant, [{"order_no": "I", "refund_no": "R6", "amount": 20, "payment_nos": ["P8"]}]
    )
    claimed = yield lambda c: mixpay_db.claim_channel_refunds(c, merchant, "w")
    done: list[mixpay_db.Completion] = [
        {"channel_refund_no": c.channel_refund_no, "refunded_at": DAY}
        for c in claimed
        if c.payment_no == "P8"
    ]
    yield lambda c: mixpay_db.complete_channel_refunds(c, merchant, done)
    yield lambda c: mixpay_db.merge_orders(c, merchant, ON_HOLD, "X")
    yield lambda c: mixpay_db.record_payment(c, merchant, "X", "P7", "card", 150, DAY)
    yield lambda c: mixpay_db.open_dispute(c, merchant, "G", "D1", reason="too late")
    yield lambda c: mixpay_db.close_dispute(c, merchant, "D1", "payee", "it was in time")
    yield lambda c: mixpay_db.release_order(c, merchant, "G", "L1", 60)
    yield lambda c: mixpay_db.account_statement(c, merchant, "payee:sofas")
    yield lambda c: mixpay_db.split_order(c, merchant, "H", "S1", SHARES, takes_place="release")
    yield lambda c: mixpay_db.release_due(c, merchant, 10)
    yield lambda c: mixpay_db.settle_payee(c, merchant, "sofas", "N1", None)
    yield lambda c: mixpay_db.settle_receiver(c, merchant, "agent", "N2", None, currency="CNY")
    yield lambda c: mixpay_db.reverse_settlement(c, merchant, "N1", "no such account")
    yield lambda c: mixpay_db.record_repayment(
        c, merchant, "fee:us", "B1", 5, "CNY", DAY, reason="it was too much"
    )
    yield lambda c: mixpay_db.reinstate_settlement(c, merchant, "N1", "it had arrived")
    yield lambda c: mixpay_db.adjust_account(
        c, merchant, "payee:sofas", "J1", 30, "CNY", "a bonus", against="fee:us"
    )
    yield lambda c: mixpay_db.record_channel_fee(
        c, merchant, "card", "F1", 2, "CNY", "P7", "2 %", charged_at=DAY
    )
    yield lambda c: mixpay_db.record_channel_payout(
        c, merchant, "card", "O1", 99, "CNY", DAY, bank="second"
    )
    yield lambda c: mixpay_db.settle_all(c, merchant, limit=10)
    yield lambda c: mixpay_db.fold_balances(c, merchant)
    yield lambda c: mixpay_db.account_balance(c, merchant, "payee:sofas")
    yield lambda c: mixpay_db.trial_balance(c, merchant)
    yield lambda c: mixpay_db.close_period(c, merchant, DAY, wait=HOUR)
    yield from elsewhere(merchant)
    yield lambda c: mixpay_db.record_channel_refund(
        c, merchant, "B", "SELF", 1, "P3", "X6", DAY, "by"
    )
    yield from reconciling(merchant)


def reconciling(merchant: str) -> Generator[Step, Any, None]:
    """A channel's statement: what it says, and how it compares."""
    lines: list[mixpay_db.LineToLoad] = [
        {"line_no": 1, "kind": "payment", "amount": 90, "currency": "CNY", "happened_at": DAY},
    ]
    yield lambda c: mixpay_db.set_reconciliation(c, merchant, "channel:card", 1, HOUR)
    yield lambda c: mixpay_db.open_statement(
        c, merchant, "S1", "channel:card", DAY, DAY + HOUR, format="stripe"
    )
    yield lambda c: mixpay_db.load_statement_lines(c, merchant, "S1", lines)
    yield lambda c: mixpay_db.seal_statement(c, merchant, "S1", 1, [{"currency": "CNY"}])
    yield lambda c: mixpay_db.reconcile(c, merchant, "S1", dry_run=True, lag=HOUR)
    yield from resolving(merchant)


def resolving(merchant: str) -> Generator[Step, Any, None]:
    """What people do about what differs."""
    lines: list[mixpay_db.LineToLoad] = [
        {"line_no": n, "kind": "fee", "amount": -n, "currency": "CNY", "happened_at": DAY}
        for n in (1, 2)
    ]
    yield lambda c: mixpay_db.set_reconciliation(c, merchant, "channel:bank", write_off_limit=9)
    yield lambda c: mixpay_db.open_statement(c, merchant, "S2", "channel:bank")
    yield lambda c: mixpay_db.load_statement_lines(c, merchant, "S2", lines)
    yield lambda c: mixpay_db.seal_statement(c, merchant, "S2", 2)
    yield lambda c: mixpay_db.reconcile(c, merchant, "S2")
    yield lambda c: mixpay_db.book_line(c, merchant, "E1", "S2", 1, "Zoe", number="EF1")
    yield lambda c: mixpay_db.take_back_resolution(c, merchant, "E2", "E1", "Bo", "not ours")
    yield lambda c: mixpay_db.ignore_difference(c, merchant, "E3", "Zoe", "old", "S2", line_no=1)
    yield lambda c: mixpay_db.write_off_difference(c, merchant, "E4", "Zoe", None, "S2", 2)
    yield lambda c: mixpay_db.mark_received(
        c, merchant, "E5", "Zoe", "channel:bank", "payment", "EP2", reason="seen"
    )
    yield lambda c: mixpay_db.withdraw_statement(c, merchant, "E6", "S1", "Zoe", "the wrong map")


def elsewhere(merchant: str) -> Generator[Step, Any, None]:
    """What happened in the world."""
    order: list[mixpay_db.OrderToMerge] = [{"order_no": "EA", "amount": 100, "currency": "CNY"}]
    yield lambda c: mixpay_db.merge_orders(c, merchant, order, "ET")
    yield lambda c: mixpay_db.start_payment(c, merchant, "ET", "EP1", 10, "card")
    yield lambda c: mixpay_db.authorize_payment(c, merchant, "EP1", "a-1", FAR, amount=10)
    yield lambda c: mixpay_db.return_payment(c, merchant, "P8", "V1", "no funds", 5, DAY)
    yield lambda c: mixpay_db.charge_back_payment(
        c, merchant, "P7", "C1", 20, "fraud", fee=3, charged_at=DAY, order_no="G"
    )
    yield lambda c: mixpay_db.reverse_chargeback(c, merchant, "C1", "it was he", 10, at=DAY)
    yield lambda c: mixpay_db.record_payment(c, merchant, "ET", "EP2", "bank", 50, DAY)
    yield lambda c: mixpay_db.refund_order(c, merchant, "EA", "ER1", 2)
    (sent,) = yield lambda c: mixpay_db.claim_channel_refunds(c, merchant, "w", channels=["bank"])
    unsent = sent.channel_refund_no
    yield lambda c: mixpay_db.defer_channel_refund(c, merchant, unsent, "no account", worker="w")
    yield lambda c: mixpay_db.write_off(c, merchant, unsent, "he does not want it")
    yield lambda c: mixpay_db.reprice_order(c, merchant, "EA", "EN1", 80, "a discount")
    yield lambda c: mixpay_db.annotate(c, merchant, "order", "EA", {"gift": True, "weight": 2.5})


# What somebody else's transaction keeps open, PostgreSQL's own included, is not settled yet.
IS_FINAL = """
select xid = pg_snapshot_xmax(pg_current_snapshot()) from mixpay.final_below
"""


def tell(conn: Connection[Any], merchant: str) -> list[Any]:
    told, steps = [], story(merchant)
    with suppress(StopIteration):
        step = next(steps)
        while True:
            while conn.execute(IS_FINAL).fetchone() != (True,):
                time.sleep(0.01)
            told.append(step(conn))
            step = steps.send(told[-1])
    return told


async def tell_awaited(conn: psycopg.AsyncConnection[Any], merchant: str) -> list[Any]:
    told, steps = [], story(merchant)
    with suppress(StopIteration):
        step = next(steps)
        while True:
            while await (await conn.execute(IS_FINAL)).fetchone() != (True,):
                await asyncio.sleep(0.01)
            told.append(await step(conn))
            step = steps.send(told[-1])
    return told


def same(told: list[Any]) -> list[Any]:
    """What two tellings have in common: all but names, new numbers and the time of day."""
    but = {"merchant_id", "channel_refund_no", "redirected_from", "position", "xid"}
    but |= {"created_at", "due_at", "sent_at", "happened_at", "until_at", "closed_at"}
    but |= {"reversed_at", "earliest_at", "latest_at", "from_xid", "until_xid", "release_no"}
    but |= {"seen", "updated_at", "voided_at", "settlement_no", "sealed_at", "bounced_at"}
    return [
        [
            (type(row).__name__, {k: v for k, v in asdict(row).items() if k not in but})
            for row in (result if isinstance(result, list) else [result])
        ]
        for result in told
    ]


def test_results_are_rows(conn: Connection[Any]) -> None:
    told = tell(conn, "mall")
    trade, paid, refund, failed = told[3], told[6], told[12], told[18]
    assert (trade.trade_no, trade.amount, trade.state) == ("T", 150, "open")
    assert trade.expires_at == FAR
    assert (paid.state, paid.paid_at, paid.channel_txn_no) == ("succeeded", DAY, None)
    assert [p.payment_no for p in told[10]] == ["P4", "P5"]
    assert told[11] == [
        mixpay_db.RefundShare("P1", 60, "T", "A", "coin", DAY, 1, 60),
        mixpay_db.RefundShare("P3", 10, "T", "A", "card", DAY, 2, 90),
    ]
    assert (refund.payment_nos, refund.reason, refund.amount) == (["P3"], "too blue", 70)
    assert (failed.state, failed.reason) == ("failed", "account closed")
    slow, (choice,), (due,), deferred, redirected = told[19], told[21], told[23], told[25], told[26]
    assert (slow.can_refund, slow.can_refund_in_part, slow.is_limited) == (True, False, True)
    assert (slow.refund_window, slow.refund_interval) == (None, HOUR)
    assert choice == mixpay_db.RouteChoice(
        "card", 100, 1, "CNY", None, 99, None, 0, 1, 0, chosen=True
    )
    assert (due.merchant_id, due.due_at.tzinfo is None) == ("mall", False)
    assert (deferred.state, deferred.not_before, deferred.due_at) == ("waiting", FAR, FAR)
    assert redirected.redirected_from == deferred.channel_refund_no
    closed, (expired,), events = told[34], told[36], told[37]
    assert (closed.state, closed.keeps_paid, expired.trade_no, expired.state) == (
        ("closed", True, "W", "closed")
    )
    assert [(e.entity, e.number, e.to_state) for e in events] == [
        ("trade", "T", "open"),
        ("trade", "U", "open"),
        ("payment", "P1", "pending"),
    ]
    assert len({e.position for e in events}) == len({e.xid for e in events}) == 3


def test_results_of_the_books_are_rows(conn: Connection[Any]) -> None:
    told = tell(conn, "mall")[44:65]
    opened, closed, released, statement, split, (due,), settled, paid_out = told[2:10]
    reversed_again, repaid, reinstated, adjusted, fee, payout, (attempt,) = told[10:17]
    fold, (balance,), trial, period = told[17:]
    assert (opened.state, closed.state, closed.outcome) == ("open", "closed", "payee")
    assert closed.closed_at is not None
    assert (released.release_no, released.amount, released.was_due) == ("L1", 60, False)
    assert [(line.amount, line.balance, line.cause) for line in statement] == [(60, 60, "release")]
    assert [(s.receiver, s.kind, s.fixed, s.rate, s.kept_on_refund) for s in split] == [
        ("us", "platform_fee", 0, 500, True),
        ("agent", "receiver", 10, 0, False),
        ("sofas", "payee", 0, 0, False),
    ]
    assert (due.order_no, due.amount, due.was_due) == ("H", 50, True)
    assert (settled.account, settled.owner, settled.amount) == ("payee", "sofas", 60 + 38)
    assert (paid_out.account, paid_out.owner, paid_out.amount) == ("receiver", "agent", 10)
    assert (reversed_again.state, reversed_again.reason) == ("reversed", "no such account")
    assert (repaid.account, repaid.owner, repaid.amount) == ("fee", "us", 5)
    assert (repaid.repaid_at, repaid.bank) == (DAY, "main")
    assert (reinstated.state, reinstated.reason) == ("settled", "it had arrived")
    assert (adjusted.account, adjusted.owner, adjusted.amount) == ("payee", "sofas", 30)
    assert (adjusted.against_account, adjusted.against_owner) == ("fee", "us")
    assert (fee.channel, fee.amount, fee.payment_no, fee.charged_at) == ("card", 2, "P7", DAY)
    assert (payout.channel, payout.amount, payout.bank) == ("card", 99, "second")
    assert (attempt.account, attempt.owner, attempt.amount) == ("payee", "sofas", 30)
    assert attempt.left_out == 0
    assert (fold.fold, type(fold.until_xid)) == (1, str)
    assert fold.movements > 20
    assert (balance.currency, balance.came_in, balance.balance) == ("CNY", 98 + 98 + 30, 0)
    assert {total.account for total in trial} >= {"channel", "order", "payee", "receiver", "fee"}
    sums = {total.currency: 0 for total in trial}
    for total in trial:
        sums[total.currency] += total.balance
    assert sums == {"CNY": 0, "KWD": 0}
    assert period.until_at == DAY


def test_results_of_what_channels_took_back_are_rows(conn: Connection[Any]) -> None:
    found = tell(conn, "mall")
    (returned,) = (row for row in found if isinstance(row, mixpay_db.Return))
    charged, given = (row for row in found if isinstance(row, mixpay_db.Chargeback))
    assert (returned.return_no, returned.amount, returned.returned_at) == ("V1", 5, DAY)
    assert (charged.order_no, charged.amount, charged.fee, charged.charged_at) == ("G", 20, 3, DAY)
    assert (given.state, given.reversed, given.reversed_at) == ("partly_reversed", 10, DAY)


def test_results_of_reconciling_are_rows(conn: Connection[Any]) -> None:
    terms, opened, loaded, sealed, found = tell(conn, "mall")[-16:-11]
    assert (terms.account, terms.owner, terms.tolerance, terms.lag) == ("channel", "card", 1, HOUR)
    assert (opened.format, opened.line_count, opened.sealed_at) == ("stripe", 0, None)
    assert (loaded.line_count, sealed.until_at) == (1, DAY + HOUR)
    assert sealed.sealed_at is not None
    (line,) = (row for row in found if row.side == "theirs")
    assert (line.result, line.kind, line.count, line.theirs, line.ours) == (
        ("matched", "payment", 1, 90, 90)
    )


def test_results_of_resolving_are_rows(conn: Connection[Any]) -> None:
    booked, back, ignored, written_off, received, withdrawn = tell(conn, "mall")[-6:]
    assert (booked.kind, booked.number, booked.amount) == ("fee", "EF1", -1)
    assert (back.takes_back, back.resolved_by, back.reason) == ("E1", "Bo", "not ours")
    assert (ignored.action, ignored.line_no, ignored.session) == ("ignored", 1, "postgres")
    assert (written_off.amount, written_off.reason) == (2, None)
    assert (received.account, received.owner, received.amount) == ("channel", "bank", 50)
    assert (withdrawn.action, withdrawn.statement_no) == ("withdrawn", "S1")


def test_every_call_is_in_the_story(conn: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    called = set()

    def spy(name: str, call: Any) -> Any:
        return lambda *args, **kwargs: (called.add(name), call(*args, **kwargs))[1]

    for name, call in calls.CALLS.items():
        monkeypatch.setattr(mixpay_db, name, spy(name, call))
    tell(conn, "mall")
    assert called == calls.CALLS.keys()


def test_asynchronous_calls_do_the_same(url: str, conn: Connection[Any]) -> None:
    async def telling() -> list[Any]:
        # Nobody reads his own events before he has committed.
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as other:
            return await tell_awaited(other, "elsewhere")

    assert same(asyncio.run(telling())) == same(tell(conn, "mall"))


@pytest.mark.parametrize(
    "parameters", [{"row_factory": dict_row}, {"cursor_factory": psycopg.RawCursor}]
)
def test_runs_on_connections_of_any_kind(
    connect: Callable[..., Connection[Any]], parameters: dict[str, Any]
) -> None:
    merchant = mixpay_db.register_merchant(connect(**parameters), "mall", "The mall")
    assert isinstance(merchant, mixpay_db.Merchant)


def test_the_transaction_is_the_callers(
    conn: Connection[Any], connect: Callable[..., Connection[Any]]
) -> None:
    session = connect(autocommit=False)
    mixpay_db.register_merchant(session, "mall", "The mall")
    assert conn.execute("select from mixpay.merchants").fetchall() == []
    session.rollback()
    assert conn.execute("select from mixpay.merchants").fetchall() == []


@pytest.fixture
def mall(conn: Connection[Any]) -> str:
    return mixpay_db.register_merchant(conn, "mall", "The mall").merchant_id


def test_moments_in_json_keep_their_offset(conn: Connection[Any], mall: str) -> None:
    east = DAY.astimezone(timezone(timedelta(hours=8)))
    mixpay_db.merge_orders(conn, mall, ORDERS, "T")
    (paid,) = mixpay_db.record_payments(
        conn,
        mall,
        [{"trade_no": "T", "payment_no": "P", "channel": "cash", "amount": 1, "paid_at": east}],
    )
    assert paid.paid_at == DAY


@pytest.mark.parametrize("amount", [1.0, Decimal(1), "1", True])
def test_only_whole_numbers_are_amounts_in_json(
    conn: Connection[Any], mall: str, amount: Any
) -> None:
    with pytest.raises(mixpay_db.BadJson):
        mixpay_db.merge_orders(conn, mall, [{**ORDERS[0], "amount": amount}])


@pytest.mark.parametrize("amount", [1.0, Decimal(1), True, 2**63])
def test_only_whole_numbers_are_amounts(conn: Connection[Any], mall: str, amount: Any) -> None:
    with pytest.raises(psycopg.errors.UndefinedFunction):
        mixpay_db.preview_refund(conn, mall, "A", amount)


@pytest.mark.parametrize("orders", [[], (), None, {}, ["A"], "A"])
def test_json_of_another_shape_is_refused_by_the_server(
    conn: Connection[Any], mall: str, orders: Any
) -> None:
    empty = isinstance(orders, list | tuple) and not orders
    with pytest.raises(mixpay_db.BadCount if empty else mixpay_db.BadJson):
        mixpay_db.merge_orders(conn, mall, orders)


def test_a_moment_without_an_offset_is_refused(conn: Connection[Any], mall: str) -> None:
    with pytest.raises(ValueError, match="paid_at must name its offset"):
        mixpay_db.succeed_payment(conn, mall, "P", None, datetime(2026, 1, 1))
    with pytest.raises(mixpay_db.BadJson):
        mixpay_db.merge_many(conn, mall, [{"expires_at": datetime(2026, 1, 1), "orders": ORDERS}])


def test_a_wrong_argument_is_a_type_error(conn: Connection[Any]) -> None:
    with pytest.raises(TypeError, match="amount"):
        mixpay_db.preview_refund(conn, "mall", "A")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="unexpected"):
        mixpay_db.preview_refund(conn, "mall", "A", 1, colour="blue")  # type: ignore[call-overload]
