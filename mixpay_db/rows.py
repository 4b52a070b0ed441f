"""What the functions return: a row of a table or type, its columns by name.

Amounts are in the currency's smallest unit. `mixpay_db.money` makes them decimal.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Merchant:
    merchant_id: str
    title: str
    allocation: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Channel:
    channel: str
    title: str
    kind: str
    can_refund: bool
    can_refund_in_part: bool
    refund_window: timedelta | None
    max_refunds: int | None
    refund_interval: timedelta | None
    min_refund: int | None
    fallback_channel: str | None
    source: str | None
    is_limited: bool


@dataclass(frozen=True, slots=True)
class Payee:
    merchant_id: str
    payee_no: str
    title: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Trade:
    merchant_id: str
    trade_no: str
    currency: str
    amount: int
    paid: int
    refunded: int
    state: str
    allocation: str
    expires_at: datetime | None
    last_seq: int
    last_entry: int
    fifo_paid_at: datetime | None
    fifo_seq: int | None
    created_at: datetime
    kept: bool
    sweep_at: datetime | None


@dataclass(frozen=True, slots=True)
class Payment:
    merchant_id: str
    payment_no: str
    trade_no: str
    channel: str
    method: str | None
    recorded: bool
    asked: int
    amount: int
    applied: int
    surplus: int
    refunded: int
    surplus_refunded: int
    state: str
    channel_txn_no: str | None
    paid_at: datetime | None
    seq: int | None
    created_at: datetime
    spent: bool


@dataclass(frozen=True, slots=True)
class Refund:
    merchant_id: str
    refund_no: str
    kind: str
    order_no: str | None
    amount: int
    succeeded: int
    freed: int
    state: str
    payment_nos: list[str] | None
    reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ChannelRefund:
    merchant_id: str
    channel_refund_no: str
    refund_no: str
    payment_no: str
    channel: str
    amount: int
    state: str
    reason: str | None
    due_at: datetime | None
    worker: str | None
    attempts: int
    channel_txn_no: str | None
    refunded_at: datetime | None
    created_at: datetime
    not_before: datetime | None
    sent_at: datetime | None
    redirected_from: str | None


@dataclass(frozen=True, slots=True)
class RefundShare:
    """What one payment bears of a refund: amount, of the held that it could still bear before."""

    payment_no: str
    amount: int
    trade_no: str
    order_no: str
    channel: str
    paid_at: datetime
    seq: int
    held: int


@dataclass(frozen=True, slots=True)
class Route:
    merchant_id: str
    method: str
    channel: str
    currency: str
    priority: int
    weight: int
    min_amount: int | None
    max_amount: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RouteChoice:
    """A route as it is judged for one attempt to pay: its problem, or the points it stands for."""

    channel: str
    priority: int
    weight: int
    currency: str
    min_amount: int | None
    max_amount: int | None
    problem: str | None
    stands_from: int | None
    stands_to: int | None
    point: int | None
    chosen: bool


@dataclass(frozen=True, slots=True)
class DueMerchant:
    merchant_id: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class AnomalyResolution:
    merchant_id: str
    channel_refund_no: str
    resolution: str
    reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """A change of state; read on after its position."""

    merchant_id: str
    epoch: int
    xid: str
    trade_no: str
    entry: int
    position: str
    entity: str
    number: str
    from_state: str
    to_state: str
    amount: int | None
    reason: str | None
    payment_no: str | None
    order_no: str | None
    refund_no: str | None
    channel_refund_no: str | None
    happened_at: datetime
    created_at: datetime
