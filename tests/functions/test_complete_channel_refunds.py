from typing import Any

import pytest
from psycopg.types.json import Jsonb
from shop import Shop, day


@pytest.fixture(autouse=True)
def refunded(shop: Shop) -> None:
    shop.merge("T1", A=100, B=50)
    shop.pay("T1", "P1", 60, "wechat", day(80))
    shop.pay("T1", "P2", 90, "card", day(81))
    shop.refund("A", "R1", 80)
    shop.refund("B", "R2", 50)


@pytest.fixture
def parts(shop: Shop) -> list[dict[str, Any]]:
    """Both of R1, then R2's."""
    of = (("R1", "P1"), ("R1", "P2"), ("R2", "P2"))
    return [{"channel_refund_no": shop.channel_refund(*part).channel_refund_no} for part in of]


def test_completes_each_as_complete_channel_refund_does(
    shop: Shop, parts: list[dict[str, Any]]
) -> None:
    told = {"channel_txn_no": "Y1", "refunded_at": day(85).isoformat()}
    done = shop.rows("complete_channel_refunds", [parts[2], {**parts[0], **told}, parts[1]])

    assert [c.payment_no for c in done] == ["P2", "P1", "P2"]
    assert {c.state for c in done} == {"succeeded"}
    assert (done[1].channel_txn_no, done[1].refunded_at) == ("Y1", day(85))
    assert [shop.row("refunds", r).state for r in ("R1", "R2")] == ["succeeded", "succeeded"]


def test_a_late_success_is_booked_or_listed_beside_the_others(
    shop: Shop, parts: list[dict[str, Any]]
) -> None:
    shop.fail("R1", "P1")
    shop.fail("R1", "P2")
    shop.refund("A", "R3", 80)
    done = shop.rows("complete_channel_refunds", [parts[0], parts[2]])

    # R3 has been given the money.
    assert [c.state for c in done] == ["failed", "succeeded"]
    assert shop.listed("anomaly_list") == {"P1": 60}


def test_e03_again_changes_nothing(shop: Shop, parts: list[dict[str, Any]]) -> None:
    first = shop.rows("complete_channel_refunds", parts)
    with shop.unchanged():
        assert shop.rows("complete_channel_refunds", parts) == first
    with shop.unchanged():
        assert shop.rows("complete_channel_refunds", [parts[0]] * 2) == [first[0]] * 2


def test_all_or_nothing(shop: Shop, parts: list[dict[str, Any]], subtests: pytest.Subtests) -> None:
    shop.call("complete_channel_refund", parts[1]["channel_refund_no"], "Y2", day(84))
    for bad, code in [
        ({"channel_refund_no": "nothing"}, "MX303"),
        ({**parts[1], "channel_txn_no": "Y3"}, "MX304"),
        ({**parts[1], "refunded_at": day(85).isoformat()}, "MX304"),
    ]:
        about = bad["channel_refund_no"]
        with subtests.test(bad=bad, code=code), shop.refused(code, about):
            shop.rows("complete_channel_refunds", [parts[0], bad])


def test_tells_which_item_is_no_completion(
    shop: Shop, parts: list[dict[str, Any]], subtests: pytest.Subtests
) -> None:
    for bad, code in [
        ({"channel_refund_no": None}, "MX901"),
        ({"channel_refund_no": ""}, "MX901"),
        ({"channel_refund_no": 7}, "MX903"),
        ({"channel_txn_no": "a\tb"}, "MX901"),
        ({"channel_txn_no": "x" * 256}, "MX901"),
        ({"refunded_at": "9998-01-01T00:00Z"}, "MX905"),
        ({"refunded_at": "yesterday"}, "MX903"),
        ({"refunded_at": "2026-01-31T12:00:00"}, "MX903"),
        ({"refunded_at": "1800-01-01T00:00Z"}, "MX905"),
        ({"refunded_at": 7}, "MX903"),
        ({"colour": "red"}, "MX903"),
    ]:
        (key,) = bad
        with subtests.test(bad=bad, code=code), shop.refused(code, "completion 2: ", f'"{key}"'):
            shop.rows("complete_channel_refunds", [parts[0], {**parts[1], **bad}])
    with shop.refused("MX901", 'completion 2: "channel_refund_no"', "null"):
        shop.rows("complete_channel_refunds", [parts[0], {}])


def test_refuses_what_is_no_list_of_completions(
    shop: Shop, parts: list[dict[str, Any]], subtests: pytest.Subtests
) -> None:
    for sent, code in [
        (None, "MX903"),
        (Jsonb({}), "MX903"),
        (Jsonb([]), "MX904"),
        (Jsonb([7]), "MX903"),
        (Jsonb(parts[:1] * 10001), "MX904"),
    ]:
        with subtests.test(sent=sent, code=code), shop.refused(code):
            shop.query("select * from mixpay.complete_channel_refunds('m', %s)", sent)


def test_refuses_an_unknown_merchant(shop: Shop, parts: list[dict[str, Any]]) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("complete_channel_refunds", parts)


def test_e43_the_channels_numbers_may_come_later(shop: Shop, parts: list[dict[str, Any]]) -> None:
    first = shop.rows("complete_channel_refunds", parts)
    named = [{**part, "channel_txn_no": f"Y{i}"} for i, part in enumerate(parts)]
    later = shop.rows("complete_channel_refunds", named)

    assert later == [c._replace(channel_txn_no=f"Y{i}") for i, c in enumerate(first)]
    assert shop.named("channel_refund", first[0].channel_refund_no) == ["channel transaction Y0"]
    with shop.unchanged():
        assert shop.rows("complete_channel_refunds", parts) == later
    with shop.refused("MX304", "Y0"):
        shop.rows("complete_channel_refunds", [parts[1], {**parts[0], "channel_txn_no": "Y9"}])


def test_why_it_was_in_doubt_is_over(shop: Shop) -> None:
    shop.merge("T", X=100)
    shop.pay("T", "PX", 100, "card")
    shop.refund("X", "RX", 40)
    number = shop.channel_refund("RX", "PX").channel_refund_no
    shop.call("doubt_channel_refund", number, "no answer")
    (told,) = shop.rows("complete_channel_refunds", [{"channel_refund_no": number}])
    assert (told.state, told.reason) == ("succeeded", None)
