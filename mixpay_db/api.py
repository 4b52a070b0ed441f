"""The calls, one for each public SQL function, on your own psycopg connection.

    with psycopg.connect(url) as conn:
        trade = merge_orders(conn, "mall", [{"order_no": "A", "amount": 100, "currency": "CNY"}])

On a `psycopg.AsyncConnection` each has to be awaited. The transaction is yours: nothing commits.
What is left out is left to the server. What is refused is raised as a class of `mixpay_db.errors`.
"""
# The bodies are empty because `call` makes the signature run.
# mypy: disable-error-code="empty-body"

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NotRequired, TypedDict

from mixpay_db.calls import call
from mixpay_db.rows import (
    AccountTotal,
    Adjustment,
    AnomalyResolution,
    BalanceFold,
    Channel,
    ChannelFee,
    ChannelPayout,
    ChannelRefund,
    Chargeback,
    ClosedPeriod,
    Dispute,
    DueMerchant,
    Event,
    Merchant,
    Note,
    NoteValue,
    Order,
    Payee,
    Payment,
    ReconciledAccount,
    Reconciliation,
    Refund,
    RefundShare,
    Release,
    Repayment,
    Resolution,
    Return,
    Route,
    RouteChoice,
    Settlement,
    SettlementAttempt,
    SplitList,
    Statement,
    StatementLine,
    Trade,
)


class OrderToMerge(TypedDict):
    order_no: str
    amount: int
    currency: str
    payee_no: NotRequired[str | None]
    pay: NotRequired[int | None]
    hold: NotRequired[bool | datetime | str | None]


class TradeToMerge(TypedDict):
    trade_no: NotRequired[str | None]
    expires_at: NotRequired[datetime | str | None]
    orders: Sequence[OrderToMerge]


class PaymentToRecord(TypedDict):
    trade_no: str
    payment_no: str
    channel: str
    amount: int
    paid_at: NotRequired[datetime | str | None]
    channel_txn_no: NotRequired[str | None]
    captures: NotRequired[str | None]


class PaymentToSucceed(TypedDict):
    payment_no: str
    channel_txn_no: NotRequired[str | None]
    paid_at: NotRequired[datetime | str | None]
    amount: NotRequired[int | None]


class RefundToMake(TypedDict):
    order_no: str
    refund_no: str
    amount: int
    reason: NotRequired[str | None]
    payment_nos: NotRequired[Sequence[str] | None]


class Completion(TypedDict):
    channel_refund_no: str
    channel_txn_no: NotRequired[str | None]
    refunded_at: NotRequired[datetime | str | None]


class ShareToSplit(TypedDict):
    kind: NotRequired[str | None]
    receiver: str
    fixed: NotRequired[int | None]
    rate: NotRequired[int | None]
    takes_remainder: NotRequired[bool | None]
    kept_on_refund: NotRequired[bool | None]


class LineToLoad(TypedDict):
    line_no: int
    part: NotRequired[str | None]
    kind: str
    type: NotRequired[str | None]
    amount: int
    currency: str
    fee: NotRequired[int | None]
    happened_at: datetime | str
    channel_txn_no: NotRequired[str | None]
    our_no: NotRequired[str | None]
    of_channel_txn_no: NotRequired[str | None]
    of_our_no: NotRequired[str | None]
    batch_no: NotRequired[str | None]
    state: NotRequired[str | None]
    description: NotRequired[str | None]


class TotalToSeal(TypedDict):
    currency: str
    amount: NotRequired[int | None]
    fee: NotRequired[int | None]


@call
def register_merchant(merchant_id: str, title: str, allocation: str = "fifo") -> Merchant: ...


@call
def register_channel(
    channel: str,
    title: str,
    kind: str,
    can_refund: bool = True,
    can_refund_in_part: bool = True,
    refund_window: timedelta | None = None,
    max_refunds: int | None = None,
    refund_interval: timedelta | None = None,
    min_refund: int | None = None,
    fallback_channel: str | None = None,
    source: str | None = None,
    txn_numbers: str = "unique",
    day_zone: str = "UTC",
    refund_to_money: bool = False,
) -> Channel: ...


@call
def register_payee(merchant_id: str, payee_no: str, title: str) -> Payee: ...


@call
def set_route(
    merchant_id: str,
    method: str,
    channel: str,
    priority: int = 100,
    weight: int = 1,
    currency: str | None = None,
    min_amount: int | None = None,
    max_amount: int | None = None,
) -> Route: ...


@call
def explain_route(
    merchant_id: str, method: str, currency: str, amount: int, payment_no: str
) -> list[RouteChoice]: ...


@call
def merge_many(merchant_id: str, trades: Sequence[TradeToMerge]) -> list[Trade]: ...


@call
def merge_orders(
    merchant_id: str,
    orders: Sequence[OrderToMerge],
    trade_no: str | None = None,
    expires_at: datetime | None = None,
) -> Trade: ...


@call
def start_payment(
    merchant_id: str,
    trade_no: str,
    payment_no: str,
    amount: int,
    channel: str | None = None,
    method: str | None = None,
) -> Payment: ...


@call
def authorize_payment(
    merchant_id: str,
    payment_no: str,
    channel_txn_no: str | None,
    expires_at: datetime | None = None,
    amount: int | None = None,
) -> Payment: ...


@call
def succeed_payment(
    merchant_id: str,
    payment_no: str,
    channel_txn_no: str | None,
    paid_at: datetime | None = None,
    amount: int | None = None,
) -> Payment: ...


@call
def fail_payment(merchant_id: str, payment_no: str, reason: str) -> Payment: ...


@call
def record_payment(
    merchant_id: str,
    trade_no: str,
    payment_no: str,
    channel: str,
    amount: int,
    paid_at: datetime | None = None,
    channel_txn_no: str | None = None,
    captures: str | None = None,
) -> Payment: ...


@call
def record_payments(merchant_id: str, payments: Sequence[PaymentToRecord]) -> list[Payment]: ...


@call
def succeed_payments(merchant_id: str, payments: Sequence[PaymentToSucceed]) -> list[Payment]: ...


@call
def close_trade(merchant_id: str, trade_no: str, reason: str, keep_paid: bool = False) -> Trade: ...


@call
def cancel_order(merchant_id: str, trade_no: str, order_no: str, reason: str) -> Trade: ...


@call
def expire_trades(merchant_id: str, limit: int = 1000) -> list[Trade]: ...


@call
def reprice_order(
    merchant_id: str, order_no: str, reprice_no: str, amount: int, reason: str
) -> Order: ...


@call
def preview_refund(merchant_id: str, order_no: str, amount: int) -> list[RefundShare]: ...


@call
def refund_order(
    merchant_id: str,
    order_no: str,
    refund_no: str,
    amount: int,
    reason: str | None = None,
    payment_nos: Sequence[str] | None = None,
) -> Refund: ...


@call
def refund_orders(merchant_id: str, refunds: Sequence[RefundToMake]) -> list[Refund]: ...


@call
def record_refund(
    merchant_id: str,
    order_no: str,
    refund_no: str,
    amount: int,
    channel: str,
    refunded_at: datetime | None = None,
    reason: str | None = None,
) -> Refund: ...


@call
def release_order(
    merchant_id: str, order_no: str, release_no: str, amount: int | None = None
) -> Release: ...


@call
def release_due(merchant_id: str, limit: int = 1000) -> list[Release]: ...


@call
def open_dispute(
    merchant_id: str, order_no: str, dispute_no: str, reason: str | None = None
) -> Dispute: ...


@call
def close_dispute(
    merchant_id: str,
    dispute_no: str,
    outcome: str,
    reason: str | None = None,
    amount: int | None = None,
) -> Dispute: ...


@call
def split_order(
    merchant_id: str,
    order_no: str,
    split_no: str,
    shares: Sequence[ShareToSplit],
    takes_place: str | None = None,
) -> list[SplitList]: ...


@call
def due_merchants(
    after: str | None = None, limit: int = 100, channels: Sequence[str] | None = None
) -> list[DueMerchant]: ...


@call
def claim_channel_refunds(
    merchant_id: str,
    worker: str,
    limit: int = 100,
    lease: timedelta = timedelta(minutes=1),
    channels: Sequence[str] | None = None,
) -> list[ChannelRefund]: ...


@call
def complete_channel_refund(
    merchant_id: str,
    channel_refund_no: str,
    channel_txn_no: str | None,
    refunded_at: datetime | None = None,
) -> ChannelRefund: ...


@call
def complete_channel_refunds(
    merchant_id: str, completions: Sequence[Completion]
) -> list[ChannelRefund]: ...


@call
def record_channel_refund(
    merchant_id: str,
    order_no: str,
    refund_no: str,
    amount: int,
    payment_no: str,
    channel_txn_no: str | None = None,
    refunded_at: datetime | None = None,
    reason: str | None = None,
) -> Refund: ...


@call
def doubt_channel_refund(
    merchant_id: str,
    channel_refund_no: str,
    reason: str,
    worker: str | None = None,
    retry_after: timedelta | None = None,
) -> ChannelRefund: ...


@call
def fail_channel_refund(
    merchant_id: str, channel_refund_no: str, reason: str, worker: str | None = None
) -> ChannelRefund: ...


@call
def defer_channel_refund(
    merchant_id: str,
    channel_refund_no: str,
    reason: str,
    not_before: datetime | None = None,
    worker: str | None = None,
) -> ChannelRefund: ...


@call
def bounce_channel_refund(
    merchant_id: str,
    channel_refund_no: str,
    reason: str,
    channel_txn_no: str | None = None,
    bounced_at: datetime | None = None,
) -> ChannelRefund: ...


@call
def write_off(merchant_id: str, channel_refund_no: str, reason: str) -> ChannelRefund: ...


@call
def redirect_channel_refund(
    merchant_id: str, channel_refund_no: str, channel: str, reason: str
) -> ChannelRefund: ...


@call
def resolve_anomaly(
    merchant_id: str,
    channel_refund_no: str,
    resolution: str,
    reason: str,
    nth: int | None = None,
    recovered_at: datetime | None = None,
) -> AnomalyResolution: ...


@call
def return_payment(
    merchant_id: str,
    payment_no: str,
    return_no: str,
    reason: str,
    amount: int | None = None,
    returned_at: datetime | None = None,
) -> Return: ...


@call
def charge_back_payment(
    merchant_id: str,
    payment_no: str,
    chargeback_no: str,
    amount: int,
    reason: str,
    fee: int = 0,
    charged_at: datetime | None = None,
    order_no: str | None = None,
) -> Chargeback: ...


@call
def reverse_chargeback(
    merchant_id: str,
    chargeback_no: str,
    reason: str,
    amount: int | None = None,
    at: datetime | None = None,
) -> Chargeback: ...


@call
def account_balance(
    merchant_id: str, account: str, at: datetime | None = None
) -> list[AccountTotal]: ...


@call
def account_statement(
    merchant_id: str, account: str, after: datetime | None = None, until: datetime | None = None
) -> list[StatementLine]: ...


@call
def trial_balance(merchant_id: str, at: datetime | None = None) -> list[AccountTotal]: ...


@call
def fold_balances(merchant_id: str) -> BalanceFold: ...


@call
def close_period(
    merchant_id: str, until: datetime, wait: timedelta = timedelta(seconds=10)
) -> ClosedPeriod: ...


@call
def settle_payee(
    merchant_id: str,
    payee_no: str,
    settlement_no: str,
    until: datetime | None,
    currency: str | None = None,
    bank: str = "main",
    min_horizon: datetime | None = None,
) -> Settlement: ...


@call
def settle_receiver(
    merchant_id: str,
    receiver: str,
    settlement_no: str,
    until: datetime | None,
    currency: str | None = None,
    bank: str = "main",
    min_horizon: datetime | None = None,
) -> Settlement: ...


@call
def settle_all(
    merchant_id: str, until: datetime | None = None, limit: int = 1000, bank: str = "main"
) -> list[SettlementAttempt]: ...


@call
def reverse_settlement(
    merchant_id: str,
    settlement_no: str,
    reason: str,
    reversed_at: datetime | None = None,
    nth: int | None = None,
) -> Settlement: ...


@call
def reinstate_settlement(
    merchant_id: str, settlement_no: str, reason: str, nth: int | None = None
) -> Settlement: ...


@call
def record_repayment(
    merchant_id: str,
    account: str,
    repayment_no: str,
    amount: int,
    currency: str,
    repaid_at: datetime | None = None,
    reason: str | None = None,
    bank: str = "main",
) -> Repayment: ...


@call
def adjust_account(
    merchant_id: str,
    account: str,
    adjustment_no: str,
    amount: int,
    currency: str,
    reason: str | None,
    against: str = "fee:adjustment",
) -> Adjustment: ...


@call
def record_channel_fee(
    merchant_id: str,
    channel: str,
    fee_no: str,
    amount: int,
    currency: str,
    payment_no: str | None = None,
    reason: str | None = None,
    charged_at: datetime | None = None,
) -> ChannelFee: ...


@call
def record_channel_payout(
    merchant_id: str,
    channel: str,
    payout_no: str,
    amount: int,
    currency: str,
    paid_at: datetime | None = None,
    bank: str = "main",
) -> ChannelPayout: ...


@call
def set_reconciliation(
    merchant_id: str,
    account: str,
    tolerance: int | None = None,
    lag: timedelta | None = None,
    fee_rate: int | None = None,
    fee_fixed: int | None = None,
    write_off_limit: int | None = None,
    zone: str | None = None,
) -> ReconciledAccount: ...


@call
def open_statement(
    merchant_id: str,
    statement_no: str,
    account: str,
    from_at: datetime | None = None,
    until_at: datetime | None = None,
    format: str = "lines",  # noqa: A002
) -> Statement: ...


@call
def load_statement_lines(
    merchant_id: str, statement_no: str, lines: Sequence[LineToLoad]
) -> Statement: ...


@call
def seal_statement(
    merchant_id: str,
    statement_no: str,
    line_count: int,
    totals: Sequence[TotalToSeal] | None = None,
) -> Statement: ...


@call
def reconcile(
    merchant_id: str,
    statement_no: str,
    dry_run: bool = False,
    tolerance: int | None = None,
    lag: timedelta | None = None,
) -> list[Reconciliation]: ...


@call
def book_line(
    merchant_id: str,
    resolution_no: str,
    statement_no: str,
    line_no: int,
    by: str,
    part: str = "",
    number: str | None = None,
    trade_no: str | None = None,
    payment_no: str | None = None,
    order_no: str | None = None,
    account: str | None = None,
    reason: str | None = None,
) -> Resolution: ...


@call
def mark_received(
    merchant_id: str,
    resolution_no: str,
    by: str,
    account: str,
    kind: str,
    number: str,
    reason: str | None = None,
) -> Resolution: ...


@call
def write_off_difference(
    merchant_id: str,
    resolution_no: str,
    by: str,
    reason: str | None,
    statement_no: str | None = None,
    line_no: int | None = None,
    part: str = "",
    account: str | None = None,
    kind: str | None = None,
    number: str | None = None,
) -> Resolution: ...


@call
def ignore_difference(
    merchant_id: str,
    resolution_no: str,
    by: str,
    reason: str | None,
    statement_no: str | None = None,
    line_no: int | None = None,
    part: str = "",
    account: str | None = None,
    kind: str | None = None,
    number: str | None = None,
) -> Resolution: ...


@call
def take_back_resolution(
    merchant_id: str, resolution_no: str, takes_back: str, by: str, reason: str | None = None
) -> Resolution: ...


@call
def withdraw_statement(
    merchant_id: str, resolution_no: str, statement_no: str, by: str, reason: str | None
) -> Resolution: ...


@call
def read_events(merchant_id: str, after: str | None = None, limit: int = 100) -> list[Event]: ...


@call
def annotate(
    merchant_id: str, entity: str, number: str, notes: Mapping[str, NoteValue | None]
) -> Note: ...
