from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import psycopg
import pytest
from books import Books, agree, clock, fold, let_folds_be_small, told
from psycopg import Connection
from shop import (
    Row,
    Shop,
    open_for_a_third_week,
    open_for_a_week,
    open_for_another_week,
    orders,
)

from mixpay_db.cli.events import raise_epoch

Connect = Callable[..., Connection[Any]]


def folds(shop: Shop) -> list[Row]:
    query = "select * from mixpay.balance_folds where merchant_id = %s order by fold"
    return shop.query(query, shop.merchant)


def test_sums_up_what_is_there(shop: Shop) -> None:
    shop.sell("A", 100)
    before = Books(shop).movements
    shop.refund("A", "R", 30)
    shop.settle("S1")
    made = fold(shop)

    written = [j.created_at for j in Books(shop).movements]
    assert (made.merchant_id, made.fold, made.movements) == ("m", 1, len(written))
    assert (made.from_epoch, made.from_xid) == (0, "0")
    assert (made.earliest_at, made.latest_at) == (before[0].created_at, written[-1])
    assert folds(shop) == [made]
    rows = shop.query(
        "select account, owner, came_in, went_out, is_last "
        "from mixpay.folded_balances order by account, owner"
    )
    assert [tuple(row) for row in rows] == [
        ("bank", "", 70, 0, True),
        ("bank", "main", 70, 0, True),
        ("channel", "", 0, 100, True),
        ("channel", "alipay", 0, 100, True),
        ("order", "", 130, 130, True),
        ("payee", "", 100, 100, True),
        ("payee", "S", 100, 100, True),
        ("refund", "", 30, 0, True),
    ]


def test_grows(shop: Shop) -> None:
    shop.sell("A", 100)
    first = fold(shop)
    rows = shop.query("select * from mixpay.folded_balances")
    shop.sell("B", 30, "V")
    second = fold(shop)

    assert (second.fold, second.movements) == (1, 4)
    assert (second.from_epoch, second.from_xid) == (first.from_epoch, first.from_xid)
    assert int(second.until_xid) > int(first.until_xid)
    assert first.earliest_at == second.earliest_at < second.latest_at
    assert folds(shop) == [second]
    assert len(shop.query("select * from mixpay.folded_balances")) == len(rows) + 1
    assert told(shop, "payee:V") == {"CNY": (30, 0, 30)}
    agree(shop, *Books(shop).moments())


def test_when_it_is_full_the_next_one_goes_on_where_it_ended(shop: Shop) -> None:
    let_folds_be_small(shop, 8)
    shop.sell("A", 100)
    assert fold(shop).movements == 2
    shop.sell("B", 40)
    first = fold(shop)
    assert (first.fold, first.movements) == (1, 4)
    shop.sell("C", 30, "V")
    second = fold(shop)

    assert (second.fold, second.movements) == (2, 2)
    assert (second.from_epoch, second.from_xid) == (first.until_epoch, first.until_xid)
    assert second.earliest_at == second.latest_at > first.latest_at
    # Only what was moved has a new row.
    rows = shop.query("select owner from mixpay.folded_balances where fold = 2 and owner <> ''")
    assert sorted(owner for (owner,) in rows) == ["V", "alipay"]
    assert told(shop, "payee:S") == {"CNY": (140, 0, 140)}
    assert told(shop, "payee") == {"CNY": (170, 0, 170)}
    agree(shop, *Books(shop).moments())


def test_makes_none_if_nothing_came(shop: Shop) -> None:
    first = fold(shop)
    assert (first.fold, first.movements, first.earliest_at, first.latest_at) == (1, 0, None, None)
    assert fold(shop) == first
    shop.sell("A", 100)
    second = fold(shop)
    assert (second.fold, second.movements) == (1, 2)
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    other.sell("A", 100)
    assert fold(shop) == second
    # What happened to settlements and moved nothing is something, too.
    shop.call("settle_payee", "S", "S1", None)
    shop.call("settle_payee", "S", "S2", None)
    third = fold(shop)
    assert (third.fold, third.movements) == (1, 3)
    shop.settle("S3")
    assert int(fold(shop).until_xid) > int(third.until_xid)
    agree(shop)


def test_what_moved_nothing_keeps_the_moments(shop: Shop) -> None:
    let_folds_be_small(shop, 4)
    shop.sell("A", 100)
    first = fold(shop)
    shop.merge("T", B=5)
    second = fold(shop)
    assert (second.fold, second.movements, second.earliest_at) == (2, 0, None)
    assert second.latest_at == first.latest_at
    listed = "select fold, account, owner, balance from mixpay.fold_list order by 1, 2, 3"
    assert shop.query(listed) == [
        (1, "channel", "", -100),
        (1, "channel", "alipay", -100),
        (1, "order", "", 0),
        (1, "payee", "", 100),
        (1, "payee", "S", 100),
        (2, None, None, None),
    ]
    shop.sell("C", 1)
    agree(shop, *Books(shop).moments())
    fold(shop)
    agree(shop, *Books(shop).moments())


def test_is_of_one_merchant(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    shop.sell("A", 100)
    other.sell("A", 30)
    assert fold(shop).movements == 2
    assert folds(other) == []
    assert fold(other).movements == 2


def test_a_long_journal_is_folded_piece_by_piece(shop: Shop) -> None:
    for number in range(6):
        shop.sell(f"A{number}", 10)
    # One transaction is never divided.
    with shop.conn.transaction():
        for number in range(6):
            shop.sell(f"B{number}", 10, "V")
    shop.sell("C", 1)
    let_folds_be_small(shop, 4)
    last = fold(shop)

    made = folds(shop)
    assert made[-1] == last
    assert sum(f.movements for f in made) == len(Books(shop).movements) == 26
    assert [f.movements for f in made].count(12) == 1
    assert len(made) >= 8
    agree(shop, *Books(shop).moments())
    assert fold(shop) == last


@pytest.mark.parametrize("facts", [1, 3, 7])
def test_pieces_change_nothing(shop: Shop, facts: int) -> None:
    for week in (open_for_a_week, open_for_another_week):
        week(shop)
    let_folds_be_small(shop, facts)
    fold(shop)
    shop.sell("LAST", 1)
    agree(shop, *Books(shop).moments()[::4])


class Life:
    """A shop where everything moves that can, at random; some of it begins early and ends late."""

    def __init__(self, shop: Shop, connect: Connect, chance: Random) -> None:
        self.shop, self.connect, self.chance = shop, connect, chance
        self.late: list[Shop] = []
        self.orders: list[str] = []
        self.count = 0
        self.moments: list[datetime] = []

    def number(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def sell(self, by: Shop) -> None:
        order_no = self.number("A")
        currency = self.chance.choice(["CNY", "CNY", "JPY"])
        if self.chance.random() < 0.3:
            self.split(by, order_no, currency)
        else:
            by.sell(order_no, self.chance.randint(50, 100), self.chance.choice("SV"), currency)
        if by is self.shop:
            self.orders.append(order_no)

    def split(self, by: Shop, order_no: str, currency: str) -> None:
        (order,) = orders(currency, **{order_no: 100})
        by.call("register_payee", "S", "Store")
        by.call("merge_orders", [{**order, "payee_no": "S"}], f"T{order_no}")
        shares = [
            {"receiver": "agent", "rate": 500},
            {"kind": "platform_fee", "receiver": "us", "fixed": 3},
        ]
        by.rows("split_order", order_no, f"X{order_no}", shares, "payment")
        by.pay(f"T{order_no}", f"P{order_no}", 110, self.chance.choice(["card", "cash"]))

    def refund(self) -> None:
        if self.orders:
            order_no = self.chance.choice(self.orders)
            left = self.shop.balance(order_no)
            amount = self.chance.randint(1, 20)
            if left.paid - left.refunded >= amount:
                refund_no = self.number("R")
                for payment_no in self.shop.refund(order_no, refund_no, amount):
                    if self.chance.random() < 0.5:
                        self.shop.complete(refund_no, payment_no)

    def settle(self) -> None:
        payee_no, currency = self.chance.choice("SV"), self.chance.choice(["CNY", "JPY"])
        if told(self.shop, f"payee:{payee_no}"):
            settlement_no = self.number("S")
            made = self.shop.call("settle_payee", payee_no, settlement_no, None, currency)
            if made.amount and self.chance.random() < 0.3:
                self.shop.call("reverse_settlement", settlement_no, "no such account")

    def begin(self) -> None:
        """A transaction of its own, whose moment is its beginning."""
        late = Shop(self.connect(autocommit=False))
        late.query("select")
        self.late.append(late)

    def end(self) -> None:
        if self.late:
            late = self.late.pop(self.chance.randrange(len(self.late)))
            self.sell(late)
            late.conn.commit()

    def live(self, steps: int) -> None:
        # Registered by a late one, he would be unknown to the others, and they would wait.
        for payee_no in "SV":
            self.sell_first(payee_no)
        for _ in range(steps):
            step = self.chance.choices(
                [lambda: self.sell(self.shop), self.refund, self.settle, self.begin, self.end],
                [5, 4, 1, 2, 2],
            )[0]
            step()
            self.moments.append(clock(self.shop))
            if self.chance.random() < 0.2:
                self.shop.call("fold_balances")
            if self.chance.random() < 0.05:
                raise_epoch(self.shop.conn)
        while self.late:
            self.end()

    def sell_first(self, payee_no: str) -> None:
        self.shop.sell(self.number("A"), 60, payee_no)


@pytest.mark.parametrize("seed", range(6))
def test_folding_changes_nothing_at_any_moment(shop: Shop, connect: Connect, seed: int) -> None:
    """Balances are the plain sums, whenever was folded and whatever was written in between."""
    chance = Random(seed)
    facts = chance.choice([2, 5, 20000])
    let_folds_be_small(shop, facts)
    life = Life(shop, connect, chance)
    life.live(60)
    asked = chance.sample(sorted({*life.moments, *Books(shop).moments()}), 10)
    agree(shop, *asked)
    fold(shop)
    assert facts > 5 or len(folds(shop)) > 3
    agree(shop, *asked)


def test_what_runs_is_left_for_the_next_time(shop: Shop, connect: Connect) -> None:
    writer = Shop(connect(autocommit=False))
    shop.sell("A", 100)
    writer.sell("B", 30, "V")
    shop.sell("C", 7)
    made = shop.call("fold_balances")
    # C was committed, but B's transaction began before and may yet be.
    assert made.movements == 2
    assert told(shop, "payee") == {"CNY": (107, 0, 107)}
    writer.conn.commit()
    assert told(shop, "payee") == {"CNY": (137, 0, 137)}
    assert fold(shop).movements == 6
    assert told(shop, "payee") == {"CNY": (137, 0, 137)}


def test_its_own_transaction_is_left_for_the_next_time(shop: Shop) -> None:
    shop.sell("A", 100)
    shop.until_final()
    with shop.conn.transaction():
        shop.sell("B", 30)
        assert shop.call("fold_balances").movements == 2
        agree(shop)
    agree(shop)
    assert fold(shop).movements == 4
    agree(shop)


# After a restore from a backup: transaction ids may begin anew.


@pytest.mark.parametrize("small", [False, True])
def test_goes_on_in_a_new_epoch(shop: Shop, small: bool) -> None:
    if small:
        let_folds_be_small(shop)
    shop.sell("A", 100)
    first = fold(shop)
    shop.sell("B", 30)
    assert raise_epoch(shop.conn) == 2
    shop.sell("C", 7)
    agree(shop, *Books(shop).moments())
    second = fold(shop)

    assert (first.until_epoch, second.until_epoch) == (1, 2)
    assert sum(made.movements for made in folds(shop)) == 6
    agree(shop, *Books(shop).moments())
    assert raise_epoch(shop.conn) == 3
    assert raise_epoch(shop.conn) == 4
    assert fold(shop) == second
    shop.settle("S1")
    assert fold(shop).until_epoch == 4
    agree(shop, *Books(shop).moments())


@pytest.mark.breaks_checks
def test_what_an_epoch_before_was_written_by_higher_transactions_is_not_lost(shop: Shop) -> None:
    """As if the transactions had been counted far on by the server that is gone."""
    shop.sell("A", 100)
    let_folds_be_small(shop, 4)
    fold(shop)
    shop.conn.execute(
        "insert into mixpay.facts (merchant_id, log, log_no, entry, epoch, xid, entity, number, "
        "order_no, from_account, from_owner, to_account, to_owner, amount, currency, happened_at) "
        "values ('m', 'trade', 'TA', 99, 1, '900000000000', 'release', 'L', "
        "'A', 'order', 'A', 'payee', 'S', 30, 'CNY', now())"
    )
    assert told(shop, "payee:S") == {"CNY": (130, 0, 130)}
    assert fold(shop).fold == 1
    raise_epoch(shop.conn)
    for balance, movements in ((130, 1), (131, 3)):
        made = fold(shop)
        assert (made.fold, made.movements) == (2, movements)
        assert told(shop, "payee:S") == {"CNY": (balance, 0, balance)}
        agree(shop, *Books(shop).moments())
        if movements == 1:
            shop.sell("B", 1)


def test_folds_may_be_thrown_away(shop: Shop) -> None:
    """They are a matter of speed only."""
    open_for_a_week(shop)
    open_for_another_week(shop)
    open_for_a_third_week(shop)
    moments = Books(shop).moments()[::9]
    agree(shop, *moments)
    shop.conn.execute("delete from mixpay.folded_balances")
    shop.conn.execute("delete from mixpay.balance_folds")
    agree(shop, *moments)
    assert fold(shop).fold == 1
    agree(shop, *moments)


def test_the_tables_refuse_two_folds_of_one_place_and_a_way_back(shop: Shop) -> None:
    shop.sell("A", 100)
    fold(shop)
    again = (
        "insert into mixpay.{0} select (jsonb_populate_record(f, %s)).* from mixpay.{0} as f "
        "where fold = 1"
    )
    for table, change, constraint in (
        ("balance_folds", "{}", "balance_folds_pkey"),
        ("balance_folds", '{"fold": 2, "until_epoch": -1}', "range_goes_forward"),
        ("balance_folds", '{"fold": 2, "latest_at": null}', "movements_have_their_time"),
        ("folded_balances", "{}", "folded_balances_pkey"),
        ("folded_balances", '{"fold": 2}', "an_account_has_one_last_balance"),
    ):
        with pytest.raises(psycopg.errors.IntegrityError) as caught:
            shop.conn.execute(again.format(table).encode(), [change])
        assert caught.value.diag.constraint_name == constraint


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("fold_balances")
    with shop.refused("MX901"):
        Shop(shop.conn, "no body").rows("fold_balances")


@pytest.mark.parametrize("call", ["fold", "settle"])
def test_refuses_after_a_restore_until_the_epoch_is_raised(shop: Shop, call: str) -> None:
    shop.sell("A", 100)
    shop.settle("S1")
    shop.call("fold_balances")
    with shop.conn.transaction(force_rollback=True):
        # As it looks in a cluster that was made anew.
        shop.conn.execute("set local session_replication_role = replica")
        for table in ("balance_folds", "settlements"):
            shop.conn.execute(f"update mixpay.{table} set until_xid = '4000000000'")

        def go_on() -> Row:
            if call == "fold":
                return shop.call("fold_balances")
            return shop.call("settle_payee", "S", "S2", None)

        with pytest.raises(psycopg.Error, match="counted anew") as refused, shop.conn.transaction():
            go_on()
        assert refused.value.sqlstate == "MX411"
        raise_epoch(shop.conn)
        # There is nothing new to be folded.
        assert (go_on().fold == 1) if call == "fold" else (go_on().nth == 2)
