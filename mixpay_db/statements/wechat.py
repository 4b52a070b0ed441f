"""WeChat Pay: the trade bill and the fund bill."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import ClassVar
from zoneinfo import ZoneInfo

from mixpay_db.csvfile import Layout, Row
from mixpay_db.statements.format import Options, cut_off, exact
from mixpay_db.statements.line import (
    BadLine,
    Line,
    Total,
    TotalsDiffer,
    as_signed,
    ours,
    told,
    units,
)
from mixpay_db.statements.sheet import Cells, Sheet, plain

_BEIJING = ZoneInfo("Asia/Shanghai")
_FEN = Decimal("0.01")
_GIVEN_BACK = re.compile(r"退款总金额([0-9.]+)元[;；]含手续费([0-9.]+)元")


def _sum_of(line_no: int, name: str, text: str) -> Decimal:
    try:
        value = Decimal(text or "0")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or len(text) > 40 or "e" in text.lower():
        raise BadLine(line_no, f"{name} is no amount: {text[:40]!r}")
    return value


class _Bill(Sheet):
    """Fields that begin with a backtick, and two last lines that sum up all."""

    zone = _BEIJING
    # What the first column of the summary is called.
    summary: ClassVar[str]

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._names: list[str] | None = None
        self._said: dict[str, str] | None = None
        self.sums: dict[str, Decimal] = {}

    def layout(self, head: bytes) -> Layout:
        # Where the backtick comes first, there are no quotes but those of the texts.
        return Layout(quoted=b"\n`" not in head)

    def values(self, row: Row) -> list[str]:
        values = row.values
        if not values[0].lstrip().startswith("`"):
            return values
        while len(values) > 1 and not values[-1].strip():
            values = values[:-1]
        joined: list[str] = []
        for value in values:
            if value.lstrip().startswith("`"):
                joined.append(value.lstrip()[1:])
            else:
                # A comma of the text's own: every field begins with a backtick.
                joined[-1] += f",{value}"
        return joined

    def aside(self, line_no: int, values: list[str]) -> bool:
        if super().aside(line_no, values):
            return True
        if self._said is not None:
            raise TotalsDiffer(f"line {line_no} comes after the summary", "Two bills in one file?")
        if self._names is not None:
            names = [name for name in self._names if name]
            if len(values) < len(names):
                raise TotalsDiffer(f"line {line_no}: the summary has {len(values)} fields")
            self._said = dict(zip(names, map(str.strip, values), strict=False))
            return True
        if plain(values[0]) == self.summary:
            self._names = [plain(value) for value in values]
            return True
        return False

    def add(self, name: str, value: Decimal | int) -> None:
        self.sums[name] = self.sums.get(name, Decimal()) + value

    def end(self) -> None:
        if self._said is None:
            raise cut_off(f"summary ({self.summary}, …)")
        for name, said in self._said.items():
            if name in self.sums:
                text = str(_sum_of(0, name, said.removesuffix("%")).normalize())
                text = f"{Decimal(text):f}"
                self.totals.append(Total(name, exact(text), exact(f"{self.sums[name]:f}")))


class TradeBill(_Bill):
    name = "wechat"
    title = "WeChat Pay trade bill (交易账单)"
    summary = "总交易单数"
    columns: ClassVar = {
        "at": ("交易时间",),
        "channel_txn_no": ("微信订单号",),
        "our_no": ("商户订单号",),
        "state": ("交易状态",),
        "currency": ("货币种类",),
        "amount": ("应结订单金额", "总金额"),
        "order_amount": ("订单金额",),
        "refund_asked_at": ("退款申请时间",),
        "refunded_at": ("退款成功时间",),
        "channel_refund_no": ("微信退款单号",),
        "refund_no": ("商户退款单号",),
        "refund_amount": ("退款金额",),
        "voucher_refund": ("充值券退款金额", "企业红包退款金额", "代金券或立减优惠退款金额"),
        "refund_asked": ("申请退款金额",),
        "refund_state": ("退款状态",),
        "goods": ("商品名称",),
        "fee": ("手续费",),
        "rate": ("费率",),
    }
    required = ("at", "channel_txn_no", "our_no", "state", "currency", "amount", "fee")
    kinds: ClassVar = {"SUCCESS": "payment", "REFUND": "refund", "REVOKED": "refund"}

    _SUMS: ClassVar = {
        "应结订单总金额": "amount",
        "总交易额": "amount",
        "退款总金额": "refund_amount",
        "总退款金额": "refund_amount",
        "充值券退款总金额": "voucher_refund",
        "总企业红包退款金额": "voucher_refund",
        "总代金券或立减优惠退款金额": "voucher_refund",
        "手续费总金额": "fee",
        "订单总金额": "order_amount",
        "申请退款总金额": "refund_asked",
    }
    _REFUND_STATES: ClassVar = {
        "SUCCESS": "succeeded",
        "": "processing",
        "PROCESSING": "processing",
        "CHANGE": "failed",
        "CLOSED": "failed",
        "FAIL": "failed",
        "ABNORMAL": "failed",
    }

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.sums = {"总交易单数": Decimal(), **{name: Decimal() for name in self._SUMS}}

    def read(self, cells: Cells) -> Iterator[Line]:
        currency = cells.text("currency")
        type_ = cells.text("state")
        kind = self.kinds.get(type_, "unknown")
        amount = cells.amount("amount", currency)
        refunded = cells.amount_or_zero("refund_amount", currency)
        state = "succeeded"
        if kind == "refund":
            amount = -refunded
            state = self._REFUND_STATES.get(cells.text("refund_state"), "")
            if not state:
                kind, state = "unknown", "processing"
        elif refunded:
            # A payment of which the row says a refund as well is neither.
            kind, amount = "unknown", amount - refunded
        is_refund = kind == "refund" or bool(_unless_zero(cells, "channel_refund_no"))
        payment_no, refund_no = cells.number("our_no"), _unless_zero(cells, "refund_no")
        txn_no, refund_txn_no = (
            cells.number("channel_txn_no"),
            _unless_zero(cells, "channel_refund_no"),
        )
        buyers = cells.amount_or_zero("refund_asked" if is_refund else "order_amount", currency)
        yield Line(
            line_no=cells.line_no,
            kind=as_signed(kind, amount),
            type=type_,
            amount=amount,
            currency=currency,
            happened_at=(
                self.moment(cells, "refunded_at", "refund_asked_at", "at")
                if is_refund
                else self.moment(cells, "at")
            ),
            fee=self._fee(cells, currency),
            channel_txn_no=refund_txn_no if is_refund else txn_no,
            our_no=ours(refund_no or "") if is_refund else ours(payment_no or ""),
            of_channel_txn_no=txn_no if is_refund else None,
            of_our_no=ours(payment_no or "") if is_refund else None,
            state=state,
            description=told(
                cells.text("goods"),
                f"订单金额 {cells.text('refund_asked' if is_refund else 'order_amount')}"
                if buyers and buyers != abs(amount)
                else "",
            ),
        )

    def _fee(self, cells: Cells, currency: str) -> int:
        """Five decimals, rounded half up to the fen."""
        exact_fee = _sum_of(cells.line_no, "fee", cells.text("fee"))
        fee = exact_fee.quantize(_FEN, "ROUND_HALF_UP")
        if abs(fee) > Decimal(10**13):
            raise cells.bad("fee is too large")
        if currency != "CNY" and fee != exact_fee:
            raise cells.bad(f"fee {exact_fee} is of no unit of {currency}")
        return int(fee.scaleb(2))

    def count(self, cells: Cells, lines: Sequence[Line]) -> None:  # noqa: ARG002
        self.add("总交易单数", 1)
        for name, column in self._SUMS.items():
            if cells.has(column):
                self.add(name, _sum_of(cells.line_no, column, cells.text(column)))
            else:
                self.sums.pop(name, None)


def _unless_zero(cells: Cells, name: str) -> str | None:
    found = cells.number(name)
    return None if found == "0" else found


class FundBill(_Bill):
    name = "wechat-fund"
    title = "WeChat Pay fund bill (资金账单)"
    summary = "资金流水总笔数"
    columns: ClassVar = {
        "at": ("记账时间",),
        "business_no": ("微信支付业务单号",),
        "flow_no": ("资金流水单号",),
        "business": ("业务名称",),
        "type": ("业务类型",),
        "direction": ("收支类型",),
        "amount": ("收支金额(元)", "收支金额"),
        "balance": ("账户结余(元)", "账户结余"),
        "note": ("备注",),
        "our_no": ("业务凭证号",),
    }
    required = ("at", "business_no", "flow_no", "type", "direction", "amount", "our_no")
    kinds: ClassVar = {
        "交易": "payment",
        "退款": "refund",
        "退款关闭": "refund_reversal",
        "扣除交易手续费": "fee",
        "退还交易手续费": "fee",
        "提现": "payout",
        "充值": "transfer",
        "企业付款": "transfer",
        "分账": "transfer",
    }

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.sums = {
            name: Decimal()
            for name in (self.summary, "收入笔数", "收入金额", "支出笔数", "支出金额")
        }

    def read(self, cells: Cells) -> Iterator[Line]:
        direction, type_ = cells.text("direction"), cells.text("type")
        amount = cells.amount("amount", "CNY")
        if direction not in ("收入", "支出") or amount < 0:
            raise cells.bad(f"收支类型 is {direction!r}, 收支金额 {cells.text('amount')}")
        signed = amount if direction == "收入" else -amount
        kind = self.kinds.get(type_) or self.kinds.get(cells.text("business"), "unknown")
        if kind == "unknown" and cells.text("business") == "充值/提现":
            kind = "payout" if signed < 0 else "transfer"
        is_fee = kind == "fee"
        fee = None
        if kind == "refund" and (note := _GIVEN_BACK.search(cells.text("note"))):
            total, given_back = (
                units(cells.line_no, "note", text, "CNY") for text in (note[1], note[2])
            )
            # What left the account is less than the refund by the fee that came back.
            if total - given_back == amount:
                signed, fee = -total, -given_back
        business_no, our_no = cells.number("business_no"), ours(cells.text("our_no"))
        yield Line(
            line_no=cells.line_no,
            kind=as_signed(kind, signed),
            type=type_,
            amount=signed,
            currency="CNY",
            happened_at=self.moment(cells, "at"),
            fee=fee,
            channel_txn_no=cells.number("flow_no") if is_fee else business_no,
            our_no=None if is_fee else our_no,
            of_channel_txn_no=business_no if is_fee else None,
            of_our_no=our_no if is_fee else None,
            description=told(cells.text("business"), cells.text("note")),
        )

    def count(self, cells: Cells, lines: Sequence[Line]) -> None:  # noqa: ARG002
        way = "收入" if cells.text("direction") == "收入" else "支出"
        self.add(self.summary, 1)
        self.add(f"{way}笔数", 1)
        self.add(f"{way}金额", _sum_of(cells.line_no, "amount", cells.text("amount")))
