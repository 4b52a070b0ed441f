from typing import Any

import pytest
from shop import Shop, day, orders


@pytest.fixture(autouse=True)
def trade(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")
    shop.call("merge_orders", [{**orders(A=100)[0], "payee_no": "S", "hold": True}], "T")
    shop.pay("T", "P", 100, "card", day(1))


def annotate(shop: Shop, notes: Any, entity: str = "order", number: str = "A") -> Any:
    return shop.call("annotate", entity, number, notes)


def test_keys_are_set_and_the_others_stay(shop: Shop) -> None:
    first = annotate(shop, {"invoice": "I-1", "weight": 2.5, "gift": True})
    assert (first.entity, first.number) == ("order", "A")
    assert first.notes == {"invoice": "I-1", "weight": 2.5, "gift": True}

    assert annotate(shop, {"invoice": "I-2", "箱": 3}).notes == {
        "invoice": "I-2",
        "weight": 2.5,
        "gift": True,
        "箱": 3,
    }
    (listed,) = shop.query("select * from mixpay.note_list")
    assert listed.notes["invoice"] == "I-2"
    assert listed.updated_at > listed.created_at == first.created_at


def test_null_removes_a_key(shop: Shop) -> None:
    annotate(shop, {"a": 1, "b": 2})
    assert annotate(shop, {"a": None, "never": None}).notes == {"b": 2}
    assert annotate(shop, {"b": None}).notes == {}


def test_it_is_no_event(shop: Shop) -> None:
    before = shop.query("select count(*) from mixpay.facts")
    annotate(shop, {"a": 1})
    assert shop.query("select count(*) from mixpay.facts") == before


def test_e03_again_changes_nothing(shop: Shop) -> None:
    first = annotate(shop, {"a": 1})
    with shop.unchanged():
        assert annotate(shop, {"a": 1, "b": None}) == first


def test_whatever_has_a_number(shop: Shop) -> None:
    shop.refund("A", "R", 10)
    shop.release("A", "L", 20)
    shop.call("open_dispute", "A", "D", "late")
    shop.rows("split_order", "A", "X", [{"receiver": "agent", "rate": 1}])
    shop.call("close_dispute", "D", "payee", "it was not")
    shop.settle("S1")
    shop.call("record_repayment", "payee:S", "B1", 5, "CNY")
    shop.call("reprice_order", "A", "N", 110, "more of it")
    shop.call("charge_back_payment", "P", "C1", 10, "fraud")
    shop.call("return_payment", "P", "V1", "no funds", 10)
    shop.call("adjust_account", "payee:S", "J1", 5, "CNY", "a bonus")
    shop.call("record_channel_fee", "card", "F1", 5, "CNY")
    shop.call("record_channel_payout", "card", "O1", 5, "CNY")
    of = {
        "adjustment": "J1",
        "channel_fee": "F1",
        "channel_payout": "O1",
        "order": "A",
        "trade": "T",
        "payment": "P",
        "refund": "R",
        "channel_refund": shop.channel_refund("R", "P").channel_refund_no,
        "return": "V1",
        "chargeback": "C1",
        "payee": "S",
        "release": "L",
        "dispute": "D",
        "split": "X",
        "repricing": "N",
        "settlement": "S1",
        "repayment": "B1",
    }
    for entity, number in of.items():
        assert annotate(shop, {"seen": True}, entity, number).entity == entity
        with shop.refused("MX116", f"there is no {entity.replace('_', ' ')} none"):
            annotate(shop, {"seen": True}, entity, "none")
    assert len(shop.query("select from mixpay.note_list")) == len(of)


def test_one_merchants_notes_are_his(shop: Shop) -> None:
    shop.query("select from mixpay.register_merchant('other', 'Other')")
    with shop.refused("MX116", "A", "other"):
        annotate(Shop(shop.conn, "other"), {"a": 1})
    with shop.refused("MX101", "x"):
        annotate(Shop(shop.conn, "x"), {"a": 1})


def test_refuses_what_cannot_be_annotated(shop: Shop) -> None:
    for entity in ("fact", "channel", "", None, "merchant"):
        with shop.refused("MX905"):
            annotate(shop, {"a": 1}, entity)
    with shop.refused("MX901"):
        annotate(shop, {"a": 1}, "order", "")


@pytest.mark.parametrize("notes", ["[]", "1", '"a"', "null", '{"a": {}}', '{"a": [1]}'])
def test_refuses_what_is_not_flat(shop: Shop, notes: str) -> None:
    with shop.refused("MX903"):
        shop.query("select from mixpay.annotate('m', 'order', 'A', %s::jsonb)", notes)
    with shop.refused("MX903"):
        shop.query("select from mixpay.annotate('m', 'order', 'A', null)")


@pytest.mark.parametrize(
    "notes", [{"": 1}, {"k" * 65: 1}, {"a\tb": 1}, {"a": "b\nc"}, {"a": "\x9b"}, {"\x7f": 1}]
)
def test_refuses_keys_and_texts_that_are_none(shop: Shop, notes: dict[str, Any]) -> None:
    with shop.refused("MX905"):
        annotate(shop, notes)


def test_there_is_room_for_so_much(shop: Shop) -> None:
    annotate(shop, {f"k{i}": i for i in range(100)})
    with shop.refused("MX905", 101):
        annotate(shop, {"one more": 1})
    annotate(shop, {"one more": 1, "k1": None})
    with shop.refused("MX905", 16385):
        annotate(shop, {"a": "x" * (16384 - len('{"a": ""}') + 1)}, "trade", "T")
    annotate(shop, {"a": "x" * (16384 - len('{"a": ""}'))}, "trade", "T")
    with shop.refused("MX905", 2):
        annotate(shop, {"b": 1}, "trade", "T")


def test_keys_of_64_characters_whatever_the_alphabet(shop: Shop) -> None:
    assert annotate(shop, {"键" * 64: "值"}).notes == {"键" * 64: "值"}
