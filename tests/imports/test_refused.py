"""What only the database refuses counts in nothing; and a dry run says what would happen."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from importing import HEADER, payments, reasons, run, trades
from psycopg import Connection

Load = Callable[..., dict[str, Any]]
BEYOND = "the order is there already and takes no more"


def orders(conn: Connection[Any]) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select order_no, amount, paid, payee_no from mixpay.order_balances order by order_no"
    ).fetchall()


def test_e39_a_mended_file_is_loaded_where_it_says_what_the_order_costs(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    text = (
        f"{HEADER},order_amount,paid_at\n"
        "A,P1,cash,70.00,100.00,2026-01-01T00:00Z\n"
        "A,P2,card,30.00,100.00,1899-12-30T00:00Z\n"
    )
    load(text)
    assert [(line, reason[:6]) for line, (reason, _) in reasons(rejects).items()] == [(3, "MX905:")]
    assert orders(conn) == [("A", 10000, 7000, None)]

    told = load(text.replace("1899-12-30", "2026-01-02"))
    assert (told["loaded"]["rows"], told["new_rows"], told["changed_trades"]) == (2, 1, 1)
    assert trades(conn) == [("A", "paid", "CNY", 10000, 10000, 1, 2)]


def test_e39_a_mended_file_is_loaded_where_orders_are_whole(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    text = (
        f"{HEADER},paid_at,trade_no\n"
        "A,P1,cash,70.00,2026-01-01T00:00Z,T\n"
        "A,P2,card,30.00,1899-12-30T00:00Z,T\n"
        "B,P3,card,5.00,2026-01-01T00:00Z,T\n"
        "C,P4,card,5.00,2026-01-01T00:00Z,U\n"
        "C,P5,card,none,2026-01-01T00:00Z,U\n"
        "D,P6,card,1.00,2026-01-01T00:00Z,\n"
    )
    told = load(text, "--whole-orders")
    found = reasons(rejects)
    assert {line: reason[:6] for line, (reason, _) in found.items()} == {
        2: "anothe",
        3: "MX905:",
        4: "anothe",
        5: "anothe",
        6: "not an",
    }
    assert found[2] == ("another row is rejected", "line 3 of order A")
    assert found[5] == ("another row is rejected", "line 6 of order C")
    assert [row[0] for row in trades(conn)] == ["D"]
    assert told["read"]["amount"] == told["loaded"]["amount"] + told["rejected"]["amount"]

    told = load(text.replace("1899-12-30", "2026-01-02").replace("none", "1.00"), "--whole-orders")
    assert told["rejected"]["rows"] == 0
    assert orders(conn) == [
        ("A", 10000, 10000, None),
        ("B", 500, 500, None),
        ("C", 600, 600, None),
        ("D", 100, 100, None),
    ]


def test_e39_what_a_refused_row_says_of_its_order_nobody_has_said(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    """Neither its amount, nor its payee, nor the trade that it is in."""
    load(
        f"{HEADER},paid_at,order_amount,payee_no,trade_no\n"
        "A,P1,cash,1.00,1899-12-30T00:00Z,9.00,east,T\n"
        "A,P2,cash,2.00,,,,\n"
        "B,P3,cash,3.00,,,,T\n"
    )
    assert [(line, reason[:6]) for line, (reason, _) in reasons(rejects).items()] == [(2, "MX905:")]
    assert orders(conn) == [("A", 200, 200, None), ("B", 300, 300, None)]
    assert [row[0] for row in trades(conn)] == ["A", "T"]
    assert conn.execute("select from mixpay.payee_list").fetchall() == []


def test_e39_an_order_is_loaded_without_the_order_whose_rows_are_refused(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    load(f"{HEADER}\nZ,P2,cash,2.00\n")
    text = f"{HEADER},trade_no\nA,P1,cash,1.00,T\nB,P2,cash,2.00,T\n"  # P2 paid for Z
    first = load(text)
    before = conn.execute("select * from mixpay.facts order by log_no, entry").fetchall()
    second = load(text)

    assert [(line, reason[:6]) for line, (reason, _) in reasons(rejects).items()] == [(3, "MX202:")]
    assert [order[0] for order in orders(conn)] == ["A", "Z"]
    assert trades(conn)[0] == ("T", "paid", "CNY", 100, 100, 1, 1)
    # And so it is when it runs again.
    assert conn.execute("select * from mixpay.facts order by log_no, entry").fetchall() == before
    assert second["rejected"] == first["rejected"]
    assert (second["loaded"], second["new_rows"]) == (first["loaded"], 0)


def test_e39_among_many_good_rows_the_refused_ones_alone_are_missing(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    bad = {7, 8, 40, 99}
    text = "".join(
        f"O{i % 30},P{i},cash,1.00,{'1899-12-30' if i in bad else '2026-01-01'}T00:00Z\n"
        for i in range(100)
    )
    told = load(f"{HEADER},paid_at\n{text}", "--batch", "25")
    assert set(reasons(rejects)) == {i + 2 for i in bad}
    assert told["loaded"] == {"rows": 96, "amount": 9600}
    assert set(payments(conn)) == {f"P{i}" for i in range(100) if i not in bad}
    assert all(state == "paid" for _, state, *_ in trades(conn))


MIXED = (
    f"{HEADER},paid_at,channel_txn_no,payee_no\n"
    "A,P1,cash,70.00,2026-01-01T00:00Z,,east\n"
    "A,P2,card,30.00,1899-12-30T00:00Z,,\n"
    "B,P3,card,5.00,9999-12-30T00:00Z,,\n"
    "C,P4,card,5.00,2026-01-01T00:00Z,t1,\n"
    "D,P5,card,5.00,2026-01-01T00:00Z,t1,west\n"
    "E,P0,card,5.00,2026-01-01T00:00Z,,\n"
    "F,P6,card,5.00,2026-01-01T00:00Z,t2,\n"
    "G,P7,gold,5.00,2026-01-01T00:00Z,,\n"
)


def test_e39_a_dry_run_says_what_would_happen(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    load(f"{HEADER},channel_txn_no\nZ,P0,cash,1.00,\nY,P9,card,1.00,t2\n", "--merchant", "n")
    dry = load(MIXED, "--merchant", "n", "--dry-run")
    found = rejects.read_text()
    assert [row[0] for row in trades(conn, "n")] == ["Y", "Z"]
    assert conn.execute("select from mixpay.payee_list").fetchall() == []

    told = load(MIXED, "--merchant", "n")
    assert rejects.read_text() == found
    for one in (dry, told):
        del one["seconds"], one["dry_run"]
    assert dry == told
    assert {line: reason[:6] for line, (reason, _) in reasons(rejects).items()} == {
        3: "MX905:",
        4: "MX905:",
        6: "MX207:",
        7: "MX202:",
        8: "MX207:",
        9: "unknow",
    }
    assert told["new_rows"] == 2


def test_e39_a_dry_run_finds_the_same_for_a_new_merchant(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    dry = load(MIXED, "--dry-run", "--batch", "1")
    found = rejects.read_text()
    assert conn.execute("select from mixpay.merchant_list").fetchall() == []
    told = load(MIXED, "--batch", "1")
    assert rejects.read_text() == found
    assert dry["loaded"] == told["loaded"]
    assert dry["reasons"] == told["reasons"]


def test_a_dry_run_is_told_as_what_it_is(url: str, rejects: Path) -> None:
    text = f"{HEADER}\nA,P1,cash,1.00\n"
    result = run(url, rejects, "-", "--currency", "CNY", "--dry-run", input=text)
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "                 rows   CNY",
        "read                1  1.00",
        "would be loaded     1  1.00",
        "  new               1",
        "  there before      0",
        "rejected            0  0.00",
        "2 lines: 1 header, 1 row.",
        "1 trade, 1 of them new.",
        "Nothing is loaded: this was a dry run.",
    ]


@pytest.mark.parametrize("jobs", ["1", "4"])
def test_of_two_rows_with_one_channel_transaction_the_first_is_loaded(
    conn: Connection[Any], load: Load, rejects: Path, jobs: str
) -> None:
    rows = [f"O{i},P{i},card,1.00,t{i % 20}" for i in range(40)]
    header = f"{HEADER},channel_txn_no\n"
    load(header + "\n".join(rows), "--jobs", jobs, "--batch", "1")
    assert set(payments(conn)) == {f"P{i}" for i in range(20)}
    assert {reason[:6] for reason, _ in reasons(rejects).values()} == {"MX207:"}
    stored = conn.execute(
        "select channel_txn_no from mixpay.payment_balances where payment_no = 'P7'"
    ).fetchall()
    assert stored == [("t7",)]


def test_later_payments_of_an_order_that_named_its_amount_are_loaded(
    conn: Connection[Any], load: Load
) -> None:
    header = f"{HEADER},order_amount"
    load(f"{header}\nA,P1,cash,70.00,100.00\n")
    told = load(f"{header}\nA,P2,card,20.00,100.00\n")
    assert (told["trades"], told["new_trades"], told["changed_trades"]) == (1, 0, 1)
    assert orders(conn) == [("A", 10000, 9000, None)]
    # Whoever knows what it costs may leave it out: it lacks 10.00 still.
    told = load(f"{HEADER}\nA,P3,card,10.00\n")
    assert (told["loaded"]["rows"], told["new_rows"], told["surplus"]) == (1, 1, 0)
    assert orders(conn) == [("A", 10000, 10000, None)]
    # What is beyond an amount that the file names has really been paid too much.
    told = load(f"{header}\nA,P4,card,5.00,100.00\n")
    assert (told["new_rows"], told["surplus"]) == (1, 500)


def test_later_payments_of_an_order_that_takes_no_more_are_rejected(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    """The order's amount was the sum of its payments: of more, nobody knows what they are for."""
    load(f"{HEADER}\nA,P1,cash,70.00\n")
    for text in (
        f"{HEADER}\nA,P1,cash,70.00\nA,P2,card,30.00\n",
        f"{HEADER}\nA,P2,card,30.00\n",
        f"{HEADER}\nA,P2,card,70.00\n",  # as much as the order costs
    ):
        told = load(text)
        [(reason, detail)] = reasons(rejects).values()
        assert reason == BEYOND
        assert detail == "order A is of 70.00, and lacks less than this payment brings"
        assert told["surplus"] == 0
        assert told["loaded"]["rows"] == text.count("P1")
    assert orders(conn) == [("A", 7000, 7000, None)]
    assert set(payments(conn)) == {"P1"}


def test_an_order_that_is_there_with_another_amount_than_is_named_is_refused(
    load: Load, rejects: Path
) -> None:
    header = f"{HEADER},order_amount"
    load(f"{header}\nA,P1,cash,70.00,100.00\n")
    load(f"{header}\nA,P2,cash,30.00,110.00\n")
    assert [(line, reason[:6]) for line, (reason, _) in reasons(rejects).items()] == [(2, "MX106:")]


def test_a_part_of_a_file_that_is_loaded_is_there(conn: Connection[Any], load: Load) -> None:
    load(f"{HEADER}\nA,P1,cash,70.00\nA,P2,card,30.00\n")
    told = load(f"{HEADER}\nA,P2,card,30.00\n")
    assert (told["loaded"]["rows"], told["new_rows"], told["rejected"]["rows"]) == (1, 0, 0)
    assert orders(conn) == [("A", 10000, 10000, None)]


def test_several_files_are_read_as_one(
    conn: Connection[Any], url: str, rejects: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv.gz"
    one.write_text(f"{HEADER}\nA,P1,cash,70.00\nB,P2,cash,none\n")
    two.write_text("amount;channel;payment_no;order_no\n30.00;card;P3;A\n1.00;card;P1;C\n")
    files = [str(one), str(two)]
    result = run(url, rejects, *files, "--currency", "CNY", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)

    assert orders(conn) == [("A", 10000, 10000, None)]
    assert [line.split(",")[:3] for line in rejects.read_text().splitlines()] == [
        ["file", "line", "reason"],
        [str(one), "3", "not an amount"],
        [str(two), "3", "repeated payment number"],
    ]
    assert told["lines"]["read"] == 6
    assert told["lines"]["header"] == 2

    two.write_text(f'{HEADER}\nA,P1,cash,"1.00\n')
    result = run(url, rejects, *files, "--currency", "CNY")
    assert result.exit_code == 2
    assert f"{two}: line 2 has a quote that is not closed" in result.output


def test_hold_and_expiry_of_an_order(conn: Connection[Any], load: Load, rejects: Path) -> None:
    load(
        f"{HEADER},order_amount,payee_no,hold,expires_at,trade_no\n"
        "A,P1,cash,1.00,,east,yes,,\n"
        "B,P2,cash,1.00,2.00,east,2099-01-02T00:00:00+08:00,2099-01-01T00:00Z,\n"
        "C,P3,cash,1.00,,east,no,,\n"
        "D,P4,cash,1.00,,east,perhaps,,\n"
        "A,P5,cash,1.00,,east,no,,\n"
        "E,P6,cash,1.00,2.00,,,2099-01-01T00:00Z,T\n"
        "F,P7,cash,1.00,2.00,,,2099-01-02T00:00Z,T\n"
    )
    assert reasons(rejects) == {
        5: ("hold is not a moment", "perhaps"),
        6: ("contradicts the order's hold", "false here, true before"),
        8: (
            "contradicts the trade's expires_at",
            "2099-01-02T00:00:00+00:00 here, 2099-01-01T00:00:00+00:00 before",
        ),
    }
    lines = conn.execute(
        "select order_no, hold, release_due_at at time zone 'UTC' from mixpay.trade_orders "
        "order by order_no"
    ).fetchall()
    assert [(order_no, hold, str(due)) for order_no, hold, due in lines] == [
        ("A", True, "None"),
        ("B", True, "2099-01-01 16:00:00"),
        ("C", False, "None"),
        ("E", False, "None"),
    ]
    expiry = conn.execute(
        "select trade_no, (expires_at at time zone 'UTC')::date::text "
        "from mixpay.trade_balances where expires_at is not null order by 1"
    ).fetchall()
    assert expiry == [("B", "2099-01-01"), ("T", "2099-01-01")]
