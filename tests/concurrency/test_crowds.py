"""Everybody does everything at once: only typed refusals, no deadlock, and the books agree.

MIXPAY_TEST_CROWD is how many calls each worker makes: more, to look for longer.
"""

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from random import Random
from typing import Any

import psycopg
from psycopg import Connection
from shop import Shop, day

WORKERS = 8
STEPS = int(os.environ.get("MIXPAY_TEST_CROWD", "100"))
ORDERS = [f"O{i}" for i in range(6)]
CALLS = ["merge", "many", "start", "starts", "record", "records", "refund", "refunds"]
CALLS += ["news", "completed", "claim"]


def act(shop: Shop, random: Random, number: str) -> None:
    """One random call on what there is."""
    trades = shop.query("select trade_no, state from mixpay.trades order by random() limit 3")
    refunds = shop.query("select * from mixpay.channel_refunds order by random() limit 3")
    match random.choice(CALLS):
        case "merge":
            some = random.sample(ORDERS, random.randint(1, 3))
            shares = {no: (400, random.randint(1, 60)) for no in some}
            shop.merge(random.choice([None, number]), **shares)
        case "many":
            one, two = random.sample(ORDERS, 2)
            lines = [{"order_no": no, "amount": 400, "currency": "CNY"} for no in (one, two)]
            shop.rows("merge_many", [{"orders": [line]} for line in lines])
        case "start" if trades:
            payment = shop.start(trades[0].trade_no, number, random.randint(1, 40))
            if random.random() < 0.5:
                shop.call("fail_payment", payment.payment_no, "declined")
            if random.random() < 0.8:
                shop.succeed(payment.payment_no, number)
        case "starts" if trades:
            for i, trade in enumerate(trades):
                shop.start(trade.trade_no, f"{number}-{i}", random.randint(1, 20))
            numbers = [{"payment_no": f"{number}-{i}"} for i in range(len(trades))]
            shop.rows("succeed_payments", numbers)
        case "record" if trades:
            paid_at = day(random.randint(1, 5))
            shop.pay(trades[0].trade_no, number, random.randint(1, 60), "card", paid_at)
        case "records":
            payments = [
                {"trade_no": t.trade_no, "payment_no": f"{number}-{i}", "channel": "cash"}
                for i, t in enumerate(trades)
            ]
            if payments:
                shop.rows("record_payments", [{**p, "amount": 7} for p in payments])
        case "refund":
            shop.refund(random.choice(ORDERS), number, random.randint(1, 50))
        case "refunds":
            some = random.sample(ORDERS, 3)
            sent = [{"order_no": no, "refund_no": f"{number}-{no}", "amount": 3} for no in some]
            shop.rows("refund_orders", sent)
        case "completed" if refunds:
            numbers = [{"channel_refund_no": refund.channel_refund_no} for refund in refunds]
            shop.rows("complete_channel_refunds", numbers)
        case "news" if refunds:
            call = random.choice(["complete", "fail", "fail", "doubt"])
            shop.call(f"{call}_channel_refund", refunds[0].channel_refund_no, None)
        case "claim":
            shop.rows("claim_channel_refunds", f"w-{number}", 2)


def test_everybody_does_everything_at_once(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
) -> None:
    shop.merge("T", **dict.fromkeys(ORDERS, (400, 40)))

    def live(worker: int) -> Counter[str]:
        random, mine, outcomes = Random(worker), Shop(connect()), Counter[str]()
        for step in range(STEPS):
            try:
                act(mine, random, f"{worker}-{step}")
                outcomes["done"] += 1
            except psycopg.Error as error:
                outcomes[error.sqlstate or ""] += 1
        return outcomes

    workers = [background(live, worker) for worker in range(WORKERS)]
    outcomes = sum((worker.result(timeout=300) for worker in workers), Counter[str]())
    shop.conn.execute("analyze")  # for the checks
    refusals = {"MX103", "MX107", "MX108", "MX204", "MX206", "MX208", "MX301", "MX304"}
    assert set(outcomes) <= refusals | {"done"}, outcomes
    assert outcomes["done"] > WORKERS * STEPS / 3, outcomes
