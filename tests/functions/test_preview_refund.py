import psycopg
import pytest
from shop import Shop, day


@pytest.fixture(autouse=True)
def trade(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P2", 90, "cash", day(2))
    shop.pay("T", "P1", 60, "card", day(1))


def test_shows_what_a_refund_would_take(shop: Shop) -> None:
    with shop.unchanged():
        shares = shop.rows("preview_refund", "A", 80)

    assert [(s.payment_no, s.amount, s.refundable, s.channel) for s in shares] == [
        ("P1", 60, 60, "card"),
        ("P2", 20, 90, "cash"),
    ]
    assert shares[0].paid_at == day(1)


def test_is_what_refund_order_then_does(shop: Shop) -> None:
    for number, (order, amount) in enumerate([("B", 10), ("A", 80), ("B", 40), ("A", 20)]):
        expected = shop.preview(order, amount)
        assert shop.refund(order, f"R{number}", amount) == dict(expected)


def test_refuses_what_refund_order_would(shop: Shop) -> None:
    with shop.refused("MX301", 101, 100, 0):
        shop.preview("A", 101)
    shop.refund("A", "R1", 30)
    with shop.refused("MX301", 71, 30, 70):
        shop.preview("A", 71)
    with shop.refused("MX103", "nothing"):
        shop.preview("nothing", 1)
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").preview("A", 1)


def test_e02_refuses_what_is_no_amount(shop: Shop, subtests: pytest.Subtests) -> None:
    for amount in [0, -1, None, 10**15 + 1, 2**63 - 1]:
        with subtests.test(amount=amount), shop.refused("MX902"):
            shop.rows("preview_refund", "A", amount)


def test_refuses_bad_numbers(shop: Shop, subtests: pytest.Subtests) -> None:
    for number in [None, "", "a b", "x" * 65]:
        with subtests.test(number=number), shop.refused("MX901"):
            shop.rows("preview_refund", number, 1)


def test_neither_writes_nor_locks(shop: Shop) -> None:
    """So it runs where nothing may be written, beside somebody who holds the trade."""
    with psycopg.connect(shop.conn.info.dsn) as other:
        other.execute("select from mixpay.trades for update")
        shop.conn.execute("set default_transaction_read_only = on")
        shop.conn.execute("set lock_timeout = '1s'")
        assert shop.preview("B", 50) == [("P1", 50)]
        shop.conn.execute("set default_transaction_read_only = off")
