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


@pytest.mark.parametrize("merchant", ["", "a b", "x" * 65, "商户"])
def test_refuses_bad_numbers(shop: Shop, merchant: str) -> None:
    with shop.refused("MX901"):
        Shop(shop.conn, merchant).call("register_merchant", "New")


@pytest.mark.parametrize(
    ("title", "allocation"),
    [("", "fifo"), (None, "fifo"), ("x" * 201, "fifo"), ("New", "lifo"), ("New", None)],
)
def test_refuses_bad_titles_and_allocations(
    shop: Shop, title: str | None, allocation: str | None
) -> None:
    with shop.refused("MX905"):
        shop.call("register_merchant", title, allocation)
