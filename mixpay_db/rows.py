"""What the functions return: a row of a table or type, its columns by name.

Amounts are in the currency's smallest unit. `mixpay_db.money` makes them decimal.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

# What a note may be.
NoteValue = str | int | float | bool


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
    txn_numbers: str
    day_zone: str
    refund_to_money: bool


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
    keeps_paid: bool
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
    authorized: int | None
    authorization_no: str | None
    authorization_expires_at: datetime | None
    voided_at: datetime | None
    captures: str | None
    txn_day: date | None


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
    return_no: str | None
    chargeback_no: str | None


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
    cleared: int
    nth: int
    bounced_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefundShare:
    """What one payment bears of a refund: amount; refundable is what it could bear before."""

    payment_no: str
    amount: int
    trade_no: str
    order_no: str
    channel: str
    paid_at: datetime
    seq: int
    refundable: int


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
    nth: int
    recovered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Order:
    merchant_id: str
    order_no: str
    payee_no: str | None
    currency: str
    amount: int
    merge_count: int
    created_at: datetime
    changes_on_record: bool


@dataclass(frozen=True, slots=True)
class Note:
    """The caller's own notes about something that has a number."""

    merchant_id: str
    entity: str
    number: str
    notes: dict[str, NoteValue]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Release:
    merchant_id: str
    release_no: str
    order_no: str
    amount: int
    was_due: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Dispute:
    merchant_id: str
    dispute_no: str
    order_no: str
    state: str
    outcome: str | None
    reason: str | None
    closing_reason: str | None
    refund_no: str | None
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SplitList:
    """A receiver of a split: what was agreed, and what it has of the order."""

    merchant_id: str
    split_no: str
    position: int
    order_no: str
    kind: str
    receiver: str
    fixed: int
    rate: int
    takes_remainder: bool
    kept_on_refund: bool
    takes_place: str
    amount: int
    taken_back: int
    balance: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AccountTotal:
    """What an account holds in one currency."""

    account: str
    owner: str
    currency: str
    came_in: int
    went_out: int
    balance: int


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A movement of an account, above zero what came in, with the balance after it."""

    account: str
    owner: str
    currency: str
    created_at: datetime
    happened_at: datetime
    source: str
    number: str
    entry: int
    cause: str
    cause_no: str
    other_account: str
    other_owner: str | None
    amount: int
    balance: int


@dataclass(frozen=True, slots=True)
class BalanceFold:
    """A stretch of the journal that is summed up."""

    merchant_id: str
    fold: int
    from_epoch: int
    from_xid: str
    until_epoch: int
    until_xid: str
    movements: int
    earliest_at: datetime | None
    latest_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    merchant_id: str
    until_at: datetime
    epoch: int
    seen: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    merchant_id: str
    settlement_no: str
    account: str
    owner: str
    currency: str
    nth: int
    until_at: datetime
    from_epoch: int
    from_xid: str
    until_epoch: int
    until_xid: str
    carried_in: int
    earned: int
    amount: int
    carried_out: int
    state: str
    reason: str | None
    created_at: datetime
    reversed_at: datetime | None
    last_entry: int
    payee_no: str | None
    bank: str | None
    left_out: int
    waits_for: str | None


@dataclass(frozen=True, slots=True)
class SettlementAttempt:
    """What settle_all did with an account: what it paid out."""

    account: str
    owner: str
    currency: str
    settlement_no: str
    amount: int
    until_at: datetime
    left_out: int
    waits_for: str | None


@dataclass(frozen=True, slots=True)
class Return:
    """Money of a payment that came back: what it paid is to be paid again."""

    merchant_id: str
    return_no: str
    payment_no: str
    amount: int
    unapplied: int
    lost: int
    reason: str | None
    returned_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Chargeback:
    """Money of a payment that its channel took back for the buyer."""

    merchant_id: str
    chargeback_no: str
    payment_no: str
    order_no: str | None
    amount: int
    fee: int
    lost: int
    reversed: int
    state: str
    reason: str | None
    reversal_reason: str | None
    charged_at: datetime
    reversed_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Repayment:
    """Money that was brought in for an account that lacked some."""

    merchant_id: str
    repayment_no: str
    account: str
    owner: str
    amount: int
    currency: str
    reason: str | None
    repaid_at: datetime
    created_at: datetime
    bank: str | None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Money that moved between two accounts because somebody said so."""

    merchant_id: str
    adjustment_no: str
    account: str
    owner: str
    against_account: str
    against_owner: str
    amount: int
    currency: str
    reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ChannelFee:
    """What a channel took for its service; below zero, what it gave back of that."""

    merchant_id: str
    fee_no: str
    channel: str
    amount: int
    currency: str
    payment_no: str | None
    reason: str | None
    charged_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ChannelPayout:
    """What a channel paid to a bank of ours."""

    merchant_id: str
    payout_no: str
    channel: str
    amount: int
    currency: str
    bank: str
    paid_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ReconciledAccount:
    """A channel or bank whose statements are loaded, and how they are compared."""

    merchant_id: str
    account: str
    owner: str
    zone: str
    tolerance: int
    lag: timedelta
    fee_rate: int | None
    fee_fixed: int
    write_off_limit: int
    last_run: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Statement:
    """What a channel or a bank says of our account there."""

    merchant_id: str
    statement_no: str
    account: str
    owner: str
    format: str
    from_at: datetime | None
    until_at: datetime | None
    line_count: int
    sealed_at: datetime | None
    reconciled_at: datetime | None
    created_at: datetime
    resolution_no: str | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How many lines, or of ours, have a result, and what they sum to."""

    side: str
    result: str
    was: str | None
    kind: str | None
    currency: str | None
    count: int
    theirs: int
    ours: int


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person did about a difference."""

    merchant_id: str
    resolution_no: str
    account: str
    owner: str
    statement_no: str | None
    line_no: int | None
    part: str | None
    kind: str | None
    number: str | None
    action: str
    amount: int
    takes_back: str | None
    resolved_by: str
    session: str
    reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """A change of state; read on after its position."""

    merchant_id: str
    epoch: int
    xid: str
    trade_no: str | None
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
    log: str
    log_no: str
