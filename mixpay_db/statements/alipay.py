"""Alipay: the business bill and the account bill, in GBK between lines that begin with #."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar
from zoneinfo import ZoneInfo

from mixpay_db.money import from_units
from mixpay_db.statements.format import Options, cut_off, exact
from mixpay_db.statements.line import Line, Total, TotalsDiffer, as_signed, ours, told
from mixpay_db.statements.sheet import Cells, Sheet

_SUM = re.compile(r"#+\s*(\S+?)合计[:：]\s*([0-9]+)\s*笔(.*)")
_FIRST_AMOUNT = re.compile(r"共\s*([-+]?[0-9]+(?:\.[0-9]+)?)\s*元")
_BEIJING = ZoneInfo("Asia/Shanghai")


class _Bill(Sheet):
    zone = _BEIJING
    # The sums that its end names, and which of them must be there.
    sums: ClassVar[tuple[str, ...]]

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._counted = dict.fromkeys(self.sums, 0)
        self._added = dict.fromkeys(self.sums, 0)
        self._said: dict[str, tuple[str, str]] = {}
        self._is_over = False

    def aside(self, line_no: int, values: list[str]) -> bool:
        if super().aside(line_no, values):
            return True
        if not values[0].lstrip().startswith("#"):
            if self._is_over:
                raise TotalsDiffer(f"line {line_no} is a row after the end of the list")
            return False
        self._is_over = True
        text = ",".join(values).strip().rstrip(",")
        if found := _SUM.match(text):
            amount = _FIRST_AMOUNT.search(found[3])
            self._said[found[1]] = (found[2], amount[1] if amount else "0")
        return True

    def tally(self, name: str, amount: int) -> None:
        self._counted[name] += 1
        self._added[name] += amount

    def end(self) -> None:
        for name in self.sums:
            if name not in self._said:
                # A day without refunds may not name them.
                if self._counted[name] or not self._said:
                    raise cut_off(f"{name}合计 at its end")
                continue
            count, amount = self._said[name]
            self.totals.append(Total(f"{name}合计笔数", str(int(count)), str(self._counted[name])))
            added = exact(from_units(abs(self._added[name]), "CNY"))
            self.totals.append(Total(f"{name}合计", exact(amount.lstrip("+-")), added))


class BusinessBill(_Bill):
    name = "alipay"
    title = "Alipay business bill (业务明细)"
    sums = ("交易", "退款")
    columns: ClassVar = {
        "channel_txn_no": ("支付宝交易号",),
        "our_no": ("商户订单号",),
        "type": ("业务类型",),
        "goods": ("商品名称",),
        "created_at": ("创建时间",),
        "finished_at": ("完成时间",),
        "order_amount": ("订单金额(元)", "订单金额"),
        "amount": ("商家实收(元)", "商家实收"),
        "refund_no": ("退款批次号/请求号", "退款批次号", "退款请求号"),
        "fee": ("服务费(元)", "服务费"),
        "note": ("备注",),
    }
    required = ("channel_txn_no", "our_no", "type", "amount", "fee")
    kinds: ClassVar = {"交易": "payment", "退款": "refund"}

    def read(self, cells: Cells) -> Iterator[Line]:
        type_ = cells.text("type")
        kind = self.kinds.get(type_, "unknown")
        amount = cells.amount("amount", "CNY")
        if kind == "refund":
            amount = -abs(amount)
        is_refund = kind == "refund"
        txn_no, order_no = cells.number("channel_txn_no"), ours(cells.text("our_no"))
        buyers = cells.amount_or_zero("order_amount", "CNY")
        yield Line(
            line_no=cells.line_no,
            kind=as_signed(kind, amount),
            type=type_,
            amount=amount,
            currency="CNY",
            happened_at=self.moment(cells, "finished_at", "created_at"),
            fee=-cells.amount_or_zero("fee", "CNY"),
            channel_txn_no=None if is_refund else txn_no,
            our_no=ours(cells.text("refund_no")) if is_refund else order_no,
            of_channel_txn_no=txn_no if is_refund else None,
            of_our_no=order_no if is_refund else None,
            description=told(
                cells.text("goods"),
                cells.text("note"),
                f"订单金额 {cells.text('order_amount')}"
                if buyers and abs(buyers) != abs(amount)
                else "",
            ),
        )

    def count(self, cells: Cells, lines: Sequence[Line]) -> None:
        if cells.text("type") in self.kinds:
            self.tally(cells.text("type"), lines[0].amount)


class AccountBill(_Bill):
    name = "alipay-account"
    title = "Alipay account bill (账务明细)"
    sums = ("支出", "收入")
    columns: ClassVar = {
        "entry_no": ("账务流水号",),
        "channel_txn_no": ("业务流水号",),
        "our_no": ("商户订单号",),
        "goods": ("商品名称",),
        "at": ("发生时间",),
        "in": ("收入金额(+元)", "收入金额(元)", "收入金额"),
        "out": ("支出金额(-元)", "支出金额(元)", "支出金额"),
        "balance": ("账户余额(元)", "账户余额"),
        "type": ("业务类型",),
        "what": ("业务描述",),
        "note": ("备注",),
    }
    required = ("entry_no", "channel_txn_no", "our_no", "at", "in", "out")
    kinds: ClassVar = {
        "在线支付": "payment",
        "交易付款": "payment",
        "交易": "payment",
        "交易退款": "refund",
        "退款": "refund",
        "收费": "fee",
        "退费": "fee",
        "提现": "payout",
        "转账": "transfer",
        "分账": "transfer",
        "交易分账": "transfer",
    }

    def read(self, cells: Cells) -> Iterator[Line]:
        received = cells.amount_or_zero("in", "CNY")
        spent = abs(cells.amount_or_zero("out", "CNY"))
        if received < 0 or (received and spent):
            raise cells.bad(f"收入 is {cells.text('in')} and 支出 {cells.text('out')}")
        amount = received - spent
        type_ = cells.text("type")
        kind = self.kinds.get(type_, "unknown")
        is_payment = kind == "payment"
        txn_no, order_no = cells.number("channel_txn_no"), ours(cells.text("our_no"))
        is_about = kind in ("fee", "refund")
        yield Line(
            line_no=cells.line_no,
            kind=as_signed(kind, amount),
            type=type_ or ("支出" if amount < 0 else "收入"),
            amount=amount,
            currency="CNY",
            happened_at=self.moment(cells, "at"),
            channel_txn_no=txn_no if is_payment else cells.number("entry_no"),
            our_no=None if is_about else order_no,
            of_channel_txn_no=txn_no if is_about else None,
            of_our_no=order_no if is_about else None,
            description=told(cells.text("goods"), cells.text("what"), cells.text("note")),
        )

    def count(self, cells: Cells, lines: Sequence[Line]) -> None:  # noqa: ARG002
        amount = lines[0].amount
        if amount:
            self.tally("收入" if amount > 0 else "支出", amount)
