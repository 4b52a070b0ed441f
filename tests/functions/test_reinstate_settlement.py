import pytest
from shop import Row, Shop


@pytest.fixture(autouse=True)
def reversed_(shop: Shop) -> Row:
    """A100 of S was paid out, and the payout was booked as failed."""
    shop.sell("A", 100)
    shop.settle("S1")
    return shop.call("reverse_settlement", "S1", "no answer from the bank")


def reinstate(shop: Shop, settlement_no: str = "S1", reason: str | None = "it had arrived") -> Row:
    return shop.call("reinstate_settlement", settlement_no, reason)


def test_e46_the_money_has_left_after_all(shop: Shop) -> None:
    standing = reinstate(shop)

    assert (standing.state, standing.reason, standing.amount) == ("settled", "it had arrived", 100)
    assert (standing.reversed_at, standing.last_entry) == (None, 3)
    assert shop.owns("payee:S") == {"CNY": 0}
    assert shop.owns("bank:main") == {"CNY": 100}
    (payout,) = shop.query("select settlement_no, amount, bank from mixpay.payout_list")
    assert tuple(payout) == ("S1", 100, "main")
    moves = shop.query("select * from mixpay.journal where source = 'settlement' order by entry")
    assert [(m.from_account, m.to_account, m.amount, m.reason) for m in moves] == [
        ("payee", "bank", 100, None),
        ("bank", "payee", 100, "no answer from the bank"),
        ("payee", "bank", 100, "it had arrived"),
    ]


def test_is_an_event(shop: Shop) -> None:
    reinstate(shop)
    shop.until_final()
    told = [
        (event.from_state, event.to_state, event.reason)
        for event in shop.rows("read_events")
        if event.entity == "settlement"
    ]
    assert told == [
        ("", "settled", None),
        ("settled", "reversed", "no answer from the bank"),
        ("reversed", "settled", "it had arrived"),
    ]


def test_e46_before_the_next_settlement_nothing_is_left_to_pay(shop: Shop) -> None:
    reinstate(shop)
    shop.sell("B", 20)
    settlement = shop.settle("S2")

    assert (settlement.carried_in, settlement.earned, settlement.amount) == (0, 20, 20)


def test_e46_after_the_next_settlement_it_was_paid_twice(shop: Shop) -> None:
    assert shop.settle("S2").amount == 100
    reinstate(shop)

    assert shop.owns("payee:S") == {"CNY": -100}
    (owes,) = shop.query("select account, owner, lacking from mixpay.shortfall_list")
    assert tuple(owes) == ("payee", "S", 100)
    settlement = shop.settle("S3")
    assert (settlement.carried_in, settlement.earned, settlement.carried_out) == (-100, 0, -100)
    shop.sell("B", 130)
    settlement = shop.settle("S4")
    assert (settlement.carried_in, settlement.earned, settlement.amount) == (-100, 130, 30)
    (line, sale) = shop.query(
        "select kind, order_no, amount from mixpay.settlement_lines "
        "where settlement_no = 'S4' order by amount"
    )
    assert (tuple(line), tuple(sale)) == (("carried_in", None, -100), ("order", "B", 130))


def test_e46_what_was_paid_twice_is_brought_back(shop: Shop) -> None:
    shop.settle("S2")
    reinstate(shop)
    shop.call("record_repayment", "payee:S", "B1", 100, "CNY")

    assert shop.owns("payee:S") == {"CNY": 0}
    assert shop.owns("bank:main") == {"CNY": 100}
    assert shop.settle("S3").amount == 0


def test_e46_with_a_debt(shop: Shop) -> None:
    shop.refund("A", "R", 60)
    settlement = shop.settle("S2")
    assert (settlement.carried_in, settlement.earned, settlement.amount) == (100, -60, 40)
    reinstate(shop)

    settlement = shop.settle("S3")
    assert (settlement.carried_in, settlement.amount, settlement.carried_out) == (-100, 0, -100)
    shop.call("reverse_settlement", "S2", "no such account")
    settlement = shop.settle("S4")
    assert (settlement.carried_in, settlement.carried_out) == (-60, -60)


def test_e46_may_be_reversed_again_and_again(shop: Shop) -> None:
    for times in range(2, 5):
        reinstate(shop)
        again = shop.call("reverse_settlement", "S1", f"reversed {times} times")
        assert (again.state, again.reason) == ("reversed", f"reversed {times} times")
        assert again.reversed_at is not None
        assert shop.owns("payee:S") == {"CNY": 100}
    settlement = shop.settle("S2")
    assert (settlement.carried_in, settlement.amount) == (100, 100)


def test_counts_when_it_is_written(shop: Shop) -> None:
    """A settlement until a moment before it pays the failed payout again."""
    ((before,),) = shop.query("select clock_timestamp()")
    reinstate(shop)

    assert shop.settle("S2", until=before).amount == 100
    settlement = shop.settle("S3")
    assert (settlement.carried_in, settlement.carried_out) == (-100, -100)


def test_goes_by_the_bank_of_its_payout(shop: Shop) -> None:
    shop.sell("B", 50, "V")
    shop.until_final()
    shop.call("settle_payee", "V", "S2", None, bank="second")
    assert shop.owns("bank:second") == {"CNY": 50}
    shop.call("reverse_settlement", "S2", "no answer")
    assert shop.owns("bank:second") == {"CNY": 0}
    reinstate(shop, "S2")
    assert shop.owns("bank:second") == {"CNY": 50}


def test_a_receivers(shop: Shop) -> None:
    shop.sell("B", 100)
    shop.rows("split_order", "B", "X", [{"receiver": "agent", "rate": 1000}])
    shop.until_final()
    shop.call("settle_receiver", "agent", "S2", None)
    shop.call("reverse_settlement", "S2", "no answer")
    reinstate(shop, "S2")

    assert shop.owns("receiver:agent") == {"CNY": 0}


def test_e03_again_changes_nothing(shop: Shop) -> None:
    first = reinstate(shop)
    for reason in ("it had arrived", "another", None):
        with shop.unchanged():
            assert reinstate(shop, reason=reason) == first


def test_refuses_one_that_was_never_reversed(shop: Shop) -> None:
    shop.sell("B", 50)
    shop.settle("S2")
    with shop.refused("MX415", "S2", 150):
        reinstate(shop, "S2")


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX405", "S9", "m"):
        reinstate(shop, "S9")
    with shop.refused("MX101", "nobody"):
        reinstate(Shop(shop.conn, "nobody"))
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            reinstate(shop, bad)  # type: ignore[arg-type]
    with shop.refused("MX905", 1001):
        reinstate(shop, reason="x" * 1001)
    for bad in (0, -1, 2):
        with shop.refused("MX415", bad):
            shop.call("reinstate_settlement", "S1", "it had arrived", bad)


def test_does_not_find_another_merchants(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    with shop.refused("MX405", "S1"):
        reinstate(other)
