import random
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop, open_for_a_week

from mixpay_db.cli.events import raise_epoch


def read_all(shop: Shop, after: str | None = None, limit: int = 1000) -> list[Row]:
    """All events after a position, as many at a time."""
    found: list[Row] = []
    while page := shop.rows("read_events", after, limit):
        assert len(page) <= limit
        found += page
        after = page[-1].position
    return found


def positions(events: list[Row]) -> list[str]:
    return [event.position for event in events]


def numbers(events: list[Row]) -> list[str]:
    return [event.number for event in events]


def test_tells_what_happened_in_order(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.start("T", "P", 100)
    shop.succeed("P", "X1")
    shop.refund("A", "R", 30)

    told = [(e.entity, e.number, e.from_state, e.to_state) for e in shop.rows("read_events")]
    number = shop.channel_refund("R", "P").channel_refund_no
    assert told == [
        ("trade", "T", "", "open"),
        ("payment", "P", "", "pending"),
        ("payment", "P", "pending", "succeeded"),
        ("order", "A", "payable", "paid"),
        ("trade", "T", "open", "paid"),
        ("refund", "R", "", "processing"),
        ("channel_refund", number, "", "pending"),
        ("order", "A", "paid", "partly_refunded"),
    ]


def test_every_change_of_state_is_an_event_once(shop: Shop) -> None:
    open_for_a_week(shop)
    history = shop.query("select trade_no, entry, entity, number, to_state from mixpay.history")
    found = read_all(shop)

    assert sorted((e.trade_no, e.entry, e.entity, e.number, e.to_state) for e in found) == sorted(
        history
    )
    assert len(set(positions(found))) == len(found)


def test_within_a_trade_the_entries_ascend(shop: Shop) -> None:
    open_for_a_week(shop)
    entries: dict[str, list[int]] = {}
    for event in read_all(shop):
        entries.setdefault(event.trade_no, []).append(event.entry)

    assert len(entries) == 4
    assert all(of_trade == sorted(of_trade) for of_trade in entries.values())


@pytest.mark.parametrize("seed", range(5))
def test_pages_have_no_gaps_and_no_repeats(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    open_for_a_week(shop)
    # Of one transaction, so that a page ends in its middle.
    with shop.conn.transaction():
        for trade in ("b", "B", "a", "-", "~"):
            order = {"order_no": f"order{trade}", "amount": 5, "currency": "CNY"}
            shop.call("merge_orders", [order], trade)
            shop.pay(trade, f"payment{trade}", 5)
    everything = read_all(shop)
    found: list[Row] = []
    while page := shop.rows(
        "read_events", found[-1].position if found else None, chance.randint(1, 7)
    ):
        found += page

    assert found == everything
    assert len(everything) > 30


def test_reads_on_after_any_position(shop: Shop) -> None:
    open_for_a_week(shop)
    everything = read_all(shop)
    for i, event in enumerate(everything, 1):
        assert shop.rows("read_events", event.position, 1000) == everything[i:]


def test_the_default_is_a_hundred(shop: Shop) -> None:
    trades = [
        {"trade_no": f"T{i}", "orders": [{"order_no": f"O{i}", "amount": 1, "currency": "CNY"}]}
        for i in range(101)
    ]
    shop.rows("merge_many", trades)

    assert len(shop.rows("read_events")) == 100
    assert len(shop.rows("read_events", None, 101)) == 101


def test_shows_nobody_else_s_events(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    other.merge("T", A=100)
    assert shop.rows("read_events") == []
    shop.merge("T", A=100)
    shop.pay("T", "P", 40)
    (theirs,) = other.rows("read_events")

    # A position of theirs is a place in the order of all, and no way in.
    read = shop.rows("read_events", theirs.position)
    assert {event.merchant_id for event in read} == {"m"}
    assert numbers(read) == ["T", "P"]


def test_movements_without_a_change_of_state_are_no_events(shop: Shop) -> None:
    shop.merge("T", A=30, B=70)
    shop.pay("T", "P1", 20)
    shop.pay("T", "P2", 20)

    told = [(e.entity, e.number) for e in shop.rows("read_events")]
    assert told == [("trade", "T"), ("payment", "P1"), ("payment", "P2"), ("order", "A")]
    # Of P2, 10 went to A, which is paid by it, and 10 to B.
    assert len(shop.query("select from mixpay.facts where to_state is null")) == 1


def test_a_movement_that_changes_an_order_is_an_event_of_the_order_only(shop: Shop) -> None:
    shop.merge("T", A=30, B=70)
    shop.pay("T", "P", 100)
    told = [(e.entity, e.number, e.position) for e in shop.rows("read_events")][1:]
    (place,) = {position.split(".")[1] for _, _, position in told}

    assert told == [
        ("payment", "P", f"1.{place}.2.T"),
        ("order", "A", f"1.{place}.2o.T"),
        ("order", "B", f"1.{place}.3o.T"),
        ("trade", "T", f"1.{place}.4.T"),
    ]
    # A position that was stored before orders had events is still one.
    assert numbers(shop.rows("read_events", f"1.{place}.3.T")) == ["B", "T"]


def test_does_not_show_what_is_not_committed(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    writer = Shop(connect(autocommit=False))
    writer.merge("T", A=100)
    # Not even to itself: it has no place yet.
    assert writer.rows("read_events") == []
    assert shop.rows("read_events") == []
    writer.conn.commit()
    assert numbers(shop.rows("read_events")) == ["T"]


@pytest.mark.parametrize("limit", [0, -1, 1001, None])
def test_refuses_a_limit_out_of_bounds(shop: Shop, limit: int | None) -> None:
    with shop.refused("MX904", limit if limit is not None else "null"):
        shop.rows("read_events", None, limit)


@pytest.mark.parametrize(
    "position",
    [
        "",
        "1",
        "1.2.3",
        "1.2.3.",
        "1.2.3.T T",
        "1.2.3.T\n",
        "1.2.3oo.T",
        "1.2.o3.T",
        "1.2.3O.T",
        "-1.2.3.T",
        "+1.2.3.T",
        "1.2.x.T",
        " 1.2.3.T",
        "1e3.2.3.T",
        "١.2.3.T",
        f"{2**63}.2.3.T",
        f"1.{2**64}.3.T",
        f"1.2.{'9' * 400}.T",
        f"1.2.3.{'T' * 65}",
    ],
)
def test_refuses_what_is_no_position(shop: Shop, position: str) -> None:
    with shop.refused("MX905"):
        shop.rows("read_events", position)


def test_the_largest_numbers_that_fit_are_a_position(shop: Shop) -> None:
    shop.merge("T", A=100)
    nines = "9" * 18
    assert shop.rows("read_events", f"{nines}.{nines}.{nines}.{'~' * 64}") == []
    assert numbers(shop.rows("read_events", "0.0.0.!")) == ["T"]


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("read_events")
    with shop.refused("MX901"):
        Shop(shop.conn, "no body").rows("read_events")


def test_trade_numbers_may_have_dots(shop: Shop) -> None:
    for trade in ("1.2", "1.2.3.4", "..."):
        shop.call("merge_orders", [{"order_no": trade, "amount": 5, "currency": "CNY"}], trade)
    assert numbers(read_all(shop, limit=1)) == ["1.2", "1.2.3.4", "..."]


# After a restore from a backup: transaction ids may begin anew.


@pytest.mark.breaks_checks
def test_what_was_there_before_the_restore_comes_first(shop: Shop) -> None:
    """As if the transactions had been counted far on by the server that is gone."""
    shop.merge("T", A=100)
    (before,) = shop.rows("read_events")
    shop.conn.execute(
        "insert into mixpay.facts "
        "(merchant_id, log, log_no, entry, epoch, xid, entity, number, from_state, to_state, "
        "currency, happened_at) "
        "values ('m', 'trade', 'T', 2, 1, '900000000000', 'trade', 'T', 'open', 'paid', "
        "'CNY', now())"
    )
    # Whoever still runs could write before it: it is not shown.
    assert shop.rows("read_events") == [before]

    assert raise_epoch(shop.conn) == 2
    old = shop.rows("read_events")
    assert [(e.epoch, e.entry) for e in old] == [(1, 1), (1, 2)]
    assert shop.rows("read_events", old[-1].position) == []

    shop.merge("U", B=100)
    (new,) = shop.rows("read_events", old[-1].position)
    assert (new.number, new.epoch) == ("U", 2)
    assert int(new.xid) < int(old[-1].xid)
    assert read_all(shop, limit=1) == [*old, new]


def test_a_new_epoch_changes_nothing_for_who_follows(shop: Shop) -> None:
    shop.merge("T", A=100)
    (old,) = shop.rows("read_events")
    assert raise_epoch(shop.conn) == 2
    assert raise_epoch(shop.conn) == 3
    shop.pay("T", "P", 40)

    (new,) = shop.rows("read_events", old.position)
    assert (new.number, new.epoch) == ("P", 3)


def test_a_position_that_the_restore_took_away_is_no_obstacle(shop: Shop) -> None:
    """The follower was ahead of the backup; what it has read is gone, what comes is new."""
    shop.merge("T", A=100)
    raise_epoch(shop.conn)
    shop.pay("T", "P", 40)

    assert numbers(shop.rows("read_events", "1.900000000000.7.T")) == ["P"]


def test_settlements_and_repayments_are_events_of_no_trade(shop: Shop) -> None:
    shop.call("register_payee", "S1", "S1")
    order = {"order_no": "A", "amount": 100, "currency": "CNY", "payee_no": "S1"}
    shop.call("merge_orders", [order], "T")
    shop.pay("T", "P", 100)
    # As a number may look like a position, and be that of several things.
    for number in ("T", "s1.T"):
        shop.call("settle_payee", "S1", number, None)
    shop.call("reverse_settlement", "T", "no such bank account")
    shop.call("record_repayment", "payee:S1", "T", 7, "CNY")
    with shop.conn.transaction():
        shop.call("record_repayment", "payee:S1", "one", 1, "CNY")
        shop.call("record_repayment", "payee:S1", "two", 1, "CNY")
    everything = read_all(shop)

    assert [(e.trade_no, e.entity, e.number, e.to_state, e.amount) for e in everything[4:]] == [
        (None, "settlement", "T", "settled", 100),
        (None, "settlement", "s1.T", "settled", None),
        (None, "settlement", "T", "reversed", 100),
        (None, "repayment", "T", "recorded", 7),
        (None, "repayment", "one", "recorded", 1),
        (None, "repayment", "two", "recorded", 1),
    ]
    assert everything[4].position.endswith(".s1.T")
    for i, event in enumerate(everything, 1):
        assert shop.rows("read_events", event.position, 1000) == everything[i:]
