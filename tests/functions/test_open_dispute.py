import pytest
from shop import Shop, day, on_hold


@pytest.fixture(autouse=True)
def paid(shop: Shop) -> None:
    """A100 of payee S is on hold and due, and paid in part; B50 is the payee's at once."""
    shop.call("register_payee", "S", "Store")
    lines = on_hold("S", day(1).isoformat(), A=100) + on_hold("S", False, B=50)
    shop.call("merge_orders", lines, "T")
    shop.pay("T", "P", 120, "card", day(1))
    shop.release("A", "L", 10)


def test_holds_back_the_release(shop: Shop) -> None:
    dispute = shop.call("open_dispute", "A", "D", "broken")

    assert (dispute.dispute_no, dispute.order_no, dispute.state) == ("D", "A", "open")
    assert (dispute.reason, dispute.outcome, dispute.refund_no) == ("broken", None, None)
    assert dispute == shop.row("disputes", "D")
    with shop.refused("MX503", "A", "D"):
        shop.release("A", "L2", 1)
    assert shop.rows("release_due") == []
    assert shop.balance("A").in_escrow == 90


def test_holds_back_no_other_order(shop: Shop) -> None:
    """Nor another merchant's of the same number."""
    shop.call("open_dispute", "B", "D")
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    other.merge("T", A=1)
    other.call("open_dispute", "A", "D")
    assert shop.release("A", "L2", 1).amount == 1

    assert [row.order_no for row in shop.rows("release_due")] == ["A"]


def test_moves_no_money(shop: Shop) -> None:
    before = shop.query("select * from mixpay.journal")
    shop.call("open_dispute", "A", "D")
    shop.call("open_dispute", "B", "D2")

    assert shop.query("select * from mixpay.journal") == before


def test_refunds_go_on(shop: Shop) -> None:
    shop.call("open_dispute", "A", "D")
    shop.refund("A", "R", 95)
    assert (shop.balance("A").in_escrow, shop.owns("payee:S")) == (0, {"CNY": 25})
    shop.fail("R", "P")

    assert (shop.balance("A").in_escrow, shop.owns("payee:S")) == (90, {"CNY": 30})


def test_payments_go_on(shop: Shop) -> None:
    shop.call("open_dispute", "A", "D")
    shop.call("open_dispute", "B", "D2")
    shop.pay("T", "P2", 30)

    assert shop.row("trades", "T").state == "paid"
    assert (shop.balance("A").in_escrow, shop.owns("payee:S")) == (90, {"CNY": 60})


def test_of_an_order_that_is_not_paid(shop: Shop) -> None:
    """Or will never be: who objects need not know."""
    shop.call("merge_orders", on_hold("S", C=70), "T2")
    shop.call("open_dispute", "C", "D")
    shop.pay("T2", "P2", 70)
    with shop.refused("MX503", "D"):
        shop.release("C", "L2")


def test_one_at_a_time(shop: Shop) -> None:
    shop.call("open_dispute", "A", "D")
    with shop.refused("MX503", "A", "D"):
        shop.call("open_dispute", "A", "D2")
    assert shop.call("open_dispute", "B", "D2").order_no == "B"


@pytest.mark.parametrize("outcome", ["payee", "buyer"])
def test_another_one_when_it_was_decided(shop: Shop, outcome: str) -> None:
    shop.call("open_dispute", "A", "D")
    shop.call("close_dispute", "D", outcome)

    assert shop.call("open_dispute", "A", "D2").state == "open"


def test_e43_a_reason_may_come_later_and_stays(shop: Shop) -> None:
    shop.call("open_dispute", "A", "D")
    told = shop.call("open_dispute", "A", "D", "broken")
    assert told.reason == "broken"
    with shop.unchanged():
        assert shop.call("open_dispute", "A", "D", "another reason") == told


def test_e03_the_same_returns_the_dispute_as_it_is_now(shop: Shop) -> None:
    first = shop.call("open_dispute", "A", "D", "broken")
    for reason in ("broken", None, "another reason"):
        with shop.unchanged():
            assert shop.call("open_dispute", "A", "D", reason) == first
    closed = shop.call("close_dispute", "D", "payee")
    with shop.unchanged():
        assert shop.call("open_dispute", "A", "D") == closed
    # Also while another one is open.
    shop.call("open_dispute", "A", "D2")
    with shop.unchanged():
        assert shop.call("open_dispute", "A", "D") == closed


@pytest.mark.parametrize("closed", [False, True])
def test_e03_the_number_of_another_orders_is_refused(shop: Shop, closed: bool) -> None:
    shop.call("open_dispute", "A", "D")
    if closed:
        shop.call("close_dispute", "D", "payee")
    with shop.refused("MX506", "D", "order_no A"):
        shop.call("open_dispute", "B", "D")


def test_e03_a_refused_number_is_not_burnt(shop: Shop) -> None:
    shop.call("open_dispute", "A", "D")
    with shop.refused("MX503"):
        shop.call("open_dispute", "A", "D2")
    shop.call("close_dispute", "D", "payee")

    assert shop.call("open_dispute", "A", "D2").state == "open"


def test_is_on_record_in_the_orders_first_trade(shop: Shop) -> None:
    shop.call("merge_orders", on_hold("S", C=(100, 60)), "U2")
    shop.call("merge_orders", on_hold("S", C=(100, 60)), "U1")
    shop.call("open_dispute", "C", "D", "broken")
    (told,) = [event for event in shop.rows("read_events") if event.entity == "dispute"]
    (change,) = shop.query("select * from mixpay.history where entity = 'dispute'")

    for it in (told, change):
        assert (it.number, it.from_state, it.to_state) == ("D", "", "open")
        assert (it.trade_no, it.order_no, it.reason) == ("U2", "C", "broken")


def test_is_listed(shop: Shop) -> None:
    shop.call("open_dispute", "A", "D", "broken")
    (listed,) = shop.query("select * from mixpay.dispute_list")

    assert (listed.dispute_no, listed.order_no, listed.state) == ("D", "A", "open")
    assert (listed.payee_no, listed.in_escrow, listed.currency) == ("S", 90, "CNY")
    assert (listed.reason, listed.outcome, listed.closed_at) == ("broken", None, None)


def test_refuses_what_it_does_not_know(shop: Shop) -> None:
    with shop.refused("MX103", "nothing"):
        shop.call("open_dispute", "nothing", "D")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("open_dispute", "A", "D")


def test_does_not_find_the_order_of_another_merchant(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    with shop.refused("MX103", "A"):
        other.call("open_dispute", "A", "D")
    # An order of the same number is another one, and so is a dispute.
    other.merge("T", A=5)
    shop.call("open_dispute", "A", "D")
    assert other.call("open_dispute", "A", "D").state == "open"


@pytest.mark.parametrize("number", [None, "", "a b", "x" * 65])
def test_refuses_bad_numbers(shop: Shop, number: str | None) -> None:
    with shop.refused("MX901"):
        shop.call("open_dispute", "A", number)
    with shop.refused("MX901"):
        shop.call("open_dispute", number, "D")


def test_refuses_an_overlong_reason(shop: Shop) -> None:
    with shop.refused("MX905", 1001):
        shop.call("open_dispute", "A", "D", "x" * 1001)
