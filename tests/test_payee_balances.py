"""Each payee's money from end to end, in one view."""

import pytest
from shop import Row, Shop, on_hold, orders


def balances(shop: Shop) -> dict[str, dict[str, int]]:
    """Of each payee what is not zero."""
    rows = shop.query("select * from mixpay.payee_balances where merchant_id = %s", shop.merchant)
    columns = ["orders", "gross", "refunds", "fees", "shares", "net", "in_escrow", "payable"]
    columns += ["paid_out", "repaid", "receivers", "adjusted"]
    return {
        row.payee_no: {column: getattr(row, column) for column in columns if getattr(row, column)}
        for row in rows
    }


def test_several_sellers_in_one_trade(shop: Shop) -> None:
    """Paid once, and cleared order by order: what S, V and nobody sell in one trade."""
    for payee_no in ("S", "V"):
        shop.call("register_payee", payee_no, f"Store {payee_no}")
    a, b, c = orders(A=100, B=50, C=30)
    to_merge = [{**a, "payee_no": "S"}, {**b, "payee_no": "V"}, c, *on_hold("S", D=40)]
    shop.call("merge_orders", to_merge, "T")
    assert balances(shop) == {"S": {"orders": 2}, "V": {"orders": 1}}
    shop.pay("T", "P", 220)
    assert balances(shop) == {
        "S": {"orders": 2, "gross": 140, "net": 140, "in_escrow": 40, "payable": 100},
        "V": {"orders": 1, "gross": 50, "net": 50, "payable": 50},
    }

    # Of A, 10 % are the platform's and 5 are V's; of B, the bank takes 2 % and keeps them.
    platform = {"kind": "platform_fee", "receiver": "us", "rate": 1000}
    shop.rows("split_order", "A", "XA", [platform, {"kind": "payee", "receiver": "V", "fixed": 5}])
    fee = {"kind": "channel_fee", "receiver": "bank", "rate": 200, "kept_on_refund": True}
    shop.rows("split_order", "B", "XB", [fee])
    s = {"orders": 2, "gross": 140, "fees": 10, "receivers": 5, "net": 125}
    s |= {"in_escrow": 40, "payable": 85}
    v = {"orders": 1, "gross": 50, "fees": 1, "shares": 5, "net": 54, "payable": 54}
    assert balances(shop) == {"S": s, "V": v}

    # Of A's 20, the platform gives back 2 and V 1; of B's 30, the bank nothing.
    shop.refund("A", "RA", 20)
    shop.refund("B", "RB", 30)
    s |= {"refunds": 20, "fees": 8, "receivers": 4, "net": 108, "payable": 68}
    v |= {"refunds": 30, "shares": 4, "net": 23, "payable": 23}
    assert balances(shop) == {"S": s, "V": v}

    assert shop.settle("S1").amount == 68
    assert shop.settle("S2", "V").amount == 23
    del s["payable"], v["payable"]
    s["paid_out"], v["paid_out"] = 68, 23
    assert balances(shop) == {"S": s, "V": v}

    # What is refunded now, they owe.
    shop.refund("A", "RA2", 80)
    s |= {"refunds": 100, "net": 40, "payable": -68}
    v |= {"net": 19, "payable": -4}
    del s["fees"], s["receivers"], v["shares"]
    assert balances(shop) == {"S": s, "V": v}
    owing = shop.query("select owner, lacking, title from mixpay.shortfall_list order by owner")
    assert owing == [("S", 68, "Store S"), ("V", 4, "Store V")]

    shop.call("record_repayment", "payee:S", "B1", 68, "CNY")
    shop.call("release_order", "D", "L1")
    s |= {"repaid": 68, "payable": 40}
    del s["in_escrow"]
    assert balances(shop) == {"S": s, "V": v}

    shop.call("reverse_settlement", "S1", "no such account")
    s["payable"] = 108
    del s["paid_out"]
    assert balances(shop) == {"S": s, "V": v}
    assert shop.settle("S3").amount == 108
    assert shop.owns("order") == {"CNY": 30}


def test_is_the_same_when_balances_are_folded(shop: Shop) -> None:
    def fold() -> None:
        before = balances(shop)
        shop.until_final()
        assert shop.call("fold_balances").movements > 0
        assert balances(shop) == before

    shop.sell("A", 100)
    shop.sell("B", 50, "V")
    fold()
    shop.refund("A", "R", 30)
    shop.settle("S1")
    fold()
    shop.refund("A", "R2", 10)
    shop.call("reverse_settlement", "S1", "no such account")
    shop.call("record_repayment", "payee:S", "B1", 7, "CNY")
    fold()
    shop.sell("C", 1)
    assert balances(shop)["S"] == {
        "orders": 2, "gross": 101, "refunds": 40, "net": 61, "payable": 68, "repaid": 7
    }  # fmt: skip


def test_an_order_of_several_trades_counts_once(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")
    (deposit,) = orders(A=(100, 30))
    shop.call("merge_orders", [{**deposit, "payee_no": "S"}], "T1")
    shop.pay("T1", "P1", 30)
    (rest,) = orders(A=100)
    shop.call("merge_orders", [{**rest, "payee_no": "S"}], "T2")

    assert balances(shop) == {"S": {"orders": 1, "gross": 30, "net": 30, "payable": 30}}
    shop.pay("T2", "P2", 70)
    assert balances(shop) == {"S": {"orders": 1, "gross": 100, "net": 100, "payable": 100}}


def test_a_payee_without_orders_of_its_own(shop: Shop) -> None:
    for payee_no in ("V", "W", "X"):
        shop.call("register_payee", payee_no, payee_no)
    shop.merge("T", A=100)
    shop.pay("T", "P", 100)
    shares = [{"kind": "payee", "receiver": "V", "rate": 7000, "takes_remainder": False}]
    shop.rows(
        "split_order",
        "A",
        "X",
        [*shares, {"receiver": "agent", "takes_remainder": True}],
        "payment",
    )
    shop.call("record_repayment", "payee:W", "B1", 5, "CNY")

    assert balances(shop) == {
        "V": {"shares": 70, "net": 70, "payable": 70},
        "W": {"payable": 5, "repaid": 5},
    }


def test_e24_each_currency_by_itself(shop: Shop) -> None:
    shop.sell("A", 100)
    shop.sell("B", 70, currency="JPY")
    shop.settle("S1", currency="JPY")
    found = shop.query(
        "select currency, gross, payable, paid_out from mixpay.payee_balances order by currency"
    )
    assert found == [("CNY", 100, 100, 0), ("JPY", 70, 0, 70)]


def test_e28_each_merchant_by_itself(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    shop.sell("A", 100)
    other.sell("A", 7)
    other.until_final()
    other.call("fold_balances")

    assert [balances(each)["S"]["payable"] for each in (shop, other)] == [100, 7]


MANY, FEW = 3000, 10


@pytest.mark.fresh_database
class TestCost:
    """In buffers, which depend on neither the machine nor its load. The merchant has a payee MANY
    with many sales, each split, and FEW with some; all was settled and folded."""

    def test_nobody_reads_what_is_not_his(self, shop: Shop, subtests: pytest.Subtests) -> None:
        self.sell_and_settle(shop)
        for looks in (
            self.one_payees_balance_reads_its_own_rows,
            self.a_settlement_reads_what_came_since_the_last_one,
            self.a_settlement_reads_nobody_elses_movements,
        ):
            with subtests.test(looks.__name__):
                looks(shop)

    def sell_and_settle(self, shop: Shop) -> None:
        for payee_no, count in (("MANY", MANY), ("FEW", FEW)):
            shop.call("register_payee", payee_no, payee_no)
            self.sell(shop, payee_no, range(count))
            shop.settle(f"{payee_no}-0", payee_no, None, "CNY")
        shop.call("fold_balances")
        shop.conn.execute("vacuum analyze")
        # As if the tables were too large to be read.
        shop.conn.execute("set enable_seqscan = off")

    @staticmethod
    def sell(shop: Shop, payee_no: str, numbers: range) -> None:
        for start in range(numbers.start, numbers.stop, 500):
            batch = [f"{payee_no}{number}" for number in numbers[start - numbers.start :][:500]]
            trades = [
                {"trade_no": number, "orders": [{**order, "payee_no": payee_no}]}
                for number in batch
                for order in orders(**{number: 10})
            ]
            shop.rows("merge_many", trades)
            payments = [
                {"trade_no": number, "payment_no": number, "channel": "card", "amount": 10}
                for number in batch
            ]
            shop.rows("record_payments", payments)

    @staticmethod
    def buffers(shop: Shop, query: str) -> int:
        plan: Row = shop.query(f"explain (analyze, buffers, format json) {query}")[0][0][0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    def settling(self, shop: Shop, payee_no: str) -> int:
        """What it costs to settle three sales."""
        ((settled,),) = shop.query("select count(*) from mixpay.settlements")
        self.sell(shop, payee_no, range(MANY + 3 * settled, MANY + 3 * settled + 3))
        shop.until_final()
        number = f"{payee_no}-{settled}"
        call = f"mixpay.settle_payee('m', '{payee_no}', '{number}', null, 'CNY')"
        cost = self.buffers(shop, f"select * from {call}")
        assert shop.row("settlements", number).amount == 30
        return cost

    def a_settlement_reads_what_came_since_the_last_one(self, shop: Shop) -> None:
        # More than once: a session first makes its plans.
        many, few = (
            min(self.settling(shop, payee_no) for _ in range(3)) for payee_no in ("MANY", "FEW")
        )
        assert many <= few + 10

    def a_settlement_reads_nobody_elses_movements(self, shop: Shop) -> None:
        before = min(self.settling(shop, "FEW") for _ in range(3))
        self.sell(shop, "MANY", range(10 * MANY, 11 * MANY))

        # Here, too: statistics that are new meanwhile make it plan once more.
        assert min(self.settling(shop, "FEW") for _ in range(3)) <= before + 30

    def one_payees_balance_reads_its_own_rows(self, shop: Shop) -> None:
        query = "select * from mixpay.payee_balances where (merchant_id, payee_no) = ('m', 'FEW')"
        (row,) = shop.query(query)
        assert (row.orders, row.gross, row.paid_out) == (FEW, 10 * FEW, 10 * FEW)

        assert self.buffers(shop, query) < 20 * FEW


def test_a_receiver_may_have_a_payees_name(shop: Shop) -> None:
    """Its money is not the payee's, and what it owes nobody else owes."""
    shop.sell("A", 100)
    shop.sell("B", 100, "V")
    for order_no in ("A", "B"):
        shop.rows("split_order", order_no, f"X{order_no}", [{"receiver": "S", "rate": 1000}])
    s = {"orders": 1, "gross": 100, "receivers": 10, "net": 90, "payable": 90}
    assert balances(shop) == {"S": s, "V": s}

    shop.until_final()
    assert shop.call("settle_receiver", "S", "Z", None).amount == 20
    shop.refund("B", "R", 100)
    before = balances(shop)
    shop.call("adjust_account", "receiver:S", "J", -5, "CNY", "a fine", "fee:x")
    shop.call("adjust_account", "fee:x", "K", -8, "CNY", "too much", "receiver:S")
    shop.call("record_repayment", "receiver:S", "L", 4, "CNY")
    assert balances(shop) == before
    shortfalls = shop.query(
        "select account, owner, lacking, title from mixpay.shortfall_list order by account"
    )
    assert shortfalls == [("fee", "x", 3, None), ("receiver", "S", 3, None)]


def test_each_movement_of_a_trade_is_in_the_settlement_that_took_it(shop: Shop) -> None:
    shop.sell("A", 100)
    shop.sell("B", 30, currency="USD")
    # The payee gives all of it back, and has what is left of it when the agent has its part.
    shop.rows("split_order", "A", "X", [{"receiver": "agent", "rate": 1000}])
    # It has the trade's number, and is none of its movements.
    shop.call("adjust_account", "payee:S", "TA", 7, "CNY", "a gift")
    shop.settle("S1", currency="CNY")
    shop.refund("A", "R", 40)
    shop.sell("C", 50)
    shop.until_final()
    with shop.conn.transaction():
        # What its own transaction has written is for the next one.
        shop.sell("D", 5)
        shop.call("settle_payee", "S", "S2", None, "CNY")
    shop.settle("S5", currency="CNY")
    shop.settle("S3", currency="USD")
    shop.until_final()
    shop.call("settle_receiver", "agent", "S4", None)
    shop.refund("A", "R2", 10)

    rows = shop.query(
        "select trade_no, owner, settlement_no, currency, came_in, went_out, amount "
        "from mixpay.trade_settlements order by trade_no, settlement_no"
    )
    assert [tuple(row) for row in rows] == [
        ("TA", "S", "S1", "CNY", 190, 100, 90),
        ("TA", "S", "S2", "CNY", 0, 36, -36),
        ("TA", "agent", "S4", "CNY", 10, 4, 6),
        ("TB", "S", "S3", "USD", 30, 0, 30),
        ("TC", "S", "S2", "CNY", 50, 0, 50),
        ("TD", "S", "S5", "CNY", 5, 0, 5),
    ]
    lines = shop.query(
        "select settlement_no, kind, order_no, amount from mixpay.settlement_lines "
        "where settlement_no <> 'S3' order by settlement_no, kind desc, order_no"
    )
    assert [tuple(line) for line in lines] == [
        ("S1", "order", "A", 90),
        ("S1", "adjustment", None, 7),
        ("S2", "order", "A", -36),
        ("S2", "order", "C", 50),
        ("S4", "order", "A", 6),
        ("S5", "order", "D", 5),
    ]
