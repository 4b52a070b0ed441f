from datetime import timedelta

import pytest
from shop import Shop, day, on_hold, orders

PAST, FUTURE = day(1).isoformat(), day(200).isoformat()


def sell(shop: Shop, hold: str | bool, **amounts: int) -> None:
    """Each of these orders of payee S is alone in its trade T…, on hold, and paid by P…."""
    for order_no, amount in amounts.items():
        shop.call("merge_orders", on_hold("S", hold, **{order_no: amount}), f"T{order_no}")
        shop.pay(f"T{order_no}", f"P{order_no}", amount)


def release_due(shop: Shop, limit: int = 1000) -> dict[str, int]:
    """What is released of each order."""
    rows = shop.rows("release_due", limit)
    assert all(row.was_due for row in rows)
    return {row.order_no: row.amount for row in rows}


def due(shop: Shop) -> dict[str, str | None]:
    """The orders on the work list, and what they wait for."""
    rows = shop.query("select order_no, waits_for from mixpay.due_list order by release_at")
    return {row.order_no: row.waits_for for row in rows}


def in_escrow_of(shop: Shop, order_no: str) -> int:
    return shop.balance(order_no).in_escrow


@pytest.fixture(autouse=True)
def payee(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")


class TestRelease:
    def test_releases_what_is_due(self, shop: Shop) -> None:
        sell(shop, PAST, A=100)
        sell(shop, FUTURE, B=50)
        sell(shop, True, C=20)
        assert due(shop) == {"A": None}
        (release,) = shop.rows("release_due")

        assert (release.order_no, release.amount, release.was_due) == ("A", 100, True)
        assert release == shop.row("releases", release.release_no)
        assert shop.owns("payee:S") == {"CNY": 100}
        assert [in_escrow_of(shop, number) for number in "ABC"] == [0, 50, 20]
        assert due(shop) == {}

    def test_when_its_moment_has_come(self, shop: Shop) -> None:
        """To the microsecond, and not before."""
        sell(shop, FUTURE, A=100)
        with shop.conn.transaction():
            moment = shop.query("select now() as now")[0].now
            for offset, released in ((timedelta(microseconds=1), {}), (timedelta(), {"A": 100})):
                shop.conn.execute(
                    "update mixpay.trade_orders set release_due_at = %s", [moment + offset]
                )
                assert release_due(shop) == released

    def test_again_finds_nothing(self, shop: Shop) -> None:
        sell(shop, PAST, A=100)
        assert release_due(shop) == {"A": 100}
        with shop.unchanged():
            assert release_due(shop) == {}

    def test_the_longest_due_first_and_no_more_than_the_limit(self, shop: Shop) -> None:
        for number, order_no in ((3, "A"), (1, "B"), (2, "C")):
            sell(shop, day(number).isoformat(), **{order_no: 10})

        assert [list(release_due(shop, 2)), list(release_due(shop, 2))] == [["B", "C"], ["A"]]

    def test_many_orders_of_one_trade_at_once(self, shop: Shop) -> None:
        amounts = {f"O{number:03}": number for number in range(1, 121)}
        shop.call("merge_orders", on_hold("S", PAST, **amounts), "T")
        shop.pay("T", "P", sum(amounts.values()))

        first, second = release_due(shop, 50), release_due(shop)
        assert (len(first), len(second)) == (50, 70)
        assert first | second == amounts
        assert shop.owns("payee:S") == {"CNY": sum(amounts.values())}

    def test_each_trade_of_an_order_by_its_own_moment(self, shop: Shop) -> None:
        for trade_no, hold in (("T1", FUTURE), ("T2", PAST), ("T3", True)):
            shop.call("merge_orders", on_hold("S", hold, A=(90, 30)), trade_no)
            shop.pay(trade_no, f"P{trade_no}", 30)

        assert release_due(shop) == {"A": 30}
        assert [shop.line(number, "A").cleared for number in ("T1", "T2", "T3")] == [0, 30, 0]

    def test_two_trades_of_an_order_are_two_releases(self, shop: Shop) -> None:
        for trade_no, number in (("T1", 2), ("T2", 1)):
            shop.call("merge_orders", on_hold("S", day(number).isoformat(), A=(90, 30)), trade_no)
            shop.pay(trade_no, f"P{trade_no}", 30)
        first, second = shop.rows("release_due")
        told = shop.query("select trade_no, number from mixpay.history where entity = 'release'")

        assert set(told) == {("T2", first.release_no), ("T1", second.release_no)}

    def test_of_a_trade_that_is_open_or_kept(self, shop: Shop) -> None:
        for trade_no, order_no in (("T1", "A"), ("T2", "B")):
            shop.call("merge_orders", on_hold("S", PAST, **{order_no: 100}), trade_no)
            shop.pay(trade_no, f"P{trade_no}", 60)
        shop.close("T2", keep=True)

        assert release_due(shop) == {"A": 60, "B": 60}

    def test_is_on_record(self, shop: Shop) -> None:
        sell(shop, PAST, A=100)
        (release,) = shop.rows("release_due")
        (told,) = [e for e in shop.rows("read_events") if e.entity == "release"]
        (listed,) = shop.query("select * from mixpay.release_list")
        (entry,) = shop.query("select * from mixpay.journal where cause = 'release'")

        assert (told.number, told.to_state) == (release.release_no, "released")
        assert (told.trade_no, told.order_no) == ("TA", "A")
        assert (listed.release_no, listed.amount, listed.was_due) == (release.release_no, 100, True)
        assert (entry.cause_no, entry.amount) == (release.release_no, 100)

    def test_its_numbers_are_no_callers(self, shop: Shop) -> None:
        sell(shop, PAST, A=100)
        (release,) = shop.rows("release_due")
        with shop.refused("MX502", release.release_no, 100, "order_no A"):
            shop.release("A", release.release_no, 100)

    def test_lists_what_is_due(self, shop: Shop) -> None:
        sell(shop, PAST, A=100)
        shop.release("A", "L", 40)
        (listed,) = shop.query("select * from mixpay.due_list")

        assert (listed.order_no, listed.trade_no, listed.payee_no) == ("A", "TA", "S")
        assert (listed.in_escrow, listed.currency, listed.release_at) == (60, "CNY", day(1))

    @pytest.mark.parametrize("limit", [0, -1, None, 1001])
    def test_e02_refuses_what_is_no_limit(self, shop: Shop, limit: int | None) -> None:
        with shop.refused("MX904", "null" if limit is None else limit):
            shop.rows("release_due", limit)

    def test_refuses_what_it_does_not_know(self, shop: Shop) -> None:
        with shop.refused("MX101", "nobody"):
            Shop(shop.conn, "nobody").rows("release_due")
        with shop.refused("MX901"):
            Shop(shop.conn, "no body").rows("release_due")

    def test_releases_only_the_merchants_own(self, shop: Shop) -> None:
        sell(shop, PAST, A=100)
        other = Shop(shop.conn, "other")
        other.call("register_merchant", "Other")

        assert release_due(other) == {}
        assert release_due(shop) == {"A": 100}


class TestWhatIsLeft:
    """What is due is what is in escrow by then."""

    def test_without_what_was_released_by_call(self, shop: Shop) -> None:
        sell(shop, PAST, A=100)
        shop.release("A", "L", 40)
        assert release_due(shop) == {"A": 60}

    def test_without_what_was_refunded(self, shop: Shop) -> None:
        sell(shop, PAST, A=100, B=50)
        shop.refund("A", "R1", 30)
        shop.refund("B", "R2", 50)

        assert due(shop) == {"A": None}
        assert release_due(shop) == {"A": 70}

    def test_nothing_before_it_is_paid(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", PAST, A=100), "T")
        assert (due(shop), release_due(shop)) == ({}, {})

    def test_what_is_paid_after_the_moment_is_due_at_once(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", PAST, A=100), "T")
        shop.pay("T", "P1", 60)
        assert release_due(shop) == {"A": 60}
        shop.pay("T", "P2", 40)
        assert in_escrow_of(shop, "A") == 40

        assert release_due(shop) == {"A": 40}
        assert shop.owns("payee:S") == {"CNY": 100}

    def test_what_failed_to_go_back_is_due_again(self, shop: Shop) -> None:
        sell(shop, PAST, A=100)
        shop.refund("A", "R", 30)
        assert release_due(shop) == {"A": 70}
        shop.fail("R", "PA")

        assert release_due(shop) == {"A": 30}

    def test_what_was_released_and_failed_to_go_back_is_not(self, shop: Shop) -> None:
        sell(shop, PAST, A=100)
        assert release_due(shop) == {"A": 100}
        shop.refund("A", "R", 30)
        shop.fail("R", "PA")

        assert release_due(shop) == {}
        assert shop.owns("payee:S") == {"CNY": 100}

    def test_surplus_is_nobodys(self, shop: Shop) -> None:
        sell(shop, PAST, A=100)
        shop.pay("TA", "P2", 20)
        assert release_due(shop) == {"A": 100}

    def test_nothing_of_what_was_undone(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", PAST, A=100, B=50), "T1")
        shop.pay("T1", "P1", 30)
        shop.cancel("T1", "A")
        assert release_due(shop) == {"B": 30}
        shop.close("T1")

        assert (due(shop), release_due(shop)) == ({}, {})
        assert shop.owns("payee:S") == {"CNY": 0}


class TestE23:
    """A due release waits for an open dispute and is listed."""

    @pytest.fixture(autouse=True)
    def disputed(self, shop: Shop) -> None:
        """A100 and B50 share a trade and are due; A is in dispute."""
        shop.call("merge_orders", on_hold("S", PAST, A=100, B=50), "T")
        shop.pay("T", "P1", 60, "card", day(1))
        shop.pay("T", "P2", 90, "cash", day(2))
        shop.call("open_dispute", "A", "D", "broken")

    def test_e23_it_waits_and_is_listed(self, shop: Shop) -> None:
        assert release_due(shop) == {"B": 50}
        assert due(shop) == {"A": "dispute D is open"}
        (listed,) = shop.query("select * from mixpay.due_list")
        assert (listed.dispute_no, listed.in_escrow) == ("D", 100)
        with shop.unchanged():
            assert release_due(shop) == {}

    def test_e23_it_takes_no_place_within_the_limit(self, shop: Shop) -> None:
        assert release_due(shop, 1) == {"B": 50}

    def test_e23_in_favour_of_the_payee_it_is_released(self, shop: Shop) -> None:
        shop.call("close_dispute", "D", "payee")
        assert due(shop) == {"A": None, "B": None}
        assert release_due(shop) == {"A": 100, "B": 50}

    def test_e23_in_favour_of_the_buyer_it_is_refunded(self, shop: Shop) -> None:
        refund_no = shop.call("close_dispute", "D", "buyer").refund_no

        assert shop.details(refund_no) == {"P1": 60, "P2": 40}
        assert due(shop) == {"B": None}
        assert release_due(shop) == {"B": 50}
        assert shop.owns("payee:S") == {"CNY": 50}

    def test_e23_what_the_buyer_did_not_get_is_released(self, shop: Shop) -> None:
        shop.call("close_dispute", "D", "buyer", None, 70)
        assert release_due(shop) == {"A": 30, "B": 50}

    def test_e23_a_second_one_waits_again(self, shop: Shop) -> None:
        shop.call("close_dispute", "D", "payee")
        shop.call("open_dispute", "A", "D2")
        assert due(shop) == {"A": "dispute D2 is open", "B": None}

    def test_e23_so_does_a_trade_that_the_order_gets_meanwhile(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", PAST, C=(100, 40)), "T2")
        shop.pay("T2", "P3", 40)
        shop.call("open_dispute", "C", "D2")
        shop.call("merge_orders", on_hold("S", PAST, C=100), "T3")
        shop.pay("T3", "P4", 60)

        assert release_due(shop) == {"B": 50}
        shop.call("close_dispute", "D2", "payee")
        assert sum(row.amount for row in shop.rows("release_due")) == 100

    def test_e23_what_the_buyer_won_is_not_the_payees_because_it_failed(self, shop: Shop) -> None:
        """A card that has expired gives the payee nothing; it goes another way."""
        refund_no = shop.call("close_dispute", "D", "buyer").refund_no
        shop.fail(refund_no, "P1")

        assert due(shop) == {"A": f"refund {refund_no} of dispute D failed", "B": None}
        assert release_due(shop) == {"B": 50}
        assert in_escrow_of(shop, "A") == 60
        shop.redirect(refund_no, "P1", "bank")
        assert due(shop) == {}
        shop.complete(refund_no, "P1")
        assert (in_escrow_of(shop, "A"), shop.owns("payee:S")) == (0, {"CNY": 50})

    def test_e23_not_even_if_it_is_one_unit(self, shop: Shop) -> None:
        refund_no = shop.call("close_dispute", "D", "buyer", None, 1).refund_no
        shop.fail(refund_no, "P1")
        assert due(shop) == {"A": f"refund {refund_no} of dispute D failed", "B": None}

    def test_e23_of_two_that_failed_the_last_one_is_named(self, shop: Shop) -> None:
        for dispute_no in ("D", "D2"):
            shop.call("open_dispute", "A", dispute_no, "broken")
            refund_no = shop.call("close_dispute", dispute_no, "buyer", None, 10).refund_no
            shop.fail(refund_no, "P1")
        assert due(shop) == {"A": f"refund {refund_no} of dispute D2 failed", "B": None}

    def test_e23_nor_because_it_came_back(self, shop: Shop) -> None:
        refund_no = shop.call("close_dispute", "D", "buyer").refund_no
        shop.complete(refund_no, "P1")
        shop.bounce(refund_no, "P1")

        assert release_due(shop) == {"B": 50}
        assert due(shop) == {"A": f"refund {refund_no} of dispute D failed"}

    def test_e23_what_failed_is_released_by_call(self, shop: Shop) -> None:
        refund_no = shop.call("close_dispute", "D", "buyer", None, 30).refund_no
        shop.fail(refund_no, "P1")
        assert list(release_due(shop)) == ["B"]
        shop.refund("A", "R", 30)

        # The buyer has his money in another way; that the rest is the payee's, a person says.
        assert list(due(shop)) == ["A"]
        assert shop.release("A", "L").amount == 70
        assert due(shop) == {}

    def test_e23_the_open_one_is_named_first(self, shop: Shop) -> None:
        refund_no = shop.call("close_dispute", "D", "buyer").refund_no
        shop.fail(refund_no, "P1")
        shop.call("open_dispute", "A", "D2")
        assert due(shop)["A"] == "dispute D2 is open"


class TestWhose:
    def test_what_belongs_to_nobody_is_listed(self, shop: Shop) -> None:
        (a,) = orders(A=100)
        shop.call("merge_orders", [{**a, "hold": PAST}], "T")
        shop.pay("T", "P", 100)

        assert due(shop) == {"A": "the order has neither payee nor split"}
        with shop.unchanged():
            assert release_due(shop) == {}
        shop.rows("split_order", "A", "X", [{"receiver": "x", "takes_remainder": True}])
        assert due(shop) == {"A": None}
        assert release_due(shop) == {"A": 100}
        assert shop.owns("receiver:x") == {"CNY": 100}

    @pytest.mark.parametrize(
        ("takes_place", "at_once", "released"), [("release", 0, 100), ("payment", 10, 90)]
    )
    def test_it_is_divided(self, shop: Shop, takes_place: str, at_once: int, released: int) -> None:
        sell(shop, PAST, A=100)
        share = {"receiver": "x", "rate": 1000}
        shop.rows("split_order", "A", "X", [share], takes_place)
        assert shop.owns("receiver:x").get("CNY", 0) == at_once

        assert release_due(shop) == {"A": released}
        assert (shop.owns("receiver:x"), shop.owns("payee:S")) == ({"CNY": 10}, {"CNY": 90})

    def test_the_receivers_of_several_orders(self, shop: Shop) -> None:
        for number, order_no in enumerate("CAB"):
            sell(shop, (day(1) + timedelta(number)).isoformat(), **{order_no: 100})
            shop.rows("split_order", order_no, f"X{order_no}", [{"receiver": "x", "rate": 1000}])

        assert list(release_due(shop)) == ["C", "A", "B"]
        assert shop.owns("receiver:x") == {"CNY": 30}


def buffers(shop: Shop) -> int:
    """How many pages the release of one line touches; a session first makes its plans."""
    query = "explain (analyze, buffers, format json) select * from mixpay.release_due(%s, 1)"
    plans = [shop.query(query, shop.merchant)[0][0][0]["Plan"] for _ in range(3)]
    return min(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans)


@pytest.mark.fresh_database
def test_reads_what_it_releases_and_what_waits_before(shop: Shop) -> None:
    """However much is due; a line in dispute costs a look at its dispute."""
    few = Shop(shop.conn, "few")
    few.call("register_merchant", "Shop")
    few.call("register_payee", "S", "Store")
    for merchant, count in ((few, 10), (shop, 3000)):
        lines = [
            line
            for number in range(count)
            for line in on_hold(
                "S", (day(1) + timedelta(minutes=number)).isoformat(), **{f"O{number:04}": 10}
            )
        ]
        merchant.call("merge_orders", lines, "T")
        merchant.pay("T", "P", 10 * count)
    assert buffers(shop) <= buffers(few) + 20

    shop.conn.execute("vacuum analyze")
    released = buffers(shop)
    shop.query(
        "select mixpay.open_dispute('m', order_no, 'D' || order_no) "
        "from mixpay.due_list where merchant_id = 'm' order by release_at limit 1000"
    )
    assert buffers(shop) <= released + 1000 * 4
