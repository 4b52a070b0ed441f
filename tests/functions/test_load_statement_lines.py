from typing import Any

import psycopg
import pytest
from bills import line
from shop import CHANNELS_NUMBERS, NO_CHANNELS_NUMBER, Shop, day

FULL: dict[str, Any] = {
    "line_no": 7,
    "part": "fee",
    "kind": "fee",
    "type": "手续费",
    "amount": -6,
    "currency": "CNY",
    "fee": 0,
    "happened_at": "2026-01-31T12:00:00+08:00",
    "channel_txn_no": "F1",
    "our_no": "订单 7",
    "of_channel_txn_no": "X1",
    "of_our_no": "P1",
    "batch_no": "B1",
    "state": "processing",
    "description": "of January",
}


@pytest.fixture(autouse=True)
def opened(shop: Shop) -> None:
    shop.call("open_statement", "S1", "channel:card")


def put(shop: Shop, *lines: Any) -> Any:
    return shop.call("load_statement_lines", "S1", list(lines))


def test_what_is_loaded_is_there_as_it_was(shop: Shop) -> None:
    assert put(shop, FULL, line(8, "payment", 10**15, day(1))).line_count == 2

    full, plain = shop.query("select * from mixpay.statement_line_list order by line_no")
    moment = full.happened_at
    assert moment.isoformat() == "2026-01-31T04:00:00+00:00"
    assert {key: getattr(full, key) for key in FULL} == {**FULL, "happened_at": moment}
    assert (full.result, full.resolution_no) == (None, None)
    assert (plain.part, plain.state, plain.fee, plain.our_no) == ("", "succeeded", None, None)


def test_null_is_as_good_as_no_key(shop: Shop) -> None:
    keys = ["part", "type", "fee", "channel_txn_no", "our_no", "batch_no", "state", "description"]
    put(shop, line(1, "fee", 0, day(1), **dict.fromkeys(keys)))
    assert put(shop, line(1, "fee", 0, day(1))).line_count == 1


def test_e03_again_returns_the_same(shop: Shop) -> None:
    first = put(shop, FULL, line(1, "fee", 5, day(1)))
    with shop.unchanged():
        assert put(shop, FULL) == first
    # And some that are new, and one twice.
    assert put(shop, FULL, line(2, "fee", 5, day(1)), FULL).line_count == 3


def test_e03_moments_are_compared_to_the_millisecond(shop: Shop) -> None:
    told = {**FULL, "happened_at": "2026-01-31T12:00:00.123456+08:00"}
    first = put(shop, told)
    with shop.unchanged():
        assert put(shop, {**told, "happened_at": "2026-01-31T12:00:00.123+08:00"}) == first
    with shop.refused("MX422", "line 7"):
        put(shop, {**told, "happened_at": "2026-01-31T12:00:00.125+08:00"})


@pytest.mark.parametrize(
    "change",
    [{"amount": -7}, {"fee": None}, {"our_no": None}, {"kind": "other"}, {"description": "x"},
     {"happened_at": "2026-01-31T12:00:01+08:00"}],
)  # fmt: skip
def test_e03_other_content_is_an_error(shop: Shop, change: dict[str, Any]) -> None:
    put(shop, FULL)
    with shop.refused("MX422", "line 7", "S1"):
        put(shop, line(9, "fee", 1, day(1)), {**FULL, **change})
    with shop.refused("MX422", "line 9"):
        put(shop, line(9, "fee", 1, day(1)), line(9, "fee", 2, day(1)))


def test_the_channels_numbers_are_its_own(shop: Shop) -> None:
    put(shop, *(line(i, "fee", 1, day(1), txn=n) for i, n in enumerate(CHANNELS_NUMBERS, 1)))
    for number in NO_CHANNELS_NUMBER:
        for key in ["txn", "our", "of", "of_txn", "batch_no"]:
            with shop.refused("MX901", "line 2"):
                put(shop, line(50, "fee", 1, day(1)), line(51, "fee", 1, day(1), **{key: number}))


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("MX903", {"line_no": "1"}),
        ("MX903", {"line_no": 1.5}),
        ("MX904", {"line_no": 0}),
        ("MX904", {"line_no": None}),
        ("MX904", {"line_no": 10**16}),
        ("MX903", {"amount": "5"}),
        ("MX903", {"amount": True}),
        ("MX903", {"amount": 0.5}),
        ("MX902", {"amount": None}),
        ("MX902", {"amount": 10**15 + 1}),
        ("MX902", {"fee": -(10**15) - 1}),
        ("MX903", {"fee": []}),
        ("MX903", {"kind": 5}),
        ("MX905", {"kind": None}),
        ("MX905", {"kind": "gift"}),
        ("MX905", {"state": "lost"}),
        ("MX110", {"currency": "XXX"}),
        ("MX110", {"currency": None}),
        ("MX903", {"happened_at": None}),
        ("MX903", {"happened_at": "2026-01-31"}),
        ("MX903", {"happened_at": "2026-01-31T12:00:00"}),
        ("MX903", {"happened_at": "2026-02-31T12:00:00Z"}),
        ("MX903", {"happened_at": "2026-01-31T25:00:00Z"}),
        ("MX905", {"happened_at": "2999-01-01T00:00:00Z"}),
        ("MX905", {"happened_at": "1066-01-01T00:00:00Z"}),
        ("MX901", {"part": "a b"}),
        ("MX905", {"description": "a\tb"}),
        ("MX905", {"type": "x" * 1001}),
        ("MX903", {"colour": "red"}),
        ("MX903", {"description": {}}),
    ],
)
def test_e02_refuses_what_no_line_says(shop: Shop, code: str, change: dict[str, Any]) -> None:
    with shop.refused(code, "line 2"):
        put(shop, line(1, "fee", 1, day(1)), {**line(2, "fee", 1, day(1)), **change})


def test_refuses_what_are_no_lines(shop: Shop) -> None:
    for bad in [None, {}, 5, "x"]:
        with shop.refused("MX903"):
            shop.query(
                "select mixpay.load_statement_lines('m', 'S1', %s::jsonb)",
                None if bad is None else __import__("json").dumps(bad),
            )
    for many in [[], [line(i + 1, "fee", 1, day(1)) for i in range(10001)]]:
        with shop.refused("MX904", len(many)):
            shop.call("load_statement_lines", "S1", many)
    with shop.refused("MX903", "line 1"):
        put(shop, 5)
    with shop.refused("MX420", "S2"):
        shop.call("load_statement_lines", "S2", [FULL])
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("load_statement_lines", "S1", [FULL])


def test_nothing_comes_after_the_seal(shop: Shop) -> None:
    put(shop, FULL)
    shop.call("seal_statement", "S1", 1)
    with shop.unchanged():
        put(shop, FULL)
    with shop.refused("MX423", "S1", 1):
        put(shop, FULL, line(1, "fee", 1, day(1)))


@pytest.mark.parametrize(
    ("moment", "is_refused"),
    [
        ("timestamptz '1900-01-01Z'", False),
        ("timestamptz '1900-01-01Z' - interval '1 microsecond'", True),
        ("now() + interval '1 day'", False),
        ("now() + interval '1 day 1 microsecond'", True),
    ],
)
def test_a_line_may_be_of_a_moment_up_to_the_bounds(
    shop: Shop, moment: str, is_refused: bool
) -> None:
    """In a transaction, in which now stands still."""
    with shop.conn.transaction():
        ((happened_at,),) = shop.query(f"select to_json({moment}) #>> '{{}}'")
        sent = {**FULL, "happened_at": happened_at}
        if is_refused:
            with pytest.raises(psycopg.Error, match="happened_at") as refused:
                put(shop, sent)
            assert refused.value.sqlstate == "MX905"
            return
        put(shop, sent)
