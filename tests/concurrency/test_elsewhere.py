"""What channels take back, at once with everything else: it counts once."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop

Race = Callable[..., Any]


@pytest.fixture(autouse=True)
def sold(shop: Shop) -> None:
    """A100 is paid by P, and could have 60 more in another trade."""
    shop.merge("T", A=(160, 100))
    shop.pay("T", "P", 100, "card")


def give_back(shop: Shop, number: str = "B1", amount: int | None = None) -> Row:
    return shop.call("return_payment", "P", number, "no funds", amount)


def charge_back(shop: Shop, number: str = "C1", amount: int = 100) -> Row:
    return shop.call("charge_back_payment", "P", number, amount, "fraud")


def win(shop: Shop, amount: int | None = None) -> Row:
    return shop.call("reverse_chargeback", "C1", "won", amount)


@pytest.mark.parametrize("call", [give_back, charge_back])
def test_e03_the_same_number_twice_at_once(shop: Shop, race: Race, call: Any) -> None:
    raced = race(call, call)

    assert raced.second == raced.first
    assert shop.owns("channel:card") == {"CNY": 0}


@pytest.mark.parametrize("call", [give_back, charge_back])
def test_the_second_counts_when_the_first_gives_up(shop: Shop, race: Race, call: Any) -> None:
    raced = race(lambda s: call(s, "N", 30), call, commit=False)

    assert raced.second.amount == 100
    assert shop.owns("channel:card") == {"CNY": 0}


@pytest.mark.parametrize(
    ("call", "isolation", "code"),
    [
        (give_back, "read committed", "MX221"),
        (give_back, "repeatable read", "40001"),
        (charge_back, "read committed", "MX223"),
        (charge_back, "repeatable read", "40001"),
    ],
)
def test_e34_the_same_number_for_two_payments(
    shop: Shop, race: Race, call: Any, isolation: str, code: str
) -> None:
    shop.merge("T2", B=100)
    shop.pay("T2", "P2", 100, "card")
    function = "return_payment" if call is give_back else "charge_back_payment"
    arguments = ("no",) if call is give_back else (100, "no")

    def other(shop: Shop) -> Row:
        return shop.call(function, "P2", "B1" if call is give_back else "C1", *arguments)

    raced = race(call, other, isolation)

    assert raced.second.sqlstate == code
    assert shop.owns("channel:card") == {"CNY": -100}


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_e01_a_refund_meanwhile_finds_nothing_left(shop: Shop, race: Race, isolation: str) -> None:
    raced = race(charge_back, lambda s: s.refund("A", "R", 60), isolation)

    assert raced.second.sqlstate == ("MX301" if isolation == "read committed" else "40001")
    assert shop.balance("A").refundable == 0


@pytest.mark.parametrize("call", [give_back, charge_back])
def test_e01_after_a_refund_the_rest_is_lost(shop: Shop, race: Race, call: Any) -> None:
    raced = race(lambda s: s.refund("A", "R", 60), call)

    assert (raced.first, raced.second.lost) == ({"P": 60}, 0 if call is None else 60)
    assert shop.channel_refund("R", "P").state == "waiting"


def test_a_claim_leaves_out_what_is_being_held(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    shop.refund("A", "R", 60)
    taking = Shop(connect(autocommit=False))
    give_back(taking)
    assert shop.rows("claim_channel_refunds", "w") == []
    taking.conn.commit()

    assert shop.rows("claim_channel_refunds", "w") == []
    assert shop.channel_refund("R", "P").state == "waiting"


def test_a_payment_meanwhile_pays_what_is_open_again(shop: Shop, race: Race) -> None:
    raced = race(give_back, lambda s: s.pay("T", "P2", 100, "card"))

    assert (raced.second.applied, raced.second.surplus) == (100, 0)
    assert shop.row("trades", "T").state == "paid"


def test_e40_a_merge_that_came_first_has_the_order(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.merge("T2", A=160), give_back)

    assert raced.second.unapplied == 100
    assert (shop.row("trades", "T").state, shop.line("T", "A").live) == ("closed", False)
    assert shop.line("T2", "A").amount == 60
    assert shop.balance("A").open_trade_no == "T2"


def test_a_merge_that_gave_up_has_it_not(shop: Shop, race: Race) -> None:
    race(lambda s: s.merge("T2", A=160), give_back, commit=False)

    assert (shop.row("trades", "T").state, shop.line("T", "A").live) == ("open", True)


def test_a_split_meanwhile_takes_no_order_away(shop: Shop, race: Race) -> None:
    shares = [{"receiver": "agent", "fixed": 1}, {"receiver": "us", "takes_remainder": True}]
    raced = race(lambda s: s.rows("split_order", "A", "X", shares), give_back)

    assert raced.second.unapplied == 100
    assert (shop.row("trades", "T").state, shop.line("T", "A").live) == ("open", True)


def test_a_failure_that_covers_waits_for_a_merge(shop: Shop, race: Race) -> None:
    shop.refund("A", "R", 100)
    assert give_back(shop).lost == 100
    raced = race(lambda s: s.merge("T2", A=160), lambda s: s.fail("R", "P"))

    assert raced.second.state == "failed"
    assert shop.row("trades", "T").state == "closed"
    assert shop.balance("A").open_trade_no == "T2"


def test_a_failure_that_came_before_the_return_waits_for_nobody(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    shop.refund("A", "R", 100)
    failing = Shop(connect(autocommit=False))
    failing.fail("R", "P")
    shop.conn.execute("set lock_timeout = '1s'")
    assert shop.merge("T2", A=160).amount == 60
    failing.conn.commit()


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_a_merge_meanwhile_finds_the_order_in_the_open_trade(
    shop: Shop, race: Race, isolation: str
) -> None:
    raced = race(lambda s: give_back(s, "B1", 30), lambda s: s.merge("T2", A=160), isolation)

    assert raced.second.sqlstate == ("MX107" if isolation == "read committed" else "40001")
    assert shop.balance("A").open_trade_no == "T"


def test_two_trades_of_an_order_open_again_at_once(shop: Shop, race: Race) -> None:
    shop.merge("T2", A=160)
    shop.pay("T2", "P2", 60, "card")
    race(give_back, lambda s: s.call("return_payment", "P2", "B2", "no funds"))

    assert shop.row("trades", "T").state == "open"
    assert shop.row("trades", "T2").state == "closed"
    assert shop.balance("A").mergeable == 60


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_won_twice_at_once(shop: Shop, race: Race, isolation: str) -> None:
    charge_back(shop)
    raced = race(win, win, isolation)

    if isolation == "read committed":
        assert raced.second == raced.first
    else:
        assert raced.second.sqlstate == "40001"
    assert shop.balance("A").refundable == 100


def test_a_refund_after_it_was_won(shop: Shop, race: Race) -> None:
    charge_back(shop)
    raced = race(win, lambda s: s.refund("A", "R", 100))

    assert raced.second == {"P": 100}


def test_a_failure_meanwhile_covers_the_loss(shop: Shop, race: Race) -> None:
    shop.refund("A", "R", 60)
    raced = race(charge_back, lambda s: s.fail("R", "P"))

    assert (raced.first.lost, raced.second.state) == (60, "failed")
    assert shop.row("chargebacks", "C1").lost == 0


def test_one_that_failed_first_is_taken(shop: Shop, race: Race) -> None:
    shop.refund("A", "R", 60)
    raced = race(lambda s: s.fail("R", "P"), charge_back)

    assert raced.second.lost == 0


def test_two_orders_whose_splits_are_of_two_trades_do_not_lock_each_other_out(
    shop: Shop, race: Race
) -> None:
    shop.call("register_payee", "S", "Store")
    lines = [
        {"order_no": no, "amount": 200, "pay": 100, "currency": "CNY", "payee_no": "S"}
        for no in ("X", "Y")
    ]
    shop.call("merge_orders", lines, "T3")
    for no in ("X", "Y"):
        shop.rows("split_order", no, f"S{no}", [{"receiver": "agent", "rate": 1000}])
    shop.pay("T3", "P3", 200, "card")
    shop.call("merge_orders", lines[::-1], "T4")
    shop.pay("T4", "P4", 200, "card")
    raced = race(
        lambda s: s.call("return_payment", "P3", "B3", "no funds"),
        lambda s: s.call("charge_back_payment", "P4", "C4", 200, "fraud"),
    )

    assert (raced.first.unapplied, raced.second.lost) == (200, 0)
    assert shop.owns("receiver:agent") == {"CNY": 0}
