"""The calls that are measured: how each is called, what it finds, and how its floor is called.

In a script, `:n` is a number that was never used before, `:k` the number of what the call works on,
and `:m` the merchant's. What a call uses up is made anew for each run (`fresh`). Everything else is
so large that it never runs out, and there is so much of it that no two clients meet.
"""

from __future__ import annotations

from dataclasses import dataclass

MERCHANTS = 8
# Enough to be paid and refunded for ever.
PLENTY = 1_000_000_000
# The floors are told the numbers that the calls make: 32 characters that sort by time.
MADE = (
    "to_char(clock_timestamp() at time zone 'UTC', 'YYYYMMDDHH24MISSUS') "
    "|| lpad((:n)::text, 12, '0')"
)


@dataclass(frozen=True)
class Pool:
    """What calls find.

    The statements of `fill` make it for the numbers `k` in the temporary table `items`, all of them
    of one merchant, `%(merchant)s`; `%(size)s` is how much there is of what is not fresh.
    """

    fill: tuple[str, ...]
    fresh: bool = False
    needs: str | None = None


@dataclass(frozen=True)
class Call:
    name: str
    script: str
    pool: str | None = None
    floor: str | None = None
    guess: int = 1000  # how many a second, until it is known


def trades(prefix: str, *orders: str) -> str:
    """The JSON of trades PREFIXk of these orders, each the arguments of jsonb_build_object."""
    built = ", ".join(f"jsonb_build_object('currency', 'CNY', {order})" for order in orders)
    return f"""
    select jsonb_agg(jsonb_build_object(
        'trade_no', '{prefix}' || k, 'orders', jsonb_build_array({built})
    ))
    from items
    """


def merge(prefix: str, *orders: str) -> str:
    return f"select count(*) from mixpay.merge_many(%(merchant)s, ({trades(prefix, *orders)}))"


def order(prefix: str, amount: int, more: str = "") -> str:
    return f"'order_no', '{prefix}' || k, 'amount', {amount}{more}"


def pay(prefix: str, amount: int) -> str:
    """A payment PREFIXk into the trade PREFIXk."""
    return f"""
    select count(*) from mixpay.record_payments(%(merchant)s, (
        select jsonb_agg(jsonb_build_object(
            'trade_no', '{prefix}' || k, 'payment_no', '{prefix}' || k,
            'channel', 'card', 'amount', {amount}
        ))
        from items
    ))
    """


def know(prefix: str) -> str:
    """What a script is to know of the channel refund of the refund PREFIXk."""
    return f"""
    insert into public.known
    select '{prefix}' || k, 'Q' || k %% %(size)s, 'G' || k %% %(size)s, channel_refund_no
    from items
    inner join mixpay.channel_refunds
        on merchant_id = %(merchant)s and refund_no = '{prefix}' || k
    """


def of_known(floor: str, key: str) -> str:
    return (
        f"select f.* from public.known as x cross join lateral floor.{floor} as f "
        f"where x.key = {key};"
    )


REGISTER_PAYEE = "select mixpay.register_payee(%(merchant)s, 'P', 'Payee')"

POOLS = {
    "one line": Pool((merge("R", order("A", PLENTY)),)),
    "two lines": Pool((merge("S", order("B", PLENTY), order("C", PLENTY)),)),
    "two lines to fill": Pool((merge("F", order("D", 60), order("E", 40)),), fresh=True),
    "paid": Pool((merge("Q", order("G", PLENTY)), pay("Q", PLENTY))),
    "in escrow": Pool(
        (
            REGISTER_PAYEE,
            merge("H", order("H", PLENTY, ", 'payee_no', 'P', 'hold', true")),
            pay("H", PLENTY),
        )
    ),
    "pending": Pool(
        (
            "select count(x.payment_no) from items cross join lateral mixpay.start_payment("
            "%(merchant)s, 'R' || k %% %(size)s, 'L' || k, 10, 'card') as x",
            "insert into public.known "
            "select 'L' || k, 'R' || k %% %(size)s, 'A' || k %% %(size)s from items",
        ),
        fresh=True,
        needs="one line",
    ),
    "due": Pool(
        (
            "select count(x.refund_no) from items cross join lateral mixpay.refund_order("
            "%(merchant)s, 'G' || k %% %(size)s, 'W' || k, 10) as x",
            know("W"),
        ),
        fresh=True,
        needs="paid",
    ),
    # As a worker leaves them, by a number that a script knows: the channel refund's own is random.
    "sent": Pool(
        (
            "select count(x.refund_no) from items cross join lateral mixpay.refund_order("
            "%(merchant)s, 'G' || k %% %(size)s, 'V' || k, 10) as x",
            "update mixpay.channel_refunds set due_at = '2000-01-01' "
            "where merchant_id = %(merchant)s and refund_no in (select 'V' || k from items)",
            "select count(*) from mixpay.claim_channel_refunds("
            "%(merchant)s, 'worker', (select count(*) from items))",
            know("V"),
        ),
        fresh=True,
        needs="paid",
    ),
    # Five payments' worth of movements for each payee.
    "earned": Pool(
        (
            "select count(x.payee_no) from items cross join lateral mixpay.register_payee("
            "%(merchant)s, 'P' || k, 'Payee') as x",
            merge("T", *(order(f"T{i}-", 20, ", 'payee_no', 'P' || k") for i in range(5))),
            pay("T", 100),
        ),
        fresh=True,
    ),
}

CALLS = (
    Call(
        "record_payment, one line",
        "select * from mixpay.record_payment("
        "'m' || :m, 'R' || :k, 'P' || :n, 'card', 10, null, 'X' || :n);",
        "one line",
        "select * from floor.record_payment("
        "'m' || :m, 'R' || :k, 'P' || :n, 'card', 'X' || :n, 'A' || :k, 10, null, null);",
    ),
    Call(
        "record_payment, two lines",
        "select * from mixpay.record_payment("
        "'m' || :m, 'S' || :k, 'P' || :n, 'card', 10, null, 'X' || :n);",
        "two lines",
        "select * from floor.record_payment("
        "'m' || :m, 'S' || :k, 'P' || :n, 'card', 'X' || :n, 'B' || :k, 10, null, null);",
    ),
    Call(
        "record_payment, fills two lines",
        "select * from mixpay.record_payment("
        "'m' || :m, 'F' || :k, 'P' || :n, 'card', 100, null, 'X' || :n);",
        "two lines to fill",
        "select * from floor.record_payment("
        "'m' || :m, 'F' || :k, 'P' || :n, 'card', 'X' || :n, 'D' || :k, 60, 'E' || :k, 40);",
    ),
    Call(
        "refund_order, one payment",
        "select * from mixpay.refund_order('m' || :m, 'G' || :k, 'Z' || :n, 10);",
        "paid",
        "select * from floor.refund_order("
        f"'m' || :m, 'G' || :k, 'Z' || :n, 10, 'Q' || :k, 'Q' || :k, 'card', {MADE});",
    ),
    Call(
        "merge_orders, two new orders",
        "select * from mixpay.merge_orders('m' || :m, format("
        """'[{"order_no": "M%s", "amount": 60, "currency": "CNY"}, """
        """{"order_no": "N%s", "amount": 40, "currency": "CNY"}]', """
        "(:n)::text, (:n)::text)::jsonb);",
        None,
        "select * from floor.merge_orders("
        f"'m' || :m, {MADE}, 'CNY', 'M' || :n, 60, 'N' || :n, 40);",
    ),
)

OTHERS = (
    Call(
        "start_payment",
        "select * from mixpay.start_payment('m' || :m, 'R' || :k, 'P' || :n, 10, 'card');",
        "one line",
    ),
    Call(
        "succeed_payment",
        "select * from mixpay.succeed_payment('m' || :m, 'L' || :k, 'Y' || :k);",
        "pending",
        of_known(
            "succeed_payment('m' || :m, trade_no, 'L' || :k, 'card', 'Y' || :k, order_no, 10)",
            "'L' || :k",
        ),
    ),
    Call(
        "claim_channel_refunds, one",
        "select * from mixpay.claim_channel_refunds('m' || :m, 'worker', 1);",
        "due",
        of_known(
            "claim_channel_refunds('m' || :m, trade_no, channel_refund_no, 'worker')", "'W' || :k"
        ),
        guess=300,
    ),
    Call(
        "complete_channel_refund",
        "select * from mixpay.complete_channel_refund('m' || :m, "
        "(select channel_refund_no from public.known where key = 'V' || :k), 'Y' || :k);",
        "sent",
        of_known(
            "complete_channel_refund('m' || :m, trade_no, order_no, channel_refund_no, 'Y' || :k)",
            "'V' || :k",
        ),
        guess=500,
    ),
    Call(
        "release_order",
        "select * from mixpay.release_order('m' || :m, 'H' || :k, 'V' || :n, 10);",
        "in escrow",
        "select * from floor.release_order('m' || :m, 'H' || :k, 'H' || :k, 'V' || :n, 10, 'P');",
    ),
    Call(
        "settle_payee",
        "select * from mixpay.settle_payee('m' || :m, 'P' || :k, 'S' || :n, null);",
        "earned",
        "select * from floor.settle_payee('m' || :m, 'P' || :k, 'S' || :n, 100, 'CNY');",
        guess=300,
    ),
)
