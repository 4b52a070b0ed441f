"""Everybody does everything at once: only refusals that a call names, no deadlock, and the books
agree.

MIXPAY_TEST_CROWD is how many calls each worker makes, MIXPAY_TEST_SEED where they begin: more, or
others, to look for longer.
"""

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import psycopg
from anything import Hand, functions, prepare
from psycopg import Connection
from shop import Shop

WORKERS = 8
STEPS = int(os.environ.get("MIXPAY_TEST_CROWD", "150"))
SEED = int(os.environ.get("MIXPAY_TEST_SEED", "0"))


def test_everybody_does_everything_at_once(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
) -> None:
    prepare(shop.conn)

    def live(worker: int) -> Counter[tuple[str, str]]:
        mine, outcomes = Shop(connect()), Counter[tuple[str, str]]()
        hand = Hand(mine.conn, f"W{worker}", SEED + worker)
        # None is left out, however seldom it is drawn.
        for function in [hand.draw() for _ in range(STEPS)] + hand.functions[worker::WORKERS]:
            try:
                mine.rows(function.name, **hand.arguments(function))
                outcomes[function.name, "done"] += 1
            except psycopg.Error as error:
                outcomes[function.name, error.sqlstate or str(error)] += 1
        return outcomes

    workers = [background(live, worker) for worker in range(WORKERS)]
    outcomes = sum((worker.result(timeout=300) for worker in workers), Counter[tuple[str, str]]())
    told = {each.name: each.refusals | {"done"} for each in functions(shop.conn)}
    assert {(call, state) for call, state in outcomes if state not in told[call]} == set(), outcomes
    done = sum(times for (_, state), times in outcomes.items() if state == "done")
    assert done > WORKERS * STEPS / 4, outcomes
