"""Pages tell what the views tell, to the unit, and are nothing but pages."""

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from books import fold, let_folds_be_small
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import tuple_row
from shop import Shop, day, open_for_a_week, open_for_another_week

from mixpay_db.pictures import books, charts, pages
from mixpay_db.problem import Problem

WEEKS = ["T1", "T2", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "TW"]


def page(conn: books.Connection, merchant: str = "weeks", language: str = "en") -> pages.Page:
    return pages.Page(
        language, books.now(conn), books.zone_of(conn), books.the_merchant(conn, merchant)
    )


def units(told: books.Trade) -> dict[tuple[str, str], int]:
    return {node.key: told.flow.units(node.key) for node in told.flow.nodes}


def test_numbers_of_the_picture_are_the_views(weeks: Shop, asking: books.Connection) -> None:
    for trade_no in WEEKS:
        told = books.trade(asking, "weeks", trade_no)
        drawn = units(told)
        for row in told.payments:
            assert drawn.get(("payment", row["payment_no"]), 0) == row["amount"]
            assert drawn.get(("surplus", row["payment_no"]), 0) == row["surplus"]
        for row in told.lines:
            order = ("order", row["order_no"])
            borne = sum(
                b.units for b in told.flow.bands if b.source[0] == "owes" and b.target == order
            )
            assert drawn.get(order, 0) == row["paid"] + borne
            to = Counter[str]()
            for band in told.flow.bands:
                if band.source == order:
                    to[band.target[0]] += band.units
            assert to["refund"] == row["refunded"]
            assert to["in_escrow"] == row["in_escrow"]
            owners = to["payee"] + to["receiver"] + to["fee"] + to["channel_fee"]
            assert owners - borne == row["cleared"]
        stood = weeks.query(
            "select refund_no, sum(d.amount)::bigint as amount from mixpay.refund_details as d"
            " inner join mixpay.payments using (merchant_id, payment_no)"
            " where merchant_id = 'weeks' and trade_no = %s and not freed group by 1",
            trade_no,
        )
        assert {n: u for (kind, n), u in drawn.items() if kind == "refund"} == dict(stood)
        sent: Counter[str] = Counter()
        for row in told.channel_refunds:
            if row["state"] == "succeeded":
                sent[row["payment_no"]] += row["amount"]
        back = {n: u for (kind, n), u in drawn.items() if kind == "back"}
        lost = sum(b.units for b in told.flow.bands if b.source[1] == "borne")
        assert sum(back.values()) - lost <= sum(sent.values())


@pytest.mark.usefixtures("weeks")
def test_no_money_is_lost_on_the_way(asking: books.Connection) -> None:
    """Whatever has bands on both sides gives what it got."""
    for trade_no in WEEKS:
        bands = books.trade(asking, "weeks", trade_no).flow.bands
        came, went = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for band in bands:
            went[band.source] += band.units
            came[band.target] += band.units
        for key in came.keys() & went.keys():
            assert came[key] == went[key], (trade_no, key)
        first = {"payment", "owes", "loss", "anomaly", "channel_fee"}
        assert {key[0] for key in went.keys() - came.keys()} <= first, trade_no


def test_the_flow_of_a_trade_is_what_it_has(weeks: Shop, asking: books.Connection) -> None:
    for trade_no in WEEKS:
        bands = books.trade(asking, "weeks", trade_no).flow.bands
        arrived = sum(b.units for b in bands if b.source[0] == "payment")
        back = sum(b.units for b in bands if b.target[0] == "back")
        (last,) = weeks.query(
            "select in_minus_out from mixpay.trade_flow where merchant_id = 'weeks'"
            " and trade_no = %s order by entry desc limit 1",
            trade_no,
        )
        assert arrived - back == last.in_minus_out, trade_no


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_drawn(weeks: Shop, asking: books.Connection, language: str) -> None:
    told = page(asking, language=language)
    made = [pages.trade(told, books.trade(asking, "weeks", no)) for no in (*WEEKS, "T3")]
    for row in weeks.query("select order_no from mixpay.orders where merchant_id = 'weeks'"):
        made.append(pages.order(told, books.order(asking, "weeks", row.order_no)))
    for row in weeks.query("select refund_no from mixpay.refunds where merchant_id = 'weeks'"):
        made.append(pages.refund(told, books.refund(asking, "weeks", row.refund_no)))
    today = books.now(asking).date()
    made.append(pages.merchant(told, books.merchant(asking, "weeks", today, today), None))
    for html in made:
        assert f'<html lang="{language}">' in html
        assert "Weeks &lt;&amp;&gt; 周" in html
        ids = re.findall(r' id="([^"]+)"', html)
        assert len(ids) == len(set(ids))


@pytest.mark.usefixtures("weeks")
def test_a_file_asks_for_nothing_and_runs_nothing(asking: books.Connection) -> None:
    html = pages.trade(page(asking), books.trade(asking, "weeks", "T1"))
    assert not re.search(r"<script|javascript:|\son\w+=|\sstyle=|@import|url\((?!#)", html)
    assert set(re.findall(r'(?:src|href)="([^"]*)"', html)) == {"data:,", "#content"}
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src &#39;sha256-{digest}&#39;" in html
    assert "default-src &#39;none&#39;" in html


def test_what_others_wrote_stays_text(shop: Shop, url: str) -> None:
    attack = "<script>alert(1)</script>\"'&{{7*7}}\u202e"
    shop.call("register_merchant", "<b>Shop</b>")
    number = "<img/onerror=x>&\"'"
    shop.merge(number, **{"<A>": 100})
    shop.pay(number, "<P>", 100, "card", txn=attack.replace("\u202e", ""))
    shop.refund("<A>", "<R>", 60, reason="<i>why</i>{{7*7}}")
    with books.session(url) as asking:
        told = page(asking, "m")
        made = [
            pages.trade(told, books.trade(asking, "m", number)),
            pages.order(told, books.order(asking, "m", "<A>")),
            pages.refund(told, books.refund(asking, "m", "<R>")),
            pages.search(told, attack, books.search(asking, "m", attack)),
        ]
    for html in made:
        body = html.partition("<body>")[2]
        assert not re.search(r"<(script|img|b>|i>|A>|P>|R>)", body)
        assert "49" not in re.findall(r"why.{0,30}", body + "why")[0]
        assert "\u202e" not in body


def test_a_refund_s_steps_are_those_of_the_view(weeks: Shop, asking: books.Connection) -> None:
    told = books.refund(asking, "weeks", "RQ")
    html = pages.refund(page(asking), told)
    stored = weeks.query(
        "select payment_no, amount from mixpay.refund_details"
        " where merchant_id = 'weeks' and refund_no = 'RQ' order by 1"
    )
    steps = re.findall(r'<li class="takes" data-payment="([^"]+)" data-units="(\d+)"', html)
    assert [(no, int(n)) for no, n in steps] == [(row.payment_no, row.amount) for row in stored]


def test_an_order_s_next_refund_is_the_preview(shop: Shop, url: str) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P2", 90, "cash", day(2))
    shop.pay("T", "P1", 60, "card", day(1))
    shop.refund("B", "R1", 45)
    with books.session(url) as asking:
        told = books.order(asking, "m", "A")
    previewed = shop.preview("A", 100)
    ((line, pool),) = told.pools
    assert line["refundable"] == 100
    assert [(row["payment_no"], row["amount"]) for row in pool if row["amount"]] == previewed
    assert previewed == [("P1", 15), ("P2", 85)]


def by_view(conn: books.Connection, first: date, last: date) -> list[tuple[Any, ...]]:
    """What day_flow says of the channels in a period."""
    return [
        tuple(row.values())
        for row in books.ask(
            conn,
            "select day, owner, currency, came_in, went_out from mixpay.day_flow"
            " where account = 'channel' and day between %(first)s and %(last)s order by 1, 3, 2",
            first=first,
            last=last,
        )
    ]


def by_page(told: books.Merchant | books.Period) -> list[tuple[Any, ...]]:
    names = ("day", "channel", "currency", "went_out", "came_in")
    return [tuple(row[name] for name in names) for row in told.flow]


@pytest.mark.usefixtures("weeks")
def test_days_are_those_of_day_flow(asking: books.Connection) -> None:
    today = books.now(asking).date()
    for first, last in ((today, today), (date(2020, 1, 1), today)):
        told = books.merchant(asking, "weeks", first, last)
        assert by_page(told) == by_view(asking, first, last)
        escrow = asking.execute(
            "select sum(in_escrow)::bigint as has from mixpay.trade_lines"
            " where merchant_id = 'weeks'"
        ).fetchone()
        assert escrow is not None
        assert told.escrow[-1]["balance"] == escrow["has"]


@pytest.mark.breaks_checks
@pytest.mark.parametrize("facts", [2, 5, 20, 20000])
def test_days_are_the_same_whatever_is_folded(
    shop: Shop, url: str, subtests: pytest.Subtests, facts: int
) -> None:
    """Some folds are of one day, others of several, some began before the one before them ended."""
    open_for_a_week(shop)
    open_for_another_week(shop)
    with replica(shop):
        shop.conn.execute(
            "update mixpay.facts as f set created_at = f.created_at - 8 * t.hours * interval '1 h'"
            "    - case when t.hours % 7 = 0 then interval '9 hours' else '0' end from ("
            "    select xid, dense_rank() over (order by xid desc) as hours from mixpay.facts"
            ") as t where t.xid = f.xid"
        )
    let_folds_be_small(shop, facts)
    fold(shop)
    shop.sell("LAST", 7)
    for zone in ("UTC", "Asia/Kathmandu", "America/Los_Angeles"):
        with subtests.test(zone), books.session(url, zone) as conn:
            days_are_the_views(conn, shop.merchant)


def days_are_the_views(conn: books.Connection, merchant: str) -> None:
    today = books.now(conn).date()
    opened = {
        row["day"]: row["moved"]
        for row in books.ask(
            conn,
            "select day, sum(moved)::bigint as moved from mixpay.day_flow"
            " where account = 'order' group by 1",
        )
    }
    assert len(opened) > 5
    for begins in range(15):
        for days in (1, 2, 5):
            first = today - timedelta(days=begins)
            last = first + timedelta(days=days - 1)
            told = books.period(conn, merchant, first, last)
            assert by_page(told) == by_view(conn, first, last), (first, last)
            assert sum(row["balance"] for row in told.escrow[-1:]) == sum(
                moved for day, moved in opened.items() if day <= last
            ), (first, last)


@pytest.mark.usefixtures("weeks")
def test_a_period_reads_the_days_it_has(asking: books.Connection) -> None:
    """Before and after: nothing moved, and what was in escrow then is told."""
    told = books.merchant(asking, "weeks", date(2020, 1, 1), date(2020, 1, 31))
    assert (told.flow, told.causes) == ([], [])
    with pytest.raises(Problem, match="is before"):
        books.merchant(asking, "weeks", date(2020, 2, 1), date(2020, 1, 1))


@pytest.mark.usefixtures("weeks")
def test_work_lists_count_what_their_views_have(asking: books.Connection) -> None:
    today = books.now(asking).date()
    work = {name: n for name, n, _ in books.merchant(asking, "weeks", today, today).work}
    assert work
    for name, count in work.items():
        where = " and state = 'open'" if name == "dispute" else ""
        view = {"authorization": "authorization_list"}.get(name, f"{name}_list")
        (row,) = asking.execute(
            f"select count(*) as n from mixpay.{view} where merchant_id = 'weeks'{where}"
        ).fetchall()
        assert row["n"] == count, name


def test_a_result_is_not_drawn_as_a_state(shop: Shop, url: str) -> None:
    """A difference of states looks as other differences do."""
    shop.merge("T", A=100)
    shop.start("T", "P", 100, "card")
    shop.call("open_statement", "S", "channel:card")
    line = {"line_no": 1, "kind": "payment", "currency": "CNY", "amount": 100, "our_no": "P"}
    shop.call("load_statement_lines", "S", [{**line, "happened_at": day(1).isoformat()}])
    shop.call("seal_statement", "S", 1)
    shop.rows("reconcile", "S")
    with books.session(url, "UTC") as asking:
        today = books.now(asking).date()
        html = pages.merchant(page(asking, "m"), books.merchant(asking, "m", today, today), None)
    assert '<span class="result-of">' in html
    assert 'class="result-of state"' not in html


@pytest.mark.usefixtures("weeks")
def test_reconciliation_is_shown_in_each_language(asking: books.Connection) -> None:
    first = day(60).date()
    told = books.merchant(asking, "weeks", first, first + timedelta(days=1))
    assert told.reconciliation
    assert {row["result"] for row in told.differences} == {"amount", "duplicate", "missing_there"}
    html = {name: pages.merchant(page(asking, language=name), told, None) for name in ("en", "zh")}
    assert "the statement says 0.79, and 0.80 is on record" in html["en"]
    assert "对账单为 0.79，账上为 0.80" in html["zh"]
    for row in told.differences:
        assert row["reason"] not in html["zh"]
        assert row["what_to_do"] not in html["zh"]


@pytest.mark.usefixtures("weeks")
def test_checks_run_as_who_watches(url: str) -> None:
    checked = books.checks(url, "weeks")
    assert checked.count > 80
    assert (checked.broken, checked.refused) == ([], "")


@pytest.mark.usefixtures("weeks")
@pytest.mark.breaks_checks
def test_what_is_broken_is_shown(url: str, conn: Connection[Any]) -> None:
    conn.execute("set session_replication_role = replica")
    conn.execute("update mixpay.trades set refunded = refunded + 1 where trade_no = 'T1'")
    checked = books.checks(url, "weeks")
    assert "trade_totals_are_the_sums_of_its_lines" in [name for name, _, _ in checked.broken]
    with books.session(url, "UTC") as asking:
        today = books.now(asking).date()
        told = books.merchant(asking, "weeks", today, today)
        html = {
            name: pages.merchant(page(asking, language=name), told, checked)
            for name in ("en", "zh")
        }
    assert "trade totals are the sums of its lines" in html["en"]
    assert "交易的金额、已付和已退，等于其各条交易明细之和" in html["zh"]


@pytest.mark.usefixtures("weeks")
def test_nothing_on_record_is_said(asking: books.Connection) -> None:
    for ask in (books.trade, books.order, books.refund):
        with pytest.raises(books.NotOnRecord, match="nothing"):
            ask(asking, "weeks", "nothing")
    with pytest.raises(books.NotOnRecord):
        books.the_merchant(asking, "nobody")


@pytest.mark.usefixtures("weeks")
def test_search_by_any_number(asking: books.Connection) -> None:
    def found(number: str) -> set[tuple[str, str]]:
        return {(row["kind"], row["number"]) for row in books.search(asking, "weeks", number)}

    assert found("T1") == {("trade", "T1")}
    assert found("A") == {("order", "A")}
    assert found("P1") == {("payment", "P1")}
    assert found("R1") == {("refund", "R1")}
    assert found("C1") == {("chargeback", "C1")}
    assert found("S2") == {("settlement", "S2")}
    assert found("O1") == {("channel_payout", "O1")}
    assert found("B1") == {("repayment", "B1")}
    assert found("S-1") == {("statement", "S-1")}
    assert found("E2") == {("resolution", "E2")}
    # A channel's own number, and a beginning.
    assert found("X1") >= {("split", "X1")}
    assert found("X2") >= {("split", "X2")}
    assert found("Y1") == {("channel_refund", "Y1")}
    assert ("refund", "RH1") in found("RH")
    assert found("nothing of that") == set()
    assert {row["kind"] for row in books.search(asking, "nobody", "T1")} == set()


def test_a_reader_who_is_none_is_told_so(url: str, conn: Connection[Any]) -> None:
    conn.execute("drop role if exists nobodys_reader")
    conn.execute("create role nobodys_reader login")
    try:
        theirs = make_conninfo(url, user="nobodys_reader")
        with pytest.raises(Problem, match="mixpay_reader"), books.session(theirs):
            pass
    finally:
        conn.execute("drop role nobodys_reader")


@pytest.mark.writes
@pytest.mark.usefixtures("weeks")
def test_a_session_writes_nothing(asking: books.Connection) -> None:
    with pytest.raises(Exception, match=r"read-only|permission"):
        asking.execute("select mixpay.register_merchant('x', 'y')")


def test_an_unknown_zone_is_told(url: str) -> None:
    with pytest.raises(Problem, match="Mars"), books.session(url, "Mars"):
        pass


def test_many_payments_share_one_place(shop: Shop, url: str) -> None:
    """A trade of 600 payments: the picture has a dozen, the tables the first 200, sums stay."""
    shop.merge("T", **{f"A{i:02}": 40 for i in range(20)})
    shop.rows(
        "record_payments",
        [
            {"trade_no": "T", "payment_no": f"P{i:03}", "channel": "card", "amount": 1}
            for i in range(600)
        ],
    )
    shop.refund("A00", "R", 40)
    with books.session(url, "UTC") as asking:
        told = books.trade(asking, "m", "T")
        html = pages.trade(page(asking, "m"), told)
    drawn = units(told)
    assert sum(u for (kind, _), u in drawn.items() if kind == "payment") == 600
    assert sum(u for (kind, _), u in drawn.items() if kind == "order") == 600
    assert sum(1 for kind, _ in drawn if kind == "payment") == books.NAMED
    assert drawn["payment", books.OTHERS] == 600 - (books.NAMED - 1)
    assert "The first 200 of 600." in html
    assert len(told.payments) == books.SHOWN


@pytest.mark.usefixtures("weeks")
def test_a_chart_is_a_drawing_and_its_marks_say_their_amounts(asking: books.Connection) -> None:
    # The weeks were written for all tests: yesterday, if these began before midnight.
    [(today,)] = asking.cursor(row_factory=tuple_row).execute(
        "select max(created_at)::date from mixpay.journal where merchant_id = 'weeks'"
    )
    told = books.merchant(asking, "weeks", today, today)
    texts = {n: n for n in ("title", "flow", "escrow", "in", "out", "others")}
    drawn = charts.days(told, "CNY", texts, today)
    assert drawn.keys() == charts.WIDTHS.keys()
    for row in told.flow:
        if row["came_in"]:
            amount = pages.from_units(row["came_in"], "CNY")
            assert f"{today}, {row['channel']}, in: {amount} CNY" in drawn["wide"]
    for svg in drawn.values():
        ET.fromstring(svg)  # noqa: S314
        assert "style=" not in svg
        assert "var(--s1)" in svg


@pytest.mark.parametrize(
    ("days", "step", "marks"),
    [
        (62, "day", {"2026-01-05, card, in: 1.00 CNY", "2026-01-11, card, in: 2.00 CNY",
                     "2026-01-12, card, in: 4.00 CNY", "2026-03-01, card, in: 8.00 CNY"}),
        (63, "week", {"2026-01-05 – 2026-01-11, card, in: 3.00 CNY",
                      "2026-01-12 – 2026-01-18, card, in: 4.00 CNY",
                      "2026-02-23 – 2026-03-01, card, in: 8.00 CNY"}),
        (401, "month", {"2026-01-01 – 2026-01-31, card, in: 7.00 CNY",
                        "2026-03-01 – 2026-03-31, card, in: 8.00 CNY"}),
    ],
)  # fmt: skip
def test_a_long_time_is_drawn_by_week_or_month(days: int, step: str, marks: set[str]) -> None:
    """Weeks begin on Mondays, and the first and last of a period may be shorter."""
    first = date(2026, 1, 1)
    flow = [
        {"day": date(2026, *day), "currency": "CNY", "channel": "card", "came_in": units,
         "went_out": 0, "net": units}
        for day, units in (((1, 5), 100), ((1, 11), 200), ((1, 12), 400), ((3, 1), 800))
    ]  # fmt: skip
    escrow = [
        {"day": date(2025, 12, 31), "currency": "CNY", "balance": 5},
        {"day": date(2026, 1, 6), "currency": "CNY", "balance": 70},
        {"day": date(2026, 1, 10), "currency": "CNY", "balance": 90},
    ]
    told = books.Merchant(
        first, first + timedelta(days=days - 1), flow, escrow, [], [], [], [], [], [], []
    )
    assert charts.step(told) == step
    texts = {n: n for n in ("title", "flow", "escrow", "in", "out", "others")}
    for svg in charts.days(told, "CNY", texts, told.last).values():
        bars = set(re.findall(r'aria-label="([^"]+, card, in: [^"]+)"', svg))
        assert bars == marks
        balances = re.findall(r'aria-label="([0-9-]+), escrow: ([0-9.]+) CNY"', svg)
        assert len(balances) == {"day": 62, "week": 10, "month": 14}[step]
        assert (
            balances[0]
            == {
                "day": ("2026-01-01", "0.05"),
                "week": ("2026-01-04", "0.05"),
                "month": ("2026-01-31", "0.90"),
            }[step]
        )
        assert balances[-1][0] == str(told.last)
    # What is still to come has no balance.
    today = date(2026, 1, 20)
    for svg in charts.days(told, "CNY", texts, today).values():
        balances = re.findall(r'aria-label="([0-9-]+), escrow: ([0-9.]+) CNY"', svg)
        assert balances[-1][0] == str(today)


@pytest.mark.parametrize(
    "svg",
    [
        '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><g onclick="x"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><g style="x"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><foreignObject/></svg>',
    ],
)
def test_a_chart_that_is_more_than_a_drawing_is_refused(svg: str) -> None:
    with pytest.raises(AssertionError):
        charts.cleaned(svg)


def test_decimals_are_exact_and_grouped() -> None:
    assert pages.decimal(123456789, "CNY") == "1,234,567.89"
    assert pages.decimal(-5, "KWD") == "−0.005"
    assert pages.decimal(1234, "JPY") == "1,234"


@pytest.mark.parametrize(
    ("name", "number", "room", "cut"),
    [
        ("P-1 · card", "P-1", 200, "P-1 · card"),
        ("PAY-001 · wechat", "PAY-001", 60, "PAY-001"),
        ("SO-2026-0007", "SO-2026-0007", 60, "SO…007"),
        ("Refund RF-12", "RF-12", 70, "Ref…F-12"),
        ("PAY-001 的多付款", "PAY-001", 75, "PAY-001…"),
        ("More payments", "", 60, "More p…"),
        ("Sent though given to others", "R2", 70, "Sent tho…"),
    ],
)
def test_a_name_keeps_what_tells_it_from_others(
    name: str, number: str, room: float, cut: str
) -> None:
    assert pages._cut(name, room, 11.5, number) == cut


def test_an_amount_is_whole_or_not_there() -> None:
    assert pages._tight("1,234.00", 65, 11.5) is None
    assert pages._tight("1,234,567.00", 65, 11.5) == 65
    assert pages._tight("9,999,999,999,999.99", 65, 11.5) == 0


def test_refunds_stand_in_the_order_they_were_asked_for(shop: Shop, url: str) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card", day(1))
    numbers = [f"R-{i}" for i in (9, 10, 2, 11)]
    for number in numbers:
        shop.refund("A", number, 5)
    with books.session(url, "UTC") as asking:
        drawn = books.trade(asking, "m", "T").flow
    assert [node.key[1] for node in drawn.nodes if node.key[0] == "refund"] == numbers


def test_a_trade_without_a_payment_says_so(shop: Shop, url: str) -> None:
    shop.merge("T", A=100)
    with books.session(url, "UTC") as asking:
        html = pages.trade(page(asking, "m"), books.trade(asking, "m", "T"))
    assert "No payment was begun yet." in html
    assert "First in, first out" not in html


def test_what_a_channel_gave_its_bank_is_not_said_to_have_gone_back(shop: Shop, url: str) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card", day(1))
    shop.call("record_channel_payout", "card", "O", 60, "CNY")
    with books.session(url, "UTC") as asking:
        today = books.now(asking).date()
        told = books.merchant(asking, "m", today, today)
        html = pages.merchant(page(asking, "m"), told, None)
    assert [(row["came_in"], row["went_out"]) for row in told.flow] == [(100, 60)]
    assert "Went out" in html
    assert "Went back" not in html
    assert "what went back" not in html


@contextmanager
def replica(shop: Shop) -> Iterator[None]:
    """The facts can be changed, as if they had been written at another time."""
    shop.conn.execute("set session_replication_role = replica")
    yield
    shop.conn.execute("set session_replication_role = origin")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many facts each query of a page reads."""
    counts: list[int] = []
    asked = books.ask

    def counting(conn: books.Connection, query: Any, **values: Any) -> list[books.Row]:
        plans = conn.execute(b"explain (analyze, format json) " + query.encode(), values).fetchall()
        counts.append(sum(_facts_read(plans[0]["QUERY PLAN"][0]["Plan"])))
        return asked(conn, query, **values)

    monkeypatch.setattr(books, "ask", counting)
    return counts


def test_a_period_reads_no_more_than_its_stretch_of_the_log(
    shop: Shop, url: str, read: list[int]
) -> None:
    """What was folded before it is passed over: facts are counted, not time."""
    shop.merge("T", A=1000)
    for i in range(40):
        shop.pay("T", f"P{i}", 10)
    fold(shop)
    # As if that had been long ago.
    with replica(shop):
        shop.conn.execute("update mixpay.facts set created_at = created_at - interval '90 days'")
        shop.conn.execute(
            "update mixpay.balance_folds set earliest_at = earliest_at - interval '90 days',"
            " latest_at = latest_at - interval '90 days'"
        )
    shop.pay("T", "P40", 10)
    with books.session(url, "UTC") as conn:
        today = books.now(conn).date()
        told = books.merchant(conn, "m", today - timedelta(days=29), today)
        assert [(row["channel"], row["came_in"]) for row in told.flow] == [("alipay", 10)]
        assert told.escrow[-1]["balance"] == 410
        # The payment's own facts, a few times: not those of the forty before it.
        assert max(read) <= 6
        then = books.merchant(conn, "m", today - timedelta(days=95), today - timedelta(days=80))
    assert sum(row["came_in"] for row in then.flow) == 400


@pytest.mark.parametrize("payments", [20, 80])
def test_a_folded_day_is_not_read_in_the_log(
    shop: Shop, url: str, read: list[int], payments: int
) -> None:
    """However many payments it had: of the log, only what went into refunds, to say why."""
    shop.merge("T", A=1000)
    for i in range(payments):
        shop.pay("T", f"P{i}", 10)
    shop.refund("A", "R1", 25)
    let_folds_be_small(shop, 8)
    fold(shop)
    with books.session(url, "UTC") as conn:
        today = books.now(conn).date()
        told = books.merchant(conn, "m", today, today)
    assert [row["came_in"] for row in told.flow] == [10 * payments]
    assert [row["amount"] for row in told.causes] == [25]
    # Three payments bear the refund.
    assert max(read) == sum(read) == 3


def _facts_read(plan: dict[str, Any]) -> Iterator[int]:
    if plan.get("Relation Name") == "facts":
        seen = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        yield round(seen * plan["Actual Loops"])
    for part in plan.get("Plans", []):
        yield from _facts_read(part)
