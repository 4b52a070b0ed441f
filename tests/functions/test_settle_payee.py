from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop, day, on_hold

from mixpay_db.cli.events import raise_epoch


def lines(shop: Shop, settlement_no: str) -> dict[str, int]:
    """What the settlement is made of: each order, and what was carried in and out."""
    rows = shop.query(
        "select coalesce(order_no, kind) as what, amount from mixpay.settlement_lines "
        "where merchant_id = %s and settlement_no = %s",
        shop.merchant,
        settlement_no,
    )
    return {row.what: row.amount for row in rows}


def sums(settlement: Row) -> tuple[int, int, int, int]:
    return (
        settlement.carried_in,
        settlement.earned,
        settlement.amount,
        settlement.carried_out,
    )


def now(shop: Shop) -> datetime:
    ((moment,),) = shop.query("select clock_timestamp()")
    assert isinstance(moment, datetime)
    return moment


class TestOneSale:
    """A100 of S is paid."""

    @pytest.fixture(autouse=True)
    def sale(self, shop: Shop) -> None:
        shop.sell("A", 100)

    def test_pays_out_what_is_payable(self, shop: Shop) -> None:
        shop.sell("B", 50)
        before = now(shop)
        settlement = shop.settle("S1")

        assert (settlement.account, settlement.owner) == ("payee", "S")
        assert (settlement.currency, settlement.nth, settlement.state) == ("CNY", 1, "settled")
        assert sums(settlement) == (0, 150, 150, 0)
        assert before < settlement.until_at <= now(shop)
        assert lines(shop, "S1") == {"A": 100, "B": 50}
        assert shop.owns("payee:S") == {"CNY": 0}
        assert shop.owns("bank:main") == {"CNY": 150}

    def test_is_in_the_journal_once(self, shop: Shop) -> None:
        shop.settle("S1")
        (moved,) = shop.query("select * from mixpay.journal where source = 'settlement'")

        assert (moved.from_account, moved.from_owner) == ("payee", "S")
        assert (moved.to_account, moved.to_owner) == ("bank", "main")
        assert (moved.number, moved.amount, moved.currency) == ("S1", 100, "CNY")
        assert (moved.cause, moved.cause_no) == ("settlement", "S1")

    def test_stands_in_the_list(self, shop: Shop) -> None:
        shop.settle("S1")
        (listed,) = shop.query("select * from mixpay.settlement_list")
        (payout,) = shop.query("select * from mixpay.payout_list")

        assert (listed.settlement_no, listed.payee_no, listed.amount) == ("S1", "S", 100)
        assert (listed.receiver, listed.account, listed.owner) == (None, "payee", "S")
        assert (payout.settlement_no, payout.payee_no, payout.receiver) == ("S1", "S", None)
        assert (payout.title, payout.amount, str(payout.units)) == ("The store S", 100, "1.00")

    def test_a_refund_before_it_is_in_it(self, shop: Shop) -> None:
        shop.refund("A", "R", 30)

        assert sums(shop.settle("S1")) == (0, 70, 70, 0)
        (line,) = shop.query("select * from mixpay.settlement_lines")
        assert (line.kind, line.order_no) == ("order", "A")
        assert (line.came_in, line.went_out, line.amount) == (100, 30, 70)

    def test_e22_a_refund_after_it_is_a_debt_until_it_is_netted(self, shop: Shop) -> None:
        shop.settle("S1")
        shop.refund("A", "R", 60)
        assert shop.owns("payee:S") == {"CNY": -60}

        assert sums(shop.settle("S2")) == (0, -60, 0, -60)
        assert lines(shop, "S2") == {"A": -60, "carried_out": 60}
        shop.sell("B", 50)
        assert sums(shop.settle("S3")) == (-60, 50, 0, -10)
        assert lines(shop, "S3") == {"carried_in": -60, "B": 50, "carried_out": 10}
        shop.sell("C", 30)
        assert sums(shop.settle("S4")) == (-10, 30, 20, 0)
        assert lines(shop, "S4") == {"carried_in": -10, "C": 30}
        assert shop.owns("payee:S") == {"CNY": 0}
        assert shop.owns("bank:main") == {"CNY": 120}

    def test_e22_a_debt_and_a_sale_since_are_netted_at_once(self, shop: Shop) -> None:
        shop.settle("S1")
        shop.refund("A", "R", 60)
        shop.sell("B", 100)

        assert sums(shop.settle("S2")) == (0, 40, 40, 0)
        assert lines(shop, "S2") == {"A": -60, "B": 100}

    def test_e21_a_refund_that_bounced_is_paid_out_after_all(self, shop: Shop) -> None:
        shop.refund("A", "R", 60)
        assert shop.settle("S1").amount == 40
        shop.complete("R", "PA")
        shop.bounce("R", "PA")

        assert sums(shop.settle("S2")) == (0, 60, 60, 0)
        assert lines(shop, "S2") == {"A": 60}

    def test_covers_each_movement_once(self, shop: Shop) -> None:
        paid_out = [shop.settle("S1").amount]
        for number in range(2, 7):
            shop.sell(f"B{number}", number)
            shop.refund("A", f"R{number}", 1)
            paid_out.append(shop.settle(f"S{number}").amount)

        assert paid_out == [100, 1, 2, 3, 4, 5]
        (moved,) = shop.query(
            "select sum(case to_account when 'payee' then amount else -amount end) as amount, "
            "count(*) as times from mixpay.facts "
            "where log = 'trade' and 'payee' in (from_account, to_account)"
        )
        (covered,) = shop.query(
            "select sum(amount) as amount from mixpay.settlement_lines where kind = 'order'"
        )
        assert (moved.times, moved.amount, covered.amount) == (11, 115, 115)

    def test_with_nothing_new_pays_nothing(self, shop: Shop) -> None:
        shop.settle("S1")
        settlement = shop.settle("S2")

        assert (settlement.nth, sums(settlement)) == (2, (0, 0, 0, 0))
        assert lines(shop, "S2") == {}
        assert [p.settlement_no for p in shop.query("select * from mixpay.payout_list")] == ["S1"]

    def test_what_its_own_transaction_wrote_is_for_the_next_one(
        self, shop: Shop, connect: Callable[..., Connection[Any]]
    ) -> None:
        shop.until_final()
        mine = Shop(connect(autocommit=False))
        mine.sell("B", 50)
        settlement = mine.call("settle_payee", "S", "S1", None)
        mine.conn.commit()

        assert settlement.amount == 100
        assert shop.settle("S2").amount == 50

    def test_until_a_moment_leaves_what_was_written_later(self, shop: Shop) -> None:
        moment = now(shop)
        shop.sell("B", 50)
        shop.refund("A", "R", 10)
        settlement = shop.settle("S1", until=moment)

        assert (settlement.until_at, settlement.amount) == (moment, 100)
        assert lines(shop, "S1") == {"A": 100}
        assert lines(shop, shop.settle("S2").settlement_no) == {"A": -10, "B": 50}

    def test_until_goes_by_when_it_was_written(self, shop: Shop) -> None:
        """Money of an earlier day that is entered later is for the next settlement."""
        moment = now(shop)
        (order,) = on_hold("S", False, B=50)
        shop.call("merge_orders", [order], "TB")
        shop.pay("TB", "PB", 50, "cash", day(1))

        assert shop.settle("S1", until=moment).amount == 100
        assert shop.settle("S2").amount == 50

    def test_until_the_moment_at_which_it_was_written_covers_it(self, shop: Shop) -> None:
        """To the microsecond, and not before; the same moment once more covers nothing twice."""
        (sold,) = shop.query("select created_at from mixpay.facts where to_account = 'payee'")
        shop.sell("B", 50)
        just_before = sold.created_at - timedelta(microseconds=1)

        assert sums(shop.settle("S1", until=just_before)) == (0, 0, 0, 0)
        assert sums(shop.settle("S2", until=sold.created_at)) == (0, 100, 100, 0)
        with shop.refused("MX403", "S2"):
            shop.settle("S3", until=just_before)
        assert sums(shop.settle("S3", until=sold.created_at)) == (0, 0, 0, 0)
        assert sums(shop.settle("S4")) == (0, 50, 50, 0)

    def test_until_the_moment_at_which_it_was_taken_back_covers_that(self, shop: Shop) -> None:
        shop.refund("A", "R", 30)
        (back,) = shop.query("select created_at from mixpay.facts where from_account = 'payee'")
        shop.refund("A", "R2", 5)
        just_before = back.created_at - timedelta(microseconds=1)

        assert shop.settle("S1", until=just_before).amount == 100
        assert sums(shop.settle("S2", until=back.created_at)) == (0, -30, 0, -30)
        assert sums(shop.settle("S3")) == (-30, -5, 0, -35)

    def test_until_the_moment_of_a_repayment_counts_it(self, shop: Shop) -> None:
        shop.settle("S1")
        shop.refund("A", "R", 60)
        shop.call("record_repayment", "payee:S", "B1", 20, "CNY")
        (back,) = shop.query("select created_at from mixpay.journal where cause_no = 'B1'")
        just_before = back.created_at - timedelta(microseconds=1)

        assert sums(shop.settle("S2", until=just_before)) == (0, -60, 0, -60)
        assert sums(shop.settle("S3", until=back.created_at)) == (-40, 0, 0, -40)

    def test_until_does_not_go_back(self, shop: Shop) -> None:
        earlier = now(shop)
        settled = shop.settle("S1", until=now(shop))
        with shop.refused("MX403", "S is settled", "S1"):
            shop.settle("S2", until=earlier)

        assert shop.settle("S2", until=settled.until_at).nth == 2
        # Left out, it is now, also for a clock that was put back.
        shop.conn.execute("set session_replication_role = replica")
        shop.query(
            "update mixpay.settlements set until_at = until_at + interval '1 hour' "
            "where settlement_no = 'S2' returning 1"
        )
        shop.conn.execute("reset session_replication_role")
        assert shop.settle("S3").until_at == shop.row("settlements", "S2").until_at

    def test_until_is_not_in_the_future(self, shop: Shop) -> None:
        for until in ["2999-01-01", "infinity", "-infinity", "1899-12-31"]:
            with shop.refused("MX905"):
                shop.call("settle_payee", "S", "S1", until)

    def test_e03_again_returns_the_settlement_as_it_is_now(self, shop: Shop) -> None:
        moment = now(shop)
        first = shop.settle("S1", until=moment)
        shop.sell("B", 50)
        shop.until_final()
        # A client that knows milliseconds repeats it, too.
        known = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        again = [(None, None), (moment, None), (moment, "CNY"), (None, "CNY"), (known, None)]
        for arguments in again:
            with shop.unchanged():
                assert shop.call("settle_payee", "S", "S1", *arguments) == first
        shop.call("reverse_settlement", "S1", "no such account")
        with shop.unchanged():
            assert shop.call("settle_payee", "S", "S1", moment).state == "reversed"

    def test_e03_other_content_is_an_error(self, shop: Shop) -> None:
        moment = now(shop)
        shop.settle("S1", until=moment)
        shop.sell("B", 50, "V")
        for again in [
            ("V", moment, "CNY"),
            ("S", now(shop), "CNY"),
            ("S", moment, "JPY"),
        ]:
            payee_no, until, currency = again
            with shop.refused("MX402", "S1", "payee:S, currency CNY", moment.strftime("%H:%M")):
                shop.call("settle_payee", payee_no, "S1", until, currency)
        with shop.refused("MX402", "S1", "bank main", "bank second"):
            shop.call("settle_payee", "S", "S1", moment, "CNY", "second")
        assert shop.settle("S2", "V").amount == 50

    def test_a_refused_call_does_not_burn_its_number(self, shop: Shop) -> None:
        with shop.refused("MX110", "cny"):
            shop.settle("S1", currency="cny")

        assert shop.settle("S1").amount == 100

    def test_refuses_bad_input(self, shop: Shop) -> None:
        with shop.refused("MX102", "nobody", "m"):
            shop.call("settle_payee", "nobody", "S1", None)
        with shop.refused("MX101", "nobody"):
            Shop(shop.conn, "nobody").call("settle_payee", "S", "S1", None)
        for bad in [None, "", "a b", "x" * 65]:
            with shop.refused("MX901"):
                shop.call("settle_payee", bad, "S1", None)
            with shop.refused("MX901"):
                shop.call("settle_payee", "S", bad, None)
            with shop.refused("MX901"):
                Shop(shop.conn, bad or "").call("settle_payee", "S", "S1", None)
        for currency in ["XXX", "", "x" * 1000]:
            with shop.refused("MX110", currency[:80]):
                shop.call("settle_payee", "S", "S1", None, currency)

    def test_does_not_find_another_merchants(self, shop: Shop) -> None:
        other = Shop(shop.conn, "other")
        other.call("register_merchant", "Other")
        with shop.refused("MX102", "S"):
            other.call("settle_payee", "S", "S1", None)
        other.sell("A", 7)

        assert other.settle("S1").amount == 7
        assert shop.settle("S1").amount == 100


def test_money_in_escrow_is_not_payable(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")
    shop.call("merge_orders", on_hold("S", A=100), "T")
    shop.pay("T", "P", 100)
    with shop.refused("MX404", "none yet"):
        shop.settle("S1")
    assert shop.settle("S1", currency="CNY").amount == 0
    shop.call("release_order", "A", "L1", 60)
    assert shop.settle("S2").amount == 60
    shop.refund("A", "R", 50)
    # 40 of it was still in escrow.
    assert sums(shop.settle("S3")) == (0, -10, 0, -10)


def test_e24_several_currencies_are_settled_one_by_one(shop: Shop) -> None:
    shop.sell("A", 100)
    assert shop.settle("S1").currency == "CNY"
    shop.sell("B", 50, currency="JPY")
    shop.refund("A", "R", 30)
    with shop.refused("MX404", "CNY", "JPY"):
        shop.settle("S2")

    settlement = shop.settle("S2", currency="JPY")
    assert (settlement.nth, sums(settlement)) == (1, (0, 50, 50, 0))
    assert lines(shop, "S2") == {"B": 50}
    settlement = shop.settle("S3", currency="CNY")
    assert (settlement.nth, sums(settlement)) == (2, (0, -30, 0, -30))
    # A debt in one currency is not paid from another.
    shop.sell("C", 7, currency="JPY")
    assert shop.settle("S4", currency="JPY").amount == 7
    assert shop.owns("payee:S") == {"CNY": -30, "JPY": 0}
    assert shop.settle("S5", currency="KWD").amount == 0


def test_what_came_back_is_carried_by_whose_it_is_and_in_its_currency(shop: Shop) -> None:
    """All payouts failed, and all three repay something."""
    mine = [("A", 100, "S", "CNY"), ("B", 70, "V", "CNY"), ("C", 50, "S", "USD")]
    for order_no, amount, payee, currency in mine:
        shop.sell(order_no, amount, payee, currency)
        shop.settle(f"N{order_no}", payee, currency=currency)
        shop.call("reverse_settlement", f"N{order_no}", "no such account")
    for order_no, amount, payee, currency in mine:
        shop.call("record_repayment", f"payee:{payee}", f"Y{order_no}", amount // 10, currency)
    for order_no, amount, payee, currency in mine:
        again = shop.settle(f"M{order_no}", payee, currency=currency)
        assert (again.earned, again.amount) == (0, amount + amount // 10)


def test_until_in_the_past_and_later_money_of_another_currency(shop: Shop) -> None:
    shop.sell("A", 100)
    moment = now(shop)
    shop.sell("B", 50, currency="JPY")
    shop.sell("C", 1)

    assert shop.settle("S1", until=moment, currency="CNY").amount == 100
    assert shop.settle("S2", until=moment, currency="JPY").amount == 0
    assert shop.settle("S3", currency="JPY").amount == 50
    assert shop.settle("S4", currency="CNY").amount == 1


def test_a_payee_that_is_receiver_of_others_splits(shop: Shop) -> None:
    shop.call("register_payee", "V", "Vintage")
    shop.sell("A", 100)
    shop.sell("B", 40, "V")
    part = {"kind": "payee", "receiver": "V", "rate": 2500}
    shop.rows(
        "split_order", "A", "X", [part, {"kind": "platform_fee", "receiver": "us", "rate": 1}]
    )

    assert shop.settle("S1").amount == 75
    # It was the payee's at once, before it was split.
    (line,) = shop.query("select * from mixpay.settlement_lines where settlement_no = 'S1'")
    assert (line.came_in, line.went_out) == (175, 100)
    assert shop.settle("S2", "V").amount == 65
    assert lines(shop, "S2") == {"A": 25, "B": 40}
    shop.refund("A", "R", 40)
    assert lines(shop, shop.settle("S3").settlement_no) == {"A": -30, "carried_out": 30}
    assert lines(shop, shop.settle("S4", "V").settlement_no) == {"A": -10, "carried_out": 10}


def test_e02_a_payout_is_not_above_the_bound(shop: Shop) -> None:
    shop.sell("A", 10**15)
    shop.sell("B", 1)
    first = shop.settle("S1")
    assert (first.amount, first.carried_out) == (10**15, 1)
    # As if it had never been paid, both can be paid again, one after the other.
    shop.call("reverse_settlement", "S1", "no such account")
    shop.sell("C", 5)
    second, third = shop.settle("S2"), shop.settle("S3")
    assert (second.carried_in, second.earned, second.amount) == (10**15 + 1, 5, 10**15)
    assert (third.carried_in, third.amount, third.carried_out) == (6, 6, 0)


@pytest.mark.parametrize("settled_before", [True, False])
def test_after_a_restore(shop: Shop, settled_before: bool) -> None:
    """Transaction ids begin anew, below those in the backup; the epoch is raised."""
    shop.sell("A", 100)
    if settled_before:
        assert shop.settle("S1").amount == 100
    shop.sell("B", 20)
    in_a_backup_of_an_older_server(shop.conn)
    raise_epoch(shop.conn)
    shop.sell("C", 3)
    shop.refund("B", "R", 1)

    settlement = shop.settle("S2")
    assert (settlement.amount, settlement.until_epoch) == (22 if settled_before else 122, 2)
    shop.sell("D", 4)
    raise_epoch(shop.conn)
    assert lines(shop, shop.settle("S3").settlement_no) == {"D": 4}
    assert shop.settle("S4").amount == 0


def in_a_backup_of_an_older_server(conn: Connection[Any]) -> None:
    """Where many more transactions had been than here."""
    moved = {"facts": ["xid"], "settlements": ["from_xid", "until_xid"]}
    with conn.transaction():
        conn.execute("set local session_replication_role = replica")
        for table, columns in moved.items():
            changes = ", ".join(
                f"{column} = ({column}::text::bigint + 1000000)::text::xid8" for column in columns
            )
            conn.execute(f"update mixpay.{table} set {changes}")
        conn.execute("update mixpay.settlements set from_xid = '0' where from_epoch = 0")


def test_a_payout_has_as_many_decimals_as_its_currency(shop: Shop) -> None:
    for currency, order_no in (("JPY", "J"), ("KWD", "K")):
        shop.sell(order_no, 1234, "S", currency)
        shop.settle(f"N{order_no}", currency=currency)
    payouts = "select settlement_no, units::text from mixpay.payout_list order by 1"
    assert shop.query(payouts) == [("NJ", "1234"), ("NK", "1.234")]
