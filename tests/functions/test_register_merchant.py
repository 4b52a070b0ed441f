import pytest
from shop import Shop


def test_registers_and_updates(shop: Shop) -> None:
    new = Shop(shop.conn, "new")
    merchant = new.call("register_merchant", "New")
    assert (merchant.merchant_id, merchant.title, merchant.allocation) == ("new", "New", "fifo")
    merchant = new.call("register_merchant", "Newer", "pro_rata")
    assert (merchant.title, merchant.allocation) == ("Newer", "pro_rata")
    assert len(shop.query("select from mixpay.merchants")) == 2


def test_e03_again_changes_nothing(shop: Shop) -> None:
    with shop.unchanged():
        shop.call("register_merchant", "Shop")


def test_refuses_bad_numbers(shop: Shop, subtests: pytest.Subtests) -> None:
    for merchant in ["", "a b", "x" * 65, "商户"]:
        with subtests.test(merchant=merchant), shop.refused("MX901"):
            Shop(shop.conn, merchant).call("register_merchant", "New")


def test_refuses_bad_titles_and_allocations(shop: Shop, subtests: pytest.Subtests) -> None:
    for title, allocation in [
        ("", "fifo"),
        (None, "fifo"),
        ("x" * 201, "fifo"),
        ("a\x1b[2Jb", "fifo"),
        ("New", "lifo"),
        ("New", None),
    ]:
        with subtests.test(title=title, allocation=allocation), shop.refused("MX905"):
            shop.call("register_merchant", title, allocation)
