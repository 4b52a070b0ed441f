"""What is told of accounts, channels and banks counts once."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop

Race = Callable[..., Any]


def adjust(shop: Shop, amount: int) -> Row:
    return shop.call("adjust_account", "payee:S", "N1", amount, "CNY", "because")


def charge(shop: Shop, amount: int) -> Row:
    return shop.call("record_channel_fee", "alipay", "N1", amount, "CNY")


def pay_out(shop: Shop, amount: int) -> Row:
    return shop.call("record_channel_payout", "alipay", "N1", amount, "CNY")


Call = Callable[[Shop, int], Row]
CALLS = [
    pytest.param(adjust, "fee:adjustment", "MX412", id="adjust_account"),
    pytest.param(charge, "channel_fee:alipay", "MX413", id="record_channel_fee"),
    pytest.param(pay_out, "bank:main", "MX414", id="record_channel_payout"),
]


@pytest.fixture(autouse=True)
def sale(shop: Shop) -> None:
    """A100 of S is paid."""
    shop.sell("A", 100)


@pytest.mark.parametrize(("call", "account", "code"), CALLS)
class TestEach:
    def test_e03_the_same_number_twice_at_once(
        self,
        shop: Shop,
        race: Race,
        call: Call,
        account: str,
        code: str,  # noqa: ARG002
    ) -> None:
        raced = race(lambda s: call(s, 7), lambda s: call(s, 7))

        assert raced.second == raced.first
        assert shop.owns(account) == {"CNY": -7}

    def test_the_second_counts_when_the_first_gives_up(
        self,
        shop: Shop,
        race: Race,
        call: Call,
        account: str,
        code: str,  # noqa: ARG002
    ) -> None:
        raced = race(lambda s: call(s, 7), lambda s: call(s, 8), commit=False)

        assert raced.second.amount == 8
        assert shop.owns(account) == {"CNY": -8}

    @pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
    def test_e34_the_same_number_for_two_amounts(
        self, shop: Shop, race: Race, call: Call, account: str, code: str, isolation: str
    ) -> None:
        raced = race(lambda s: call(s, 7), lambda s: call(s, 8), isolation)

        assert raced.second.sqlstate == (code if isolation == "read committed" else "40001")
        assert shop.owns(account) == {"CNY": -7}


@pytest.mark.parametrize("commit", [True, False])
def test_an_adjustment_while_the_payee_is_settled(
    shop: Shop, connect: Callable[..., Connection[Any]], commit: bool
) -> None:
    """Neither waits for the other, and nothing is skipped."""
    shop.until_final()
    adjusting = Shop(connect(autocommit=False))
    adjust(adjusting, -30)
    shop.conn.execute("set lock_timeout = '1s'")
    assert shop.call("settle_payee", "S", "S1", None).amount == 100
    if commit:
        adjusting.conn.commit()
    else:
        adjusting.conn.rollback()

    settlement = shop.settle("S2")
    assert settlement.earned == (-30 if commit else 0)
    assert settlement.carried_out == (-30 if commit else 0)
