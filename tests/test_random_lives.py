"""Random lives of two shops, against a model that knows sums and queues and nothing else."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from clones import Clone
from lives import Life, Model, in_database, in_model
from psycopg import Connection
from shop import Shop

STEPS = 1600
# How often at least.
SEEN = {
    "captured": 2,
    "open again": 4,
    "returned of an order that is elsewhere": 1,
    "covered what was lost": 4,
    "came back in part": 2,
    "a moment came later": 5,
}


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_model_and_database_agree_after_each_step(
    clone: Clone, conn: Connection[Any], connect: Callable[..., Connection[Any]], seed: int
) -> None:
    random = Random(seed)
    # What is looked at after each step is planned once, for tables that are small as yet.
    options = ("plan_cache_mode=force_generic_plan", "enable_nestloop=off", "jit=off")
    looks = connect(options=" ".join(f"-c {option}" for option in options))
    lives = []
    for allocation in ("fifo", "pro_rata"):
        shop = Shop(conn, allocation)
        shop.call("register_merchant", "Shop", allocation)
        lives.append(Life(shop, Model(allocation), random))
    for step in range(STEPS):
        life = random.choice(lives)
        life.step()
        assert in_database(looks, life.shop.merchant) == in_model(life.model)
        if step % 50 == 0:
            assert clone.holds()

    for life in lives:
        # It was no quiet life.
        assert {"MX107", "MX108", "MX301", "MX304"} <= life.codes
        assert any(refund.order_no is None for refund in life.model.refunds.values())
        assert any(len(refund.parts) > 1 for refund in life.model.refunds.values())
    refunds = [refund for life in lives for refund in life.model.refunds.values()]
    ways = [x for refund in refunds for part in refund.parts for x in part.ways]
    assert any(x.state == "bounced" for x in ways)
    assert any(x.anomalies() for x in ways)
    assert any(len(x.transfers) > 1 for x in ways)
    trades = [trade for life in lives for trade in life.model.trades.values()]
    assert any(trade.keeps_paid for trade in trades)
    assert any(line.cancelled for trade in trades for line in trade.lines)
    # Refunds over several trades.
    assert any(len({part.payment.trade for part in refund.parts}) > 1 for refund in refunds)
    # What channels hold, and what they took back by themselves.
    seen = lives[0].model.seen + lives[1].model.seen
    assert {name: seen[name] for name, least in SEEN.items() if seen[name] < least} == {}
    takings = [x for life in lives for x in life.model.takings.values()]
    assert {x.state() for x in takings} == {"charged", "partly_reversed", "reversed"}
    assert any(x.lost for x in takings if x.is_return)
    assert any(x.lost for x in takings if not x.is_return)
    assert any(x.state == "written_off" for x in ways)
