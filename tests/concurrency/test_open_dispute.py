from collections.abc import Callable
from typing import Any

import pytest
from shop import Shop, day, on_hold

Race = Callable[..., Any]
Call = Callable[[Shop], Any]
BLIND = pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])


def dispute(order_no: str, dispute_no: str) -> Call:
    return lambda s: s.call("open_dispute", order_no, dispute_no)


@pytest.fixture(autouse=True)
def paid(shop: Shop) -> None:
    """A100 of payee S is on hold: 60 in U1 and 40 in U2. So is B50, in T."""
    shop.call("register_payee", "S", "Store")
    for trade_no, share in (("U1", 60), ("U2", 40)):
        shop.call("merge_orders", on_hold("S", A=(100, share)), trade_no)
        shop.pay(trade_no, f"P{trade_no}", share, "card", day(1))
    shop.call("merge_orders", on_hold("S", B=50), "T")
    shop.pay("T", "P", 50)


def opened(shop: Shop) -> list[tuple[str, str]]:
    rows = shop.query("select dispute_no, order_no from mixpay.dispute_list order by dispute_no")
    return [(row.dispute_no, row.order_no) for row in rows]


def test_e03_the_same_at_once(shop: Shop, race: Race) -> None:
    raced = race(dispute("A", "D"), dispute("A", "D"))

    assert raced.second == raced.first
    assert opened(shop) == [("D", "A")]


def test_two_of_one_order_at_once(shop: Shop, race: Race) -> None:
    raced = race(dispute("A", "D1"), dispute("A", "D2"))

    assert raced.second.sqlstate == "MX503"
    assert opened(shop) == [("D1", "A")]


def test_the_second_is_opened_when_the_first_is_taken_back(shop: Shop, race: Race) -> None:
    raced = race(dispute("A", "D1"), dispute("A", "D2"), commit=False)

    assert raced.second.state == "open"
    assert opened(shop) == [("D2", "A")]


@pytest.mark.parametrize(
    ("isolation", "code"), [("read committed", "MX506"), ("repeatable read", "40001")]
)
def test_e34_one_number_for_two_orders(shop: Shop, race: Race, isolation: str, code: str) -> None:
    raced = race(dispute("A", "D"), dispute("B", "D"), isolation)

    assert raced.second.sqlstate == code
    assert opened(shop) == [("D", "A")]


def test_a_release_that_waited_is_refused(shop: Shop, race: Race) -> None:
    raced = race(dispute("A", "D"), lambda s: s.release("A", "L"))

    assert raced.second.sqlstate == "MX503"
    assert shop.balance("A").in_escrow == 100


def test_a_release_that_came_first_stays(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.release("A", "L", 70), dispute("A", "D"))

    assert raced.second.state == "open"
    assert (shop.balance("A").in_escrow, shop.owns("payee:S")) == (30, {"CNY": 70})


def test_a_refund_that_waited_goes_on(race: Race) -> None:
    raced = race(dispute("A", "D"), lambda s: s.refund("A", "R", 70))

    assert raced.second == {"PU1": 60, "PU2": 10}


@BLIND
@pytest.mark.parametrize("second", ["dispute", "release", "refund"])
def test_e33_what_cannot_see_the_dispute_fails(
    shop: Shop, race: Race, second: str, isolation: str
) -> None:
    calls: dict[str, Call] = {
        "dispute": dispute("A", "D2"),
        "release": lambda s: s.release("A", "L", 10),
        "refund": lambda s: s.refund("A", "R", 10),
    }
    raced = race(dispute("A", "D"), calls[second], isolation)

    assert raced.second.sqlstate == "40001"
    assert opened(shop) == [("D", "A")]
    assert shop.balance("A").in_escrow == 100


@BLIND
def test_e33_what_happens_to_any_of_its_trades_is_seen(
    shop: Shop, race: Race, isolation: str
) -> None:
    """Only the second trade is touched, by another order's refund that it holds the money of."""
    shop.call("merge_orders", on_hold("S", C=(80, 40)), "V1")
    shop.pay("V1", "PV1", 40)
    shop.call("merge_orders", on_hold("S", C=80, E=20), "V2")
    shop.pay("V2", "PV2", 60)
    raced = race(lambda s: s.refund("E", "R", 5), dispute("C", "D"), isolation)

    assert raced.second.sqlstate == "40001"


@pytest.mark.parametrize(
    ("isolation", "code"), [("read committed", "MX503"), ("repeatable read", "40001")]
)
def test_e51_a_cancellation_that_waited_for_the_dispute_is_refused(
    shop: Shop, race: Race, isolation: str, code: str
) -> None:
    shop.merge("TC", C=100, E=50)
    shop.pay("TC", "PC", 60)
    raced = race(dispute("C", "D9"), lambda s: s.cancel("TC", "C"), isolation)

    assert raced.second.sqlstate == code
    assert shop.line("TC", "C").paid == 60


def test_e51_a_dispute_that_waited_for_the_cancellation_is_opened(shop: Shop, race: Race) -> None:
    shop.merge("TC", C=100, E=50)
    shop.pay("TC", "PC", 60)
    raced = race(lambda s: s.cancel("TC", "C"), dispute("C", "D9"))

    assert raced.second.state == "open"
    assert shop.line("TC", "E").paid == 50
