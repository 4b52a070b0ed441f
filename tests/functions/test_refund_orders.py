import pytest
from psycopg.types.json import Jsonb
from shop import Shop, day

R1 = {"order_no": "A", "refund_no": "R1", "amount": 70}
R2 = {"order_no": "B", "refund_no": "R2", "amount": 20, "reason": "broken"}


@pytest.fixture(autouse=True)
def paid(shop: Shop) -> None:
    shop.merge("T1", A=100, B=50)
    shop.pay("T1", "P1", 60, "wechat", day(80))
    shop.pay("T1", "P2", 90, "card", day(81))


def test_refunds_each_as_refund_order_does(shop: Shop) -> None:
    refunds = shop.rows("refund_orders", [R2, R1])

    assert [(r.refund_no, r.amount, r.state) for r in refunds] == [
        ("R2", 20, "processing"),
        ("R1", 70, "processing"),
    ]
    assert refunds[0].reason == "broken"
    # First in, first out, in the order of the call.
    assert shop.details("R2") == {"P1": 20}
    assert shop.details("R1") == {"P1": 40, "P2": 30}


def test_e19_payments_can_be_named(shop: Shop) -> None:
    shop.rows("refund_orders", [{**R1, "payment_nos": ["P2"]}, {**R2, "payment_nos": None}])

    assert shop.details("R1") == {"P2": 70}
    assert shop.details("R2") == {"P1": 20}
    assert shop.row("refunds", "R1").payment_nos == ["P2"]


def test_e36_orders_with_deposits_in_shared_trades(shop: Shop) -> None:
    shop.merge("T2", C=(60, 20), D=(60, 20))
    shop.pay("T2", "P3", 40, "card")
    shop.merge("T3", D=60, C=60)
    shop.pay("T3", "P4", 80, "card")
    shop.rows(
        "refund_orders",
        [
            {"order_no": "D", "refund_no": "RD", "amount": 60},
            {"order_no": "C", "refund_no": "RC", "amount": 60},
        ],
    )
    assert shop.details("RD") == shop.details("RC") == {"P3": 20, "P4": 40}


def test_e03_again_changes_nothing(shop: Shop) -> None:
    first = shop.rows("refund_orders", [R1, R2])
    with shop.unchanged():
        assert shop.rows("refund_orders", [R1, R2]) == first
    with shop.unchanged():
        assert shop.rows("refund_orders", [R1, R1]) == [first[0], first[0]]


def test_e14_all_or_nothing(shop: Shop, subtests: pytest.Subtests) -> None:
    for bad, code, about in [
        ({**R2, "amount": 51}, "MX301", "order B"),
        ({**R1, "refund_no": "R3", "amount": 31}, "MX301", "70 is already refunded"),
        ({**R2, "refund_no": "R1"}, "MX302", "R1"),
        ({**R1, "amount": 69}, "MX302", "R1"),
        ({**R1, "payment_nos": ["P1"]}, "MX302", "R1"),
        ({**R2, "order_no": "nothing"}, "MX103", "nothing"),
        ({**R2, "payment_nos": ["P9"]}, "MX306", "P9"),
        ({**R2, "payment_nos": ["P1"]}, "MX306", "order B"),
    ]:
        with subtests.test(bad=bad, code=code), shop.refused(code, about):
            shop.rows("refund_orders", [R1, bad])
    assert len(shop.rows("refund_orders", [R1, R2])) == 2


def test_tells_which_item_is_no_refund(shop: Shop, subtests: pytest.Subtests) -> None:
    for bad, code in [
        ({"order_no": None}, "MX901"),
        ({"order_no": ""}, "MX901"),
        ({"refund_no": None}, "MX901"),
        ({"refund_no": "a b"}, "MX901"),
        ({"refund_no": "x" * 65}, "MX901"),
        ({"refund_no": 7}, "MX903"),
        ({"amount": 0}, "MX902"),
        ({"amount": -5}, "MX902"),
        ({"amount": 10**15 + 1}, "MX902"),
        ({"amount": "1"}, "MX903"),
        ({"amount": 1.5}, "MX903"),
        ({"reason": "x" * 1001}, "MX905"),
        ({"reason": 7}, "MX903"),
        ({"payment_nos": "P1"}, "MX903"),
        ({"payment_nos": {}}, "MX903"),
        ({"payment_nos": [7]}, "MX903"),
        ({"payment_nos": [None]}, "MX903"),
        ({"payment_nos": [["P1"]]}, "MX903"),
        ({"payment_nos": []}, "MX904"),
        ({"payment_nos": ["P1", "P1"]}, "MX904"),
        ({"colour": "red"}, "MX903"),
    ]:
        (key,) = bad
        with subtests.test(bad=bad, code=code), shop.refused(code, "refund 2: ", f'"{key}"'):
            shop.rows("refund_orders", [R1, {**R2, **bad}])


def test_e15_refuses_a_refund_without_an_amount(shop: Shop, subtests: pytest.Subtests) -> None:
    for bad in ({k: v for k, v in R1.items() if k != "amount"}, {**R1, "amount": None}):
        with subtests.test(bad=bad), shop.refused("MX902", 'refund 2: "amount"', "null"):
            shop.rows("refund_orders", [R2, bad])


def test_refuses_what_is_no_list_of_refunds(shop: Shop, subtests: pytest.Subtests) -> None:
    for sent, code in [
        (None, "MX903"),
        (Jsonb({}), "MX903"),
        (Jsonb([]), "MX904"),
        (Jsonb([7]), "MX903"),
        (Jsonb([R1] * 10001), "MX904"),
    ]:
        with subtests.test(sent=sent, code=code), shop.refused(code):
            shop.query("select * from mixpay.refund_orders('m', %s)", sent)


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("refund_orders", [R1])


def test_refuses_more_than_is_left_after_what_went_before(shop: Shop) -> None:
    shop.merge("T9", Z=100)
    shop.pay("T9", "P9", 100)
    shop.rows("refund_orders", [{"order_no": "Z", "refund_no": "R8", "amount": 60}])
    with shop.refused("MX301", 100, 60, 41):
        shop.rows("refund_orders", [{"order_no": "Z", "refund_no": "R9", "amount": 41}])
    shop.rows("refund_orders", [{"order_no": "Z", "refund_no": "R9", "amount": 40}])
    assert shop.balance("Z").state == "refunded"


def test_e14_refunds_of_one_order_together_are_never_above_what_is_left(shop: Shop) -> None:
    shop.merge("T9", Z=100)
    shop.pay("T9", "P9", 100)
    both = [{"order_no": "Z", "refund_no": f"R{amount}", "amount": amount} for amount in (60, 41)]
    with shop.refused("MX301", 41, 60, 40):
        shop.rows("refund_orders", both)


def test_each_keeps_its_reason_and_the_first_is_checked_too(shop: Shop) -> None:
    shop.merge("T9", Z=100)
    shop.pay("T9", "P9", 100)
    first, second = ({**R2, "order_no": "Z", "refund_no": n} for n in ("R8", "R9"))
    with shop.refused("MX905", 'refund 1: "reason"'):
        shop.rows("refund_orders", [{**first, "reason": "x" * 1001}, second])
    refunds = shop.rows("refund_orders", [first, {**second, "reason": "late"}])

    assert [r.reason for r in refunds] == ["broken", "late"]
    assert [shop.row("refunds", r).reason for r in ("R8", "R9")] == ["broken", "late"]


def test_what_is_in_escrow_goes_before_what_the_payee_gives_back(shop: Shop) -> None:
    """Over all payments that a refund takes from, not of each: 40 of 80 are in escrow."""
    shop.call("register_payee", "S", "Store")
    held = {"order_no": "H", "amount": 100, "currency": "CNY", "payee_no": "S", "hold": True}
    shop.call("merge_orders", [held], "T9")
    shop.pay("T9", "P8", 50, paid_at=day(82))
    shop.pay("T9", "P9", 50, paid_at=day(83))
    shop.release("H", "L", 60)
    shop.rows("refund_orders", [{"order_no": "H", "refund_no": "RH", "amount": 80}])

    assert [shop.channel_refund("RH", p).cleared for p in ("P8", "P9")] == [10, 30]
    assert shop.owns("payee:S") == {"CNY": 20}


def test_trades_go_by_their_numbers_in_bytes(shop: Shop) -> None:
    """Whatever a language would say: Z before a."""
    for number in ("a", "Z"):
        shop.merge(number, **{number: 100})
        shop.pay(number, f"P{number}", 100)
    sent = [{"order_no": o, "refund_no": f"R{o}", "amount": 10} for o in ("a", "Z")]

    assert [r.refund_no for r in shop.rows("refund_orders", sent)] == ["Ra", "RZ"]
    assert [shop.details(f"R{o}") for o in ("a", "Z")] == [{"Pa": 10}, {"PZ": 10}]
