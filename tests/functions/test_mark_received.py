from bills import differences, load, reconcile, summary
from shop import Shop, day


def told(shop: Shop) -> None:
    """Cash that no statement covers."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 100, "cash", day(1))
    load(shop, "S1", [], "channel:cash", (day(1), day(9)))
    reconcile(shop, "S1")


def receive(shop: Shop, number: str = "N1", *arguments: str) -> object:
    return shop.call("mark_received", number, "Zoe", "channel:cash", "payment", "P1", *arguments)


def test_somebody_has_counted_it(shop: Shop) -> None:
    told(shop)
    assert differences(shop) == [("missing_there", "P1", -100)]
    before = shop.owns("channel:cash")
    row = shop.call("mark_received", "N1", "Zoe", "channel:cash", "payment", "P1", "counted")
    assert (row.action, row.amount, row.kind, row.number) == ("received", 100, "payment", "P1")
    assert differences(shop) == []
    assert summary(shop) == (100, 0, 0)
    assert shop.owns("channel:cash") == before


def test_e03_e43_again_returns_the_same(shop: Shop) -> None:
    told(shop)
    first = receive(shop)
    with shop.unchanged():
        assert receive(shop) == first
    assert shop.call(
        "mark_received", "N1", "Zoe", "channel:cash", "payment", "P1", "why"
    ).reason == "why"  # fmt: skip
    with shop.refused("MX428", "N1"):
        receive(shop, "N2")
    with shop.refused("MX427", "N1", "received"):
        shop.call(
            "ignore_difference", "N1", "Zoe", None, account="channel:cash", kind="payment",
            number="P1",
        )  # fmt: skip


def test_refuses_bad_input(shop: Shop) -> None:
    told(shop)
    with shop.refused("MX426", "P9"):
        shop.call("mark_received", "N1", "Zoe", "channel:cash", "payment", "P9")
    with shop.refused("MX401"):
        shop.call("mark_received", "N1", "Zoe", "payee:S", "payment", "P1")
    with shop.refused("MX426", "account null, kind payment, number P1"):
        shop.call("mark_received", "N1", "Zoe", None, "payment", "P1")
    with shop.refused("MX203"):
        shop.call("mark_received", "N1", "Zoe", "channel:x", "payment", "P1")
    with shop.refused("MX905"):
        shop.call("mark_received", "N1", "", "channel:cash", "payment", "P1")
    with shop.refused("MX901"):
        receive(shop, "a b")
    with shop.refused("MX101", "nobody"):
        receive(Shop(shop.conn, "nobody"))
