"""Stripe: balance activity and payout reconciliation, itemised."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import ClassVar

from mixpay_db.statements.format import at
from mixpay_db.statements.line import Line, as_signed, ours, told
from mixpay_db.statements.sheet import Cells, Sheet


class BalanceActivity(Sheet):
    name = "stripe"
    title = "Stripe balance activity or payout reconciliation, itemised"
    columns: ClassVar = {
        "entry_no": ("balance_transaction_id",),
        "source_no": ("source_id",),
        "charge_no": ("charge_id",),
        "created_utc": ("created_utc",),
        "created": ("created", "effective_at_utc", "effective_at"),
        "currency": ("currency",),
        "gross": ("gross",),
        "fee": ("fee",),
        "net": ("net",),
        "type": ("reporting_category",),
        "batch_no": ("automatic_payout_id",),
        "description": ("description",),
        "payment_no": (
            "payment_metadata[payment_no]",
            "payment_metadata[order_no]",
            "payment_metadata[order_id]",
        ),
        "refund_no": (
            "refund_metadata[channel_refund_no]",
            "refund_metadata[refund_no]",
        ),
    }
    required = ("entry_no", "currency", "gross", "type")
    kinds: ClassVar = {
        "charge": "payment",
        "refund": "refund",
        "refund_failure": "refund_reversal",
        "payment_failure_refund": "return",
        "dispute": "chargeback",
        "dispute_reversal": "chargeback_reversal",
        "fee": "fee",
        "network_cost": "fee",
        "tax": "fee",
        "payout": "payout",
        "payout_reversal": "payout_reversal",
        "transfer": "transfer",
        "transfer_reversal": "transfer",
        "topup": "transfer",
        "topup_reversal": "transfer",
        "platform_earning": "transfer",
        "platform_earning_refund": "transfer",
        "partial_capture_reversal": "adjustment",
        "other_adjustment": "adjustment",
        "adjustment": "adjustment",
        "risk_reserved_funds": "other",
    }

    def read(self, cells: Cells) -> Iterator[Line]:
        currency = cells.text("currency").upper()
        type_ = cells.text("type")
        amount = cells.amount("gross", currency)
        fee = cells.amount_or_zero("fee", currency) if cells.has("fee") else None
        if cells.text("net"):
            net = cells.amount("net", currency)
            if net != amount - (fee or 0):
                raise cells.bad(
                    f"net is {cells.text('net')}, gross {cells.text('gross')}, "
                    f"fee {cells.text('fee') or 'empty'}"
                )
        kind = self.kinds.get(type_, "unknown")
        source_no, charge_no = cells.number("source_no"), cells.number("charge_no")
        payment_no = ours(cells.text("payment_no"))
        is_payment = kind == "payment"
        utc = cells.text("created_utc")
        yield Line(
            line_no=cells.line_no,
            kind=as_signed(kind, amount),
            type=type_,
            amount=amount,
            currency=currency,
            happened_at=(
                at(cells.line_no, "created_utc", utc, UTC) if utc else self.moment(cells, "created")
            ),
            fee=fee,
            channel_txn_no=(
                source_no
                if source_no and (is_payment or source_no != charge_no)
                else cells.number("entry_no")
            ),
            our_no=payment_no if is_payment else ours(cells.text("refund_no")),
            of_channel_txn_no=None if is_payment else charge_no,
            of_our_no=None if is_payment else payment_no,
            batch_no=cells.number("batch_no"),
            description=told(cells.text("description")),
        )
