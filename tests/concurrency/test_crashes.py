"""E32: the process dies between any two statements, and either all or nothing is there."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from shop import Shop, contents, day, on_hold, orders

CALLS: dict[str, Callable[[Shop], Any]] = {
    "set_route": lambda s: s.call("set_route", "qr", "card"),
    "register_payee": lambda s: s.call("register_payee", "NEW", "Store"),
    "merge_orders": lambda s: s.merge("NEW", A=100, N=7),
    "merge_many": lambda s: s.rows("merge_many", [{"orders": orders(A=100)}]),
    "start_payment": lambda s: s.start("T", "P9", 100),
    "succeed_payment": lambda s: s.succeed("STARTED", "X"),
    "fail_payment": lambda s: s.call("fail_payment", "STARTED", "declined"),
    "record_payment": lambda s: s.pay("PAID", "P9", 100),
    "record_payments": lambda s: s.rows(
        "record_payments",
        [
            {"trade_no": "T", "payment_no": f"P9{i}", "channel": "card", "amount": 60}
            for i in range(3)
        ],
    ),
    "close_trade": lambda s: s.close("HALF"),
    "close_trade, keeping": lambda s: s.close("HALF", keep=True),
    "cancel_order": lambda s: s.cancel("HALF", "F"),
    "cancel_order, the last": lambda s: s.cancel("ATTEMPTED", "D"),
    "expire_trades": lambda s: s.expire(),
    "refund_order": lambda s: s.refund("C", "R9", 60),
    "record_refund": lambda s: s.record_refund("K", "R10", 9),
    "record_channel_refund": lambda s: s.call(
        "record_channel_refund", "F", "DASHBOARD", 9, "H1", "X"
    ),
    "claim_channel_refunds": lambda s: s.rows("claim_channel_refunds", "w"),
    "complete_channel_refund": lambda s: s.complete("R", "P1", "X"),
    "doubt_channel_refund": lambda s: s.call(
        "doubt_channel_refund", s.channel_refund("R", "P1").channel_refund_no, "timed out"
    ),
    "fail_channel_refund": lambda s: s.fail("R", "P1"),
    "defer_channel_refund": lambda s: s.call(
        "defer_channel_refund", s.channel_refund("R", "P1").channel_refund_no, "not today"
    ),
    "redirect_channel_refund": lambda s: s.redirect("R", "P1", "bank"),
    "bounce_channel_refund": lambda s: s.bounce("SENT", "E1"),
    "redirect_channel_refund, what failed": lambda s: redirect_failed(s),
    "resolve_anomaly": lambda s: resolve(s, "written_off"),
    "resolve_anomaly, by booking it": lambda s: (s.fail("AGAIN", "L1"), resolve(s, "booked")),
    "record_payment, divided": lambda s: s.pay("SOLD", "P11", 20),
    "refund_order, divided": lambda s: s.refund("S", "R11", 30),
    "fail_channel_refund, divided": lambda s: s.fail("RS", "S1"),
    "close_trade, divided": lambda s: s.close("SOLD"),
    "release_order": lambda s: s.call("release_order", "U", "L1", 60),
    "release_order, divided": lambda s: s.call("release_order", "V", "L2"),
    "release_due": lambda s: s.rows("release_due"),
    "open_dispute": lambda s: s.call("open_dispute", "U", "D2", "too late"),
    "close_dispute": lambda s: s.call("close_dispute", "D1", "payee"),
    "close_dispute, with a refund": lambda s: s.call("close_dispute", "D1", "buyer"),
    "split_order": lambda s: s.rows("split_order", "U", "X9", SHARES),
    "fold_balances": lambda s: s.call("fold_balances"),
    "close_period": lambda s: s.call("close_period", last_moment(s)),
    "settle_payee": lambda s: s.call("settle_payee", "A", "N1", None),
    "settle_receiver": lambda s: s.call("settle_receiver", "agent", "N2", None),
    "reverse_settlement": lambda s: s.call("reverse_settlement", "OUT", "no such account"),
    "record_repayment": lambda s: s.call("record_repayment", "payee:A", "B1", 5, "CNY"),
    "settle_all": lambda s: s.rows("settle_all"),
    "adjust_account": lambda s: s.call("adjust_account", "payee:A", "J1", -5, "CNY", "a fine"),
    "record_channel_fee": lambda s: s.call("record_channel_fee", "card", "F1", 5, "CNY"),
    "record_channel_payout": lambda s: s.call("record_channel_payout", "card", "O1", 5, "CNY"),
}
SHARES = [{"receiver": "agent", "rate": 1000}]


def resolve(shop: Shop, resolution: str) -> Any:
    number = shop.channel_refund("LOST", "L1").channel_refund_no
    return shop.call("resolve_anomaly", number, resolution, "so be it")


def last_moment(shop: Shop) -> Any:
    """When the last fact was written, which no call that comes after it changes."""
    ((moment,),) = shop.query(
        "select max(created_at) from mixpay.facts where order_no = 'S' and to_state is not null"
    )
    return moment


def redirect_failed(shop: Shop) -> Any:
    """What failed first, not what it was redirected to."""
    ((number,),) = shop.query(
        "select min(channel_refund_no) from mixpay.channel_refunds where refund_no = 'FAILED'"
    )
    return shop.call("redirect_channel_refund", number, "bank", "another way")


@pytest.fixture(autouse=True)
def trades(shop: Shop) -> None:
    """An open trade, one with an attempt, and a paid one with a refund on its way.

    Others are paid in part, have expired, are paid in cash, have refunds that ended, an anomaly.
    Of payees A and B, orders are on hold, due, in dispute, divided; B was paid out.
    """
    shop.merge("T", A=100, B=50)
    shop.merge("ATTEMPTED", D=10)
    shop.start("ATTEMPTED", "STARTED", 10)
    shop.merge("PAID", C=100)
    shop.pay("PAID", "P1", 60, "card", day(1))
    shop.pay("PAID", "P2", 40, "cash", day(2))
    shop.refund("C", "R", 40)
    shop.merge("HALF", F=100, G=50)
    shop.pay("HALF", "H1", 120, "card", day(3))
    shop.call("merge_orders", orders(H=10), "EXPIRED", day(4))
    shop.pay("EXPIRED", "X1", 4, "card", day(4))
    shop.merge("CASHED", K=10)
    shop.pay("CASHED", "K1", 10, "cash", day(5))
    shop.merge("ENDED", I=20)
    shop.pay("ENDED", "E1", 20, "card", day(5))
    shop.refund("I", "SENT", 10)
    shop.complete("SENT", "E1", "X5")
    shop.refund("I", "FAILED", 10)
    shop.fail("FAILED", "E1")
    shop.merge("ASTRAY", J=10)
    shop.pay("ASTRAY", "L1", 10, "card", day(6))
    shop.refund("J", "LOST", 10)
    shop.fail("LOST", "L1")
    shop.refund("J", "AGAIN", 10)
    shop.complete("LOST", "L1", "X6")
    shop.call("register_payee", "A", "Antiques")
    shop.call("register_payee", "B", "Books")
    shop.call("merge_orders", on_hold("A", U=100, V=40, W=20), "ESCROW")
    shop.pay("ESCROW", "U1", 160, "bank", day(7))
    shop.rows("split_order", "V", "X1", SHARES)
    shop.call("open_dispute", "W", "D1", "broken")
    shop.call("merge_orders", on_hold("A", day(8).isoformat(), Y=50), "DUE")
    shop.pay("DUE", "Y1", 50, "bank", day(8))
    ((sold, book),) = [orders(S=100, BOOK=30)]
    shop.call("merge_orders", [{**sold, "payee_no": "A"}], "SOLD")
    shop.rows("split_order", "S", "X2", SHARES, "payment")
    shop.pay("SOLD", "S1", 80, "bank", day(9))
    shop.refund("S", "RS", 10)
    shop.call("merge_orders", [{**book, "payee_no": "B"}], "BOOK")
    shop.pay("BOOK", "B1", 30, "bank", day(9))
    shop.until_final()
    shop.call("settle_payee", "B", "OUT", None)


def kill(conn: Connection[Any], pid: int) -> None:
    conn.execute("select pg_terminate_backend(%s, 10000)", [pid])


@pytest.mark.parametrize("name", CALLS)
def test_e32_dies_before_the_commit(
    shop: Shop, connect: Callable[..., Connection[Any]], name: str
) -> None:
    victim = Shop(connect(autocommit=False))
    with shop.unchanged():
        CALLS[name](victim)
        kill(shop.conn, victim.conn.info.backend_pid)
    # Nothing is left that keeps the next one from doing it.
    before = contents(shop.conn)
    CALLS[name](shop)
    assert contents(shop.conn) != before


def test_e32_dies_after_any_of_several_calls(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    names = ("merge_orders", "record_payment", "refund_order", "fail_payment")
    names += ("cancel_order", "expire_trades", "record_refund", "bounce_channel_refund")
    names += ("release_order", "split_order", "refund_order, divided", "release_due")
    names += ("close_dispute, with a refund", "settle_payee", "reverse_settlement", "fold_balances")
    steps = [CALLS[name] for name in names]
    for died_after in range(1, len(steps) + 1):
        victim = Shop(connect(autocommit=False))
        with shop.unchanged():
            for step in steps[:died_after]:
                step(victim)
            kill(shop.conn, victim.conn.info.backend_pid)


@pytest.mark.parametrize(
    ("blocker", "call"),
    [
        pytest.param(
            lambda s: s.merge("TAKEN", Z=1),
            lambda s: s.merge("TAKEN", A=100, N=1),
            id="merge_orders, which stored its orders and closed a trade",
        ),
        pytest.param(
            lambda s: s.pay("PAID", "TAKEN", 1),
            lambda s: s.rows(
                "record_payments",
                [
                    {"trade_no": "T", "payment_no": number, "channel": "card", "amount": 200}
                    for number in ("FREE", "TAKEN")
                ],
            ),
            id="record_payments, which booked one and sent its surplus back",
        ),
        pytest.param(
            lambda s: s.refund("C", "TAKEN", 1),
            lambda s: s.refund("E", "TAKEN", 1),
            id="refund_order, which locked its trade",
        ),
        pytest.param(
            lambda s: s.refund("C", "TAKEN", 1),
            lambda s: s.record_refund("E", "TAKEN", 1),
            id="record_refund, which locked its trade",
        ),
        pytest.param(
            lambda s: s.call("release_order", "U", "TAKEN", 1),
            lambda s: s.call("release_order", "Y", "TAKEN", 1),
            id="release_order, which locked its trade",
        ),
        pytest.param(
            lambda s: s.call("open_dispute", "U", "TAKEN"),
            lambda s: s.call("open_dispute", "Y", "TAKEN"),
            id="open_dispute, which locked its trade",
        ),
        pytest.param(
            lambda s: s.rows("split_order", "U", "TAKEN", SHARES),
            lambda s: s.rows("split_order", "Y", "TAKEN", SHARES),
            id="split_order, which locked its order and trade",
        ),
        pytest.param(
            lambda s: s.call("settle_payee", "A", "N1", None),
            lambda s: s.call("settle_payee", "A", "N2", None),
            id="settle_payee, which summed up",
        ),
        pytest.param(
            lambda s: s.call("fold_balances"),
            lambda s: s.call("fold_balances"),
            id="fold_balances, which is the second",
        ),
    ],
)
def test_e32_dies_in_the_middle_of_a_call(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
    blocker: Callable[[Shop], Any],
    call: Callable[[Shop], Any],
) -> None:
    """It waits for a number that somebody else may take, and is killed there."""
    shop.merge("E", E=5)
    shop.pay("E", "P5", 5)
    holder, victim = Shop(connect(autocommit=False)), Shop(connect())
    with shop.unchanged():
        blocker(holder)
        future = background(call, victim)
        waits(victim.conn)
        kill(shop.conn, victim.conn.info.backend_pid)
        assert isinstance(future.exception(timeout=30), psycopg.OperationalError)
        holder.conn.rollback()
    call(shop)


def test_e32_dies_while_it_waits_for_what_runs(
    shop: Shop, connect: Callable[..., Connection[Any]], background: Callable[..., Future[Any]]
) -> None:
    """close_period sleeps, so that nobody waits for it in turn."""
    runs_on, victim = connect(autocommit=False), Shop(connect())
    runs_on.execute("select")
    until, pid = last_moment(shop), victim.conn.info.backend_pid
    asleep = "select from pg_stat_activity where pid = %s and wait_event = 'PgSleep'"
    with shop.unchanged():
        future = background(victim.call, "close_period", until)
        while not future.done() and not shop.query(asleep, pid):
            pass
        kill(shop.conn, pid)
        assert isinstance(future.exception(timeout=30), psycopg.OperationalError)
        runs_on.rollback()
    shop.call("close_period", until)


def test_e32_an_unknown_outcome_is_made_sure_by_repeating(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    """Committed, and then the answer is lost: the caller repeats, and nothing happens twice."""
    repeated = ["merge_orders", "succeed_payment", "record_payments", "refund_order"]
    repeated += [
        "record_channel_refund",
        "set_route",
        "close_trade",
        "expire_trades",
        "record_refund",
    ]
    repeated += ["bounce_channel_refund", "redirect_channel_refund, what failed", "resolve_anomaly"]
    repeated += ["release_order", "release_due", "open_dispute", "close_dispute, with a refund"]
    repeated += ["split_order", "settle_payee", "settle_receiver", "reverse_settlement"]
    repeated += ["record_repayment", "close_period", "refund_order, divided", "adjust_account"]
    repeated += ["record_channel_fee", "record_channel_payout"]
    for name in repeated:
        victim = Shop(connect())
        CALLS[name](victim)
        kill(shop.conn, victim.conn.info.backend_pid)
        with shop.unchanged():
            CALLS[name](shop)
