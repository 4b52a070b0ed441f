"""The picture of a trade's money is to scale: heights are amounts, and nothing is lost."""

import random
from itertools import pairwise

import pytest

from mixpay_db.pictures import flow, stretches


def drawn() -> flow.Flow:
    """Two payments of 60 and 40, two orders of 70 and 50 of which 20 are lacking, 30 go back."""
    it = flow.Flow()
    for number in ("P1", "P2"):
        it.node("payment", number, 0)
    it.node("order", "A", 1)
    it.node("order", "B", 1, 20)
    it.band(("payment", "P1"), ("order", "A"), 60)
    it.band(("payment", "P2"), ("order", "A"), 10)
    it.band(("payment", "P2"), ("order", "B"), 30)
    it.node("refund", "R", 2)
    it.band(("order", "A"), ("refund", "R"), 25)
    it.band(("order", "A"), ("refund", "R"), 5)
    return it


@pytest.mark.parametrize("shape", [flow.WIDE, flow.NARROW])
def test_every_height_is_its_amount(shape: flow.Shape) -> None:
    picture = flow.lay_out(drawn(), shape)
    assert picture.scale == pytest.approx(shape.body / 120)
    for node in picture.nodes:
        assert node.height == pytest.approx(node.units * picture.scale)
        assert node.lacking_height == pytest.approx(node.lacking * picture.scale)
    for band in picture.bands:
        assert band.thickness == pytest.approx(band.units * picture.scale)


def test_bands_to_the_same_are_one() -> None:
    assert [band.units for band in drawn().bands if band.target == ("refund", "R")] == [30]


def test_nothing_of_a_band_of_nothing() -> None:
    it = drawn()
    it.band(("payment", "P1"), ("order", "B"), 0)
    assert len(it.bands) == 4


@pytest.mark.parametrize("shape", [flow.WIDE, flow.NARROW])
def test_bands_leave_and_arrive_side_by_side(shape: flow.Shape) -> None:
    picture = flow.lay_out(drawn(), shape)
    for node in picture.nodes:
        for end, y in (("source", "y0"), ("target", "y1")):
            bands = [band for band in picture.bands if getattr(band, end) == node.key]
            edges = sorted((getattr(band, y), getattr(band, y) + band.thickness) for band in bands)
            for (_, ends), (begins, _) in pairwise(edges):
                assert ends == pytest.approx(begins)
            if edges:
                assert edges[0][0] == pytest.approx(node.y)
                assert edges[-1][1] <= node.y + node.height + 1e-6


@pytest.mark.parametrize("shape", [flow.WIDE, flow.NARROW])
def test_nodes_of_a_column_do_not_touch_and_names_have_room(shape: flow.Shape) -> None:
    it = flow.Flow()
    for number in range(12):
        it.band(it.node("payment", f"P{number}", 0), it.node("order", f"A{number}", 1), 1)
    picture = flow.lay_out(it, shape)
    for column in (0, 1):
        nodes = [node for node in picture.nodes if node.column == column]
        for above, below in pairwise(nodes):
            assert below.y - above.y >= shape.pitch
            assert below.y >= above.y + above.height
    assert all(0 <= node.y <= picture.height for node in picture.nodes)
    assert all(0 <= node.label_x <= picture.width for node in picture.nodes)


def test_an_empty_trade_has_an_empty_picture() -> None:
    picture = flow.lay_out(flow.Flow(), flow.WIDE)
    assert (picture.nodes, picture.bands) == ([], [])


def test_shares_are_what_the_log_says() -> None:
    known = {("P1", "A"): 60, ("P2", "A"): 10, ("P2", "B"): 30}
    assert flow.shares({"P1": 60, "P2": 40}, {"A": 70, "B": 30}, known) == known


def test_shares_follow_the_order_where_the_log_names_no_payment() -> None:
    assert flow.shares({"P1": 60, "P2": 40}, {"A": 70, "B": 30}, {}) == {
        ("P1", "A"): 60,
        ("P2", "A"): 10,
        ("P2", "B"): 30,
    }


def test_shares_sum_exactly_whatever_the_log_says() -> None:
    chance = random.Random(11)
    for _ in range(300):
        orders = {f"A{i}": chance.randrange(0, 50) for i in range(chance.randrange(1, 5))}
        left, payments = sum(orders.values()), {}
        for i in range(4):
            payments[f"P{i}"] = takes = left if i == 3 else chance.randrange(0, left + 1)
            left -= takes
        known = {
            (payment, order): chance.randrange(-5, 40) for payment in payments for order in orders
        }
        shares = flow.shares(payments, orders, known)
        assert all(units > 0 for units in shares.values())
        for payment, units in payments.items():
            assert sum(shares.get((payment, order), 0) for order in orders) == units
        for order, units in orders.items():
            assert sum(shares.get((payment, order), 0) for payment in payments) == units


def test_stretches_stand_end_to_end() -> None:
    placed = stretches.lay_out(
        [stretches.Stretch("P1", 0, 60, 60), stretches.Stretch("P2", 60, 100, 10)], 1000
    )
    assert [(s.x, s.width, s.taken_width) for s in placed] == [(0, 600, 600), (600, 400, 100)]
    assert stretches.lay_out([], 1000) == []
