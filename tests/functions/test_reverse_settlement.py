import pytest
from shop import Row, Shop, day


@pytest.fixture(autouse=True)
def settled(shop: Shop) -> Row:
    """A100 of S was paid out."""
    shop.sell("A", 100)
    return shop.settle("S1")


def reverse(shop: Shop, settlement_no: str = "S1", reason: str | None = "no such account") -> Row:
    return shop.call("reverse_settlement", settlement_no, reason)


def test_the_money_is_the_payees_again(shop: Shop, settled: Row) -> None:
    reversal = reverse(shop)

    assert (reversal.state, reversal.reason) == ("reversed", "no such account")
    assert reversal.reversed_at is not None
    assert (reversal.amount, reversal.earned) == (settled.amount, settled.earned)
    assert shop.owns("payee:S") == {"CNY": 100}
    assert shop.owns("bank:main") == {"CNY": 0}
    assert shop.query("select * from mixpay.payout_list") == []
    moves = shop.query("select * from mixpay.journal where source = 'settlement' order by entry")
    assert [(m.from_account, m.to_account, m.amount, m.reason) for m in moves] == [
        ("payee", "bank", 100, None),
        ("bank", "payee", 100, "no such account"),
    ]


def test_the_next_settlement_pays_it_out_again(shop: Shop) -> None:
    reverse(shop)
    settlement = shop.settle("S2")

    assert (settlement.carried_in, settlement.earned, settlement.amount) == (100, 0, 100)
    (line,) = shop.query("select * from mixpay.settlement_lines where settlement_no = 'S2'")
    assert (line.kind, line.amount) == ("carried_in", 100)
    assert shop.settle("S3").amount == 0


def test_one_that_others_followed(shop: Shop) -> None:
    shop.sell("B", 50)
    shop.settle("S2")
    reverse(shop)
    shop.sell("C", 7)

    assert shop.settle("S3").amount == 107
    reverse(shop, "S3")
    reverse(shop, "S2")
    assert shop.settle("S4").amount == 157
    assert shop.owns("payee:S") == {"CNY": 0}


def test_e22_a_debt_since_is_netted(shop: Shop) -> None:
    shop.refund("A", "R", 60)
    assert shop.settle("S2").carried_out == -60
    reverse(shop)

    settlement = shop.settle("S3")
    assert (settlement.carried_in, settlement.amount) == (40, 40)


def test_a_receivers(shop: Shop) -> None:
    shop.sell("B", 100)
    shop.rows("split_order", "B", "X", [{"receiver": "agent", "rate": 1000}])
    shop.until_final()
    shop.call("settle_receiver", "agent", "S2", None)
    reverse(shop, "S2")

    assert shop.owns("receiver:agent") == {"CNY": 10}
    assert shop.owns("payee:S") == {"CNY": 90}
    shop.until_final()
    assert shop.call("settle_receiver", "agent", "S3", None).amount == 10


def test_e03_again_changes_nothing(shop: Shop) -> None:
    first = reverse(shop)
    for reason in ("no such account", "another", None):
        with shop.unchanged():
            assert reverse(shop, reason=reason) == first
    assert shop.settle("S2").amount == 100
    with shop.unchanged():
        assert reverse(shop) == first


def test_e43_the_money_came_back_when_the_bank_says(shop: Shop) -> None:
    reversal = shop.call("reverse_settlement", "S1", "no such account", day(3))
    assert reversal.reversed_at == day(3)
    (moved,) = shop.query("select * from mixpay.journal where from_account = 'bank'")
    assert moved.happened_at == day(3)
    with shop.refused("MX418", "another moment"):
        shop.call("reverse_settlement", "S1", "no such account", day(4))


def test_e46_a_reversal_that_was_taken_back_stays_so(shop: Shop) -> None:
    for nth in (1, 2, 3):
        for late in range(1, nth):
            with shop.unchanged():
                told = shop.call("reverse_settlement", "S1", "late", day(2), late)
                assert told.state == "settled"
        with shop.refused("MX415", nth + 1):
            shop.call("reverse_settlement", "S1", "no such account", None, nth + 1)
        reversal = shop.call("reverse_settlement", "S1", "no such account", day(nth), nth)
        assert (reversal.state, reversal.reversed_at) == ("reversed", day(nth))
        for again in range(1, nth + 1):
            with shop.unchanged():
                assert shop.call("reverse_settlement", "S1", "late", None, again) == reversal
        with shop.refused("MX415", nth + 1):
            shop.call("reverse_settlement", "S1", "no such account", None, nth + 1)
        for early in range(1, nth):
            with shop.unchanged():
                assert shop.call("reinstate_settlement", "S1", "late", early) == reversal
        with shop.refused("MX415", nth + 1):
            shop.call("reinstate_settlement", "S1", "it had arrived", nth + 1)
        reinstated = shop.call("reinstate_settlement", "S1", "it had arrived", nth)
        assert (reinstated.state, reinstated.reversed_at) == ("settled", None)
        with shop.unchanged():
            assert shop.call("reinstate_settlement", "S1", "late", nth) == reinstated
    assert shop.owns("payee:S") == {"CNY": 0}


def test_refuses_one_that_paid_nothing_out(shop: Shop) -> None:
    shop.refund("A", "R", 60)
    shop.settle("S2")
    with shop.refused("MX406", "S2", -60):
        reverse(shop, "S2")


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX405", "S9", "m"):
        reverse(shop, "S9")
    with shop.refused("MX101", "nobody"):
        reverse(Shop(shop.conn, "nobody"))
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            reverse(shop, bad)  # type: ignore[arg-type]
    with shop.refused("MX905", 1001):
        reverse(shop, reason="x" * 1001)
    with shop.refused("MX905"):
        shop.call("reverse_settlement", "S1", "no such account", day(9999))
    for bad in (0, -1, 2):
        with shop.refused("MX415", bad):
            shop.call("reverse_settlement", "S1", "no such account", None, bad)


def test_does_not_find_another_merchants(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    with shop.refused("MX405", "S1"):
        reverse(other)
