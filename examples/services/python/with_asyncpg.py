"""A service on asyncpg and its pool."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg

Row = asyncpg.Record


async def prepare(conn: asyncpg.Connection) -> None:
    """asyncpg gives jsonb as a text and wants one, unless a codec says otherwise."""
    await conn.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog", format="text"
    )


async def transaction(
    pool: asyncpg.Pool, work: Callable[[asyncpg.Connection], Awaitable[Row]], tries: int = 5
) -> Row:
    """One call, one transaction; the same again when somebody else was faster, or nobody knows."""
    for left in reversed(range(tries)):
        try:
            async with pool.acquire() as conn, conn.transaction():
                return await work(conn)
        except (
            asyncpg.SerializationError,
            asyncpg.DeadlockDetectedError,
            asyncpg.FeatureNotSupportedError,
            asyncpg.PostgresConnectionError,
            asyncpg.InterfaceError,
            OSError,
        ):
            if left == 0:
                raise
            await asyncio.sleep(0.1)
    raise AssertionError


async def call(pool: asyncpg.Pool, query: str, *parameters: Any) -> Row:
    return await transaction(pool, lambda conn: conn.fetchrow(query, *parameters))


async def refund(pool: asyncpg.Pool, order_no: str, refund_no: str, amount: int) -> Row:
    query = "select * from mixpay.refund_order($1, $2, $3, $4)"
    return await call(pool, query, "mall", order_no, refund_no, amount)


async def callback(pool: asyncpg.Pool, news: str) -> Row:
    """What the channel posts to us. Twice is harmless. asyncpg takes a datetime, no text."""
    said = json.loads(news)
    return await call(
        pool,
        "select * from mixpay.succeed_payment($1, $2, $3, $4, $5)",
        *("mall", said["payment_no"], said["channel_txn_no"]),
        *(datetime.fromisoformat(said["paid_at"]), said["amount"]),
    )


async def main() -> None:
    async with asyncpg.create_pool(min_size=1, max_size=4, init=prepare) as pool:
        await story(pool)


async def story(pool: asyncpg.Pool) -> None:
    await call(pool, "select * from mixpay.register_merchant($1, $2)", "mall", "The mall")
    orders = [
        {"order_no": "A", "amount": 10000, "currency": "CNY"},
        {"order_no": "B", "amount": 5000, "currency": "CNY"},
    ]
    merge = "select * from mixpay.merge_orders($1, $2, $3)"
    trade = await call(pool, merge, "mall", orders, "T-1")
    print(f"merged T-1: {trade['state']}, {trade['amount']}")
    start = "select * from mixpay.start_payment($1, $2, $3, $4, $5)"
    payment = await call(pool, start, "mall", "T-1", "P-1", 6000, "card")
    print(f"started P-1: {payment['state']}")
    news = """{"payment_no": "P-1", "channel_txn_no": "X-1", "amount": 6000,
               "paid_at": "2026-03-01T10:00:00.123+08:00"}"""
    payment = await callback(pool, news)
    paid_at = payment["paid_at"].astimezone(UTC).isoformat(timespec="milliseconds")
    paid_at = paid_at.replace("+00:00", "Z")
    print(f"paid P-1: {payment['state']}, {payment['amount']} at {paid_at}")
    payment = await callback(pool, news)
    print(f"again P-1: {payment['state']}, {payment['amount']}")
    record = "select * from mixpay.record_payment($1, $2, $3, $4, $5)"
    payment = await call(pool, record, "mall", "T-1", "P-2", "wallet", 9000)
    print(f"paid P-2: {payment['state']}, {payment['amount']}")
    balances = "select * from mixpay.trade_balances where merchant_id = $1 and trade_no = $2"
    trade = await call(pool, balances, "mall", "T-1")
    print(f"trade T-1: {trade['state']}, {trade['paid']} of {trade['amount']}")

    made = await refund(pool, "B", "R-1", 4500)
    print(f"refund R-1: {made['state']}, {made['amount']}")
    try:
        await refund(pool, "B", "R-2", 501)
    except asyncpg.PostgresError as refused:
        print(f"refused R-2: {refused.sqlstate}: {refused.detail}")
    made = await refund(pool, "B", "R-1", 4500)
    print(f"again R-1: {made['state']}, {made['amount']}")
    try:
        await refund(pool, "B", "R-1", 300)
    except asyncpg.PostgresError as refused:
        print(f"refused R-1: {refused.sqlstate}")

    tries = 0

    async def unlucky(conn: asyncpg.Connection) -> Row:
        nonlocal tries
        tries += 1
        if tries == 1:
            await conn.execute("do $$ begin raise 'too late' using errcode = '40001'; end $$")
        return await conn.fetchrow("select * from mixpay.refund_order('mall', 'B', 'R-3', 500)")

    made = await transaction(pool, unlucky)
    print(f"try {tries} R-3: {made['state']}, {made['amount']}")
    same = await asyncio.gather(*(refund(pool, "A", "R-4", 1000) for _ in range(8)))
    amounts = {made["created_at"]: made["amount"] for made in same}
    print(f"8 at once R-4: {len(amounts)} refund of {sum(amounts.values())}")
    balances = "select * from mixpay.order_balances where merchant_id = $1 and order_no = $2"
    order = await call(pool, balances, "mall", "A")
    print(
        f"order A: {order['paid']} paid, {order['refunded']} refunded, "
        f"{order['refundable']} refundable"
    )


if __name__ == "__main__":
    asyncio.run(main())
