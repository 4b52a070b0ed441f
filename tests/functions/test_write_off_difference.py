import pytest
from bills import differences, line, load, reconcile, results, summary
from shop import Shop, day


def told(shop: Shop) -> None:
    """A cent that is missing (1), a fee that is too high (2), a line of 3 that nobody knows (3)."""
    shop.merge("T", A=200)
    shop.pay("T", "P1", 100, "card", day(1), "X1")
    shop.pay("T", "P2", 100, "card", day(1), "X2")
    shop.call("set_reconciliation", "channel:card", fee_rate=10000, write_off_limit=5)
    lines = [
        line(1, "payment", 99, day(1), txn="X1"),
        line(2, "payment", 100, day(1), txn="X2", fee=3),
        line(3, "adjustment", 3, day(1)),
        line(4, "adjustment", 6, day(1)),
    ]
    load(shop, "S1", lines)
    reconcile(shop, "S1")


def test_the_books_have_what_the_channel_says(shop: Shop) -> None:
    told(shop)
    assert shop.owns("channel:card") == {"CNY": -200}
    first = shop.call("write_off_difference", "N1", "Zoe", None, "S1", 1)
    assert (first.action, first.amount) == ("written_off", 1)
    assert shop.owns("channel:card") == {"CNY": -199}
    assert shop.owns("rounding:reconciliation") == {"CNY": -1}
    (adjusted,) = shop.query("select * from mixpay.adjustment_list")
    assert (adjusted.adjustment_no, adjusted.reason) == ("N1", "line 1 of statement S1")

    assert shop.call("write_off_difference", "N2", "Zoe", "dear", "S1", 2).amount == 2
    assert shop.owns("channel:card") == {"CNY": -197}
    assert shop.call("write_off_difference", "N3", "Zoe", None, "S1", 3).amount == -3
    assert shop.owns("channel:card") == {"CNY": -200}
    assert differences(shop) == [("expected", "4", 6)]
    assert summary(shop)[2] == 6


def test_within_the_limit(shop: Shop) -> None:
    told(shop)
    assert ("expected", "4", 6) in differences(shop)
    with shop.refused("MX429", "the difference 6, and the limit of channel:card is 5"):
        shop.call("write_off_difference", "N1", "Zoe", None, "S1", 4)
    shop.call("set_reconciliation", "channel:card", write_off_limit=6)
    assert shop.call("write_off_difference", "N1", "Zoe", None, "S1", 4).amount == -6


def test_something_of_ours(shop: Shop) -> None:
    told(shop)
    shop.call("record_channel_fee", "card", "F1", 2, "CNY", None, None, day(1))
    reconcile(shop, "S1")
    item = {"account": "channel:card", "kind": "fee", "number": "F1"}
    assert shop.call("write_off_difference", "N1", "Zoe", None, **item).amount == -2
    assert shop.owns("channel:card") == {"CNY": -200}


@pytest.mark.parametrize("named", [{"txn": "X9"}, {"our": "P9"}])
def test_a_line_whose_payment_turns_up_is_no_match_but_a_difference(
    shop: Shop, named: dict[str, str]
) -> None:
    """The books have it twice then: as what was written off, and as the payment."""
    told(shop)
    shop.merge("T9", B=4)
    load(shop, "S9", [line(1, "payment", 4, day(1), **named)])
    reconcile(shop, "S9")
    shop.call("write_off_difference", "N9", "Zoe", "whose?", "S9", 1)
    shop.pay("T9", "P9", 4, "card", day(1), "X9")
    assert shop.owns("channel:card") == {"CNY": -208}
    for _ in range(2):
        reconcile(shop, "S9")
        assert results(shop, "S9") == {"1": "expected"}
        assert ("expected", "P9", -4) in differences(shop)
    shop.call("take_back_resolution", "N10", "N9", "Bo")
    reconcile(shop, "S1")
    assert results(shop, "S9") == {"1": "matched P9"}
    assert shop.owns("channel:card") == {"CNY": -204}
    assert [row for row in differences(shop) if row[1] == "P9"] == []


@pytest.mark.parametrize("named", [{"txn": "X9"}, {"our": "P9"}])
def test_a_payment_whose_line_turns_up_is_no_match_but_a_difference(
    shop: Shop, named: dict[str, str]
) -> None:
    """The channel has it, and the books have no more, since it was written off."""
    told(shop)
    shop.merge("T9", B=4)
    shop.pay("T9", "P9", 4, "card", day(1), "X9")
    reconcile(shop, "S1")
    item = {"account": "channel:card", "kind": "payment", "number": "P9"}
    shop.call("write_off_difference", "N9", "Zoe", "it never came", **item)
    before = summary(shop)
    assert shop.owns("channel:card") == {"CNY": -200}
    load(shop, "S9", [line(1, "payment", 4, day(2), **named)])
    for _ in range(2):
        reconcile(shop, "S9")
        assert results(shop, "S9") == {"1": "expected"}
        assert summary(shop)[2] == before[2] + 4
    shop.call("take_back_resolution", "N10", "N9", "Bo")
    reconcile(shop, "S1")
    assert results(shop, "S9") == {"1": "matched P9"}
    assert summary(shop)[2] == before[2]
    assert shop.owns("channel:card") == {"CNY": -204}


def test_that_it_succeeded_is_booked_and_not_written_off(shop: Shop) -> None:
    told(shop)
    shop.merge("T9", B=4)
    shop.start("T9", "P9", 4, "card")
    load(shop, "S9", [line(1, "payment", 4, day(1), our="P9")])
    reconcile(shop, "S9")
    assert results(shop, "S9") == {"1": "state P9"}
    with shop.refused("MX429", "state", 4):
        shop.call("write_off_difference", "N9", "Zoe", None, "S9", 1)


def test_e03_e43_again_returns_the_same(shop: Shop) -> None:
    told(shop)
    first = shop.call("write_off_difference", "N1", "Zoe", None, "S1", 1)
    with shop.unchanged():
        assert shop.call("write_off_difference", "N1", "Zoe", None, "S1", 1) == first
    assert shop.call("write_off_difference", "N1", "Zoe", "why", "S1", 1).reason == "why"
    with shop.refused("MX427", "N1"):
        shop.call("write_off_difference", "N1", "Zoe", None, "S1", 2)
    with shop.refused("MX428", "N1"):
        shop.call("write_off_difference", "N2", "Zoe", None, "S1", 1)
    shop.call("adjust_account", "fee:x", "N3", 1, "CNY", None)
    with shop.refused("MX412", "N3"):
        shop.call("write_off_difference", "N3", "Zoe", None, "S1", 3)


def test_refuses_bad_input(shop: Shop) -> None:
    told(shop)
    with shop.refused("MX905"):
        shop.call("write_off_difference", "N1", None, None, "S1", 1)
    with shop.refused("MX901"):
        shop.call("write_off_difference", "", "Zoe", None, "S1", 1)
    with shop.refused("MX420", "S9"):
        shop.call("write_off_difference", "N1", "Zoe", None, "S9", 1)
    with shop.refused("MX426"):
        shop.call("write_off_difference", "N1", "Zoe", None, "S1", 9)
    for nothing in [{}, {"line_no": 1}, {"statement_no": "S1"}, {"kind": "fee", "number": "F1"}]:
        with shop.refused("MX426", "it is not said what is resolved", "Given are"):
            shop.call("write_off_difference", "N1", "Zoe", None, **nothing)
    with shop.refused("MX203"):
        shop.call("write_off_difference", "N1", "Zoe", None, account="channel:x")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("write_off_difference", "N1", "Zoe", None, "S1", 1)
