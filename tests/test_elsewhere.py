"""docs/elsewhere.md: what is told of money that moved outside is booked, whatever it is."""

import re
from typing import Any

from psycopg import Connection
from recorded import PROJECT
from shop import Shop, day

PAGE = (PROJECT / "docs" / "elsewhere.md").read_text(encoding="utf-8")


def paid(conn: Connection[Any]) -> Shop:
    """The page's orders, paid as there."""
    mall = Shop(conn, "mall")
    mall.call("register_merchant", "Mall")
    mall.merge("T-1", **{"SO-1": 6000, "SO-2": 4000})
    mall.pay("T-1", "P-1", 7000, "card", day(1))
    mall.pay("T-1", "P-2", 3000, "bank", day(2))
    return mall


def test_the_two_calls_of_the_page_do_what_the_one_call_does(conn: Connection[Any]) -> None:
    mall = paid(conn)
    (recipe,) = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    with conn.transaction():
        conn.execute(recipe.encode())
    mall.call("record_channel_refund", "SO-1", "re_83", 500, "P-2", "re_83")

    by_hand, by_call = (mall.channel_refund(number, "P-2") for number in ("re_82", "re_83"))
    for part in (by_hand, by_call):
        assert (part.channel, part.amount, part.state, part.attempts) == (
            ("bank", 500, "succeeded", 0)
        )
    assert (by_hand.channel_txn_no, by_call.channel_txn_no) == ("re_82", "re_83")
    assert mall.row("refunds", "re_82").payment_nos == ["P-2"]
    assert mall.owns("channel:bank") == {"CNY": -2000}
    assert mall.rows("claim_channel_refunds", "worker") == []
    # The notice again.
    with mall.unchanged(), conn.transaction():
        conn.execute(recipe.encode())


def test_the_two_calls_book_it_where_a_limited_channel_would_send_it(
    conn: Connection[Any],
) -> None:
    """Why there is a call: the money went through the card, and not through the till."""
    mall = paid(conn)
    mall.channel("card", refund_window="1 day", fallback_channel="cash")
    mall.call("refund_order", "SO-1", "re_1", 100, payment_nos=["P-1"])
    mall.complete("re_1", "P-1", "x1")
    mall.call("record_channel_refund", "SO-1", "re_2", 100, "P-1", "x2")

    assert mall.channel_refund("re_1", "P-1").channel == "cash"
    assert mall.channel_refund("re_2", "P-1").channel == "card"


def test_more_than_could_be_refunded_is_booked_with_what_is_lost(conn: Connection[Any]) -> None:
    mall = paid(conn)
    mall.refund("SO-2", "R-1", 1000)
    with mall.refused("MX301", 7000, 3000):
        mall.call("record_channel_refund", "SO-2", "re_90", 7000, "P-1", "re_90")
    for _ in range(2):
        booked = mall.call("charge_back_payment", "P-1", "re_90", 7000, "a clerk")

    assert (booked.amount, booked.lost) == (7000, 1000)
    assert mall.owns("channel:card") == {"CNY": 0}
    assert mall.owns("loss") == {"CNY": -1000}
    # What was asked for waits for a person, and no worker gets it.
    assert mall.rows("claim_channel_refunds", "worker") == []
    assert mall.listed("manual_list") == {"P-1": 1000}
    mall.fail("R-1", "P-1")
    assert mall.owns("loss") == {"CNY": 0}
    assert mall.balance("SO-1").refundable + mall.balance("SO-2").refundable == 3000


def test_more_than_could_be_refunded_of_what_is_sent_already(conn: Connection[Any]) -> None:
    mall = paid(conn)
    mall.refund("SO-2", "R-1", 1000)
    mall.rows("claim_channel_refunds", "worker")
    mall.call("charge_back_payment", "P-1", "re_90", 7000, "a clerk")
    mall.complete("R-1", "P-1", "y1")

    assert mall.owns("loss") == {"CNY": -1000}
    assert mall.owns("channel:card") == {"CNY": 1000}


def test_a_surplus_that_a_clerk_sent_back_is_its_own_refund(conn: Connection[Any]) -> None:
    """It is asked for as soon as it arrives, so the notice completes that."""
    mall = paid(conn)
    mall.pay("T-1", "P-3", 500, "card")
    refund_no = mall.surplus_refund("P-3").refund_no
    mall.complete(refund_no, "P-3", "re_91")

    assert mall.listed("surplus_list") == {}
    assert mall.rows("claim_channel_refunds", "worker") == []
