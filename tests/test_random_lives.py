"""Random lives of two shops, against a model that knows sums and queues and nothing else."""

from random import Random
from typing import Any

import pytest
from lives import Life, Model
from psycopg import Connection
from shop import Shop

STEPS = 1000
NUMBER = "case r.kind when 'surplus' then 'surplus of ' || d.payment_no else r.refund_no end"
EVERYTHING = {
    "trades": "select trade_no, state, amount, paid, refunded from mixpay.trades",
    "lines": "select trade_no, order_no, amount, paid, refunded, live from mixpay.trade_orders",
    "payments": "select payment_no, state, applied, surplus, refunded, surplus_refunded "
    "from mixpay.payments",
    "details": f"select {NUMBER} as number, d.payment_no, d.amount, r.state, c.ways "
    "from mixpay.refund_details as d "
    "inner join mixpay.refunds as r using (merchant_id, refund_no) "
    "cross join lateral (select array_agg(array[x.channel, x.state, coalesce("
    "s.resolution, case when a.amount is null then '' else 'open' end)] "
    "order by x.channel_refund_no) as ways from mixpay.channel_refunds as x "
    "left join mixpay.anomalies as a using (merchant_id, channel_refund_no) "
    "left join mixpay.anomaly_resolutions as s using (merchant_id, channel_refund_no) "
    "where (x.merchant_id, x.refund_no, x.payment_no) = (d.merchant_id, d.refund_no, d.payment_no)"
    ") as c",
}


def in_database(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, query in EVERYTHING.items():
        keys = 2 if name in ("lines", "details") else 1
        rows = [tuple(row) for row in shop.query(f"{query} where merchant_id = %s", shop.merchant)]
        found[name] = {(row[:keys] if keys > 1 else row[0]): row[keys:] for row in rows}
    return found


def in_model(model: Model) -> dict[str, Any]:
    return {
        "trades": {
            no: (
                trade.state,
                sum(x.amount for x in trade.lines),
                sum(x.paid for x in trade.lines),
                sum(x.refunded for x in trade.lines),
            )
            for no, trade in model.trades.items()
        },
        "lines": {
            (no, x.order_no): (x.amount, x.paid, x.refunded, x.live)
            for no, trade in model.trades.items()
            for x in trade.lines
        },
        "payments": {
            no: (p.state, p.applied, p.surplus, p.refunded + p.returned, p.returned)
            for no, p in model.payments.items()
        },
        "details": {
            (no, part.payment.payment_no): (
                part.amount,
                refund.state(),
                [[x.channel, x.state, x.anomaly] for x in part.ways],
            )
            for no, refund in model.refunds.items()
            for part in refund.parts
        },
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_model_and_database_agree_after_each_step(conn: Connection[Any], seed: int) -> None:
    random = Random(seed)
    lives = []
    for allocation in ("fifo", "pro_rata"):
        shop = Shop(conn, allocation)
        shop.call("register_merchant", "Shop", allocation)
        lives.append(Life(shop, Model(allocation), random))
    for _ in range(STEPS):
        life = random.choice(lives)
        life.step()
        assert in_database(life.shop) == in_model(life.model)
    conn.execute("analyze")  # for the checks

    for life in lives:
        # It was no quiet life.
        assert {"MX107", "MX108", "MX301", "MX304"} <= life.codes
        assert any(refund.order_no is None for refund in life.model.refunds.values())
        assert any(len(refund.parts) > 1 for refund in life.model.refunds.values())
    refunds = [refund for life in lives for refund in life.model.refunds.values()]
    ways = [x for refund in refunds for part in refund.parts for x in part.ways]
    assert any(x.state == "bounced" for x in ways)
    assert any(x.anomaly for x in ways)
    trades = [trade for life in lives for trade in life.model.trades.values()]
    assert any(trade.keeps_paid for trade in trades)
    assert any(line.cancelled for trade in trades for line in trade.lines)
    # Refunds over several trades.
    assert any(len({part.payment.trade for part in refund.parts}) > 1 for refund in refunds)
