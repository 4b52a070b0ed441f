import pytest
from shop import Shop


def test_registers_and_updates(shop: Shop) -> None:
    payee = shop.call("register_payee", "P", "商店")
    assert (payee.merchant_id, payee.payee_no, payee.title) == ("m", "P", "商店")
    assert shop.call("register_payee", "P", "Store").title == "Store"
    assert len(shop.query("select from mixpay.payees")) == 1


def test_e03_again_changes_nothing(shop: Shop) -> None:
    shop.call("register_payee", "P", "Store")
    with shop.unchanged():
        shop.call("register_payee", "P", "Store")


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("register_payee", "P", "Store")


def test_refuses_bad_numbers(shop: Shop, subtests: pytest.Subtests) -> None:
    for number in [None, "", "a b", "x" * 65]:
        with subtests.test(number=number), shop.refused("MX901"):
            shop.call("register_payee", number, "Store")


def test_refuses_bad_titles(shop: Shop, subtests: pytest.Subtests) -> None:
    for title in [None, "", "x" * 201, "a\tb", "a\x9bb", " ", "   ", "\u3000\xa0", "\u200b"]:
        with subtests.test(title=title), shop.refused("MX905"):
            shop.call("register_payee", "P", title)
