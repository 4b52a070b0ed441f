"""`mixpay import`, on files that are made up."""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import legacy
import pytest
from importing import HEADER, payments, reasons, run, trades
from psycopg import Connection

from mixpay_db.money import to_units

MIXPAY = [sys.executable, "-c", "from mixpay_db.cli import main; main()"]


def everything(conn: Connection[Any], merchant: str) -> list[tuple[Any, ...]]:
    """All that happened, without when and by which transaction."""
    facts = conn.execute(
        "select log_no, entry, entity, payment_no, order_no, from_state, to_state, amount "
        "from mixpay.facts where merchant_id = %s order by log_no, entry",
        [merchant],
    ).fetchall()
    lines = conn.execute(
        "select trade_no, position, order_no, nth, asked, amount, paid, live "
        "from mixpay.trade_orders where merchant_id = %s order by trade_no, position",
        [merchant],
    ).fetchall()
    return [*facts, *lines, *payments(conn, merchant).items(), *trades(conn, merchant)]


def test_loads_what_is_good_and_says_what_is_not(
    conn: Connection[Any], load: Callable[..., dict[str, Any]], rejects: Path
) -> None:
    rows = legacy.rows(300)
    good = [row for row in rows if row[4] != "0.00"]
    told = load(legacy.text(legacy.HEADER, rows), *legacy.OPTIONS, currency="BRL")

    cents = sum(to_units(row[4], "BRL") for row in good)
    assert told["read"] == {"rows": len(rows), "amount": cents}
    assert told["loaded"] == {"rows": len(good), "amount": cents}
    assert told["rejected"] == {"rows": len(rows) - len(good), "amount": 0}
    assert told["reasons"] == {
        "amount is zero": len(rows) - len(good) - 1,
        "unknown channel": 1,
    }
    assert told["new_rows"] == len(good)
    assert told["trades"] == told["new_trades"] == len({row[0] for row in good})
    assert told["rejects"] == str(rejects)
    bad_lines = {line for line, row in enumerate(rows, 2) if row[4] == "0.00"}
    assert set(reasons(rejects)) == bad_lines

    stored = payments(conn)
    ours = {"credit_card": "card", "debit_card": "card", "boleto": "bank", "voucher": "voucher"}
    assert {number: row[1:3] for number, row in stored.items()} == {
        f"{row[0]}-{row[1]}": (ours[row[2]], to_units(row[4], "BRL")) for row in good
    }
    assert all(state == "paid" and amount == paid for _, state, _, amount, paid, *_ in trades(conn))


def test_running_again_changes_nothing(
    conn: Connection[Any], load: Callable[..., dict[str, Any]]
) -> None:
    text = legacy.text(legacy.HEADER, legacy.rows(100))
    first = load(text, *legacy.OPTIONS, currency="BRL")
    before = conn.execute("select * from mixpay.facts order by log_no, entry").fetchall()
    second = load(text, *legacy.OPTIONS, "--jobs", "3", "--batch", "7", currency="BRL")

    assert conn.execute("select * from mixpay.facts order by log_no, entry").fetchall() == before
    assert second["loaded"] == first["loaded"]
    assert second["trades"] == first["trades"]
    assert (second["new_rows"], second["new_trades"]) == (0, 0)


def test_merges_rows_that_share_a_trade_number(
    conn: Connection[Any], load: Callable[..., dict[str, Any]]
) -> None:
    load(
        "order_no,trade_no,payment_no,channel,amount,order_amount,payee_no,paid_at\n"
        "A,T,P1,wechat,60.00,100.00,east,2026-01-02T12:00:00+08:00\n"
        "C,,P4,cash,7.00,,,\n"
        "B,T,P2,card,30.00,50.00,west,2026-01-01T12:00:00Z\n"
        "A,,P3,cash,70.00,,,2026-01-03 09:30+08:00\n"
    )

    assert trades(conn) == [
        ("C", "paid", "CNY", 700, 700, 1, 1),
        ("T", "paid", "CNY", 15000, 15000, 2, 3),
    ]
    assert payments(conn) == {
        "P1": ("T", "wechat", 6000, 6000, 0, 1),
        "P2": ("T", "card", 3000, 3000, 0, 2),
        "P3": ("T", "cash", 7000, 6000, 1000, 3),
        "P4": ("C", "cash", 700, 700, 0, 1),
    }
    orders = conn.execute(
        "select order_no, payee_no, amount, paid from mixpay.order_balances order by order_no"
    ).fetchall()
    assert orders == [
        ("A", "east", 10000, 10000),
        ("B", "west", 5000, 5000),
        ("C", None, 700, 700),
    ]
    titles = conn.execute("select payee_no, title from mixpay.payee_list order by 1").fetchall()
    assert titles == [("east", "east"), ("west", "west")]
    (paid_at,) = (
        conn.execute(
            "select paid_at at time zone 'UTC' from mixpay.payments where payment_no = 'P3'"
        ).fetchone()
        or ()
    )
    assert str(paid_at) == "2026-01-03 01:30:00"


def test_what_is_registered_keeps_its_title(
    conn: Connection[Any], load: Callable[..., dict[str, Any]]
) -> None:
    conn.execute("select mixpay.register_merchant('m', 'The mall', 'pro_rata')")
    conn.execute("select mixpay.register_payee('m', 'east', 'The eastern store')")
    load(f"{HEADER},payee_no\nA,P1,cash,1.00,east\nB,P2,cash,1.00,west\n")

    merchants = conn.execute("select title, allocation from mixpay.merchant_list").fetchall()
    assert merchants == [("The mall", "pro_rata")]
    payees = conn.execute("select title from mixpay.payee_list order by payee_no").fetchall()
    assert payees == [("The eastern store",), ("west",)]


@pytest.mark.parametrize(
    ("fields", "reason", "detail"),
    [
        ("A,P,cash,0.00", "amount is zero", ""),
        ("A,P,cash,-5.00", "amount is negative", ""),
        ("A,P,cash,1.005", "too many decimals", "amount is 1.005"),
        ("A,P,cash,1.000", "too many decimals", "amount is 1.000"),
        ("A,P,cash,12e3", "not an amount", "amount is 12e3"),
        ("A,P,cash,1 000", "not an amount", "amount is 1 000"),
        ("A,P,cash,١٢", "not an amount", "amount is ١٢"),
        ("A,P,cash,NaN", "not an amount", "amount is NaN"),
        ("A,P,cash,10000000000000.01", "amount is too large", "amount is 10000000000000.01"),
        ("A,P,cash,", "empty field", "amount"),
        (",P,cash,1.00", "empty field", "order_no"),
        ("A,,cash,1.00", "empty field", "payment_no"),
        ("A,P,,1.00", "empty field", "channel"),
        ("A,P,bitcoin,1.00", "unknown channel", "bitcoin"),
        ("A,P,cash", "wrong number of fields", "3 instead of 4"),
        ("A,P,cash,1.00,", "wrong number of fields", "5 instead of 4"),
        (
            "A B,P,cash,1.00",
            "not 1 to 64 printable ASCII characters without spaces",
            "order_no is A B",
        ),
        (
            f"A,{'P' * 65},cash,1.00",
            "not 1 to 64 printable ASCII characters without spaces",
            f"payment_no is {'P' * 65}",
        ),
    ],
)
def test_rejects_a_bad_row_alone(
    conn: Connection[Any],
    load: Callable[..., dict[str, Any]],
    rejects: Path,
    fields: str,
    reason: str,
    detail: str,
) -> None:
    told = load(f"{HEADER}\nG1,P1,cash,1.00\n\n{fields}\nG2,P2,cash,2.00\n")

    assert reasons(rejects) == {4: (reason, detail)}
    assert told["reasons"] == {reason: 1}
    assert set(payments(conn)) == {"P1", "P2"}
    assert told["read"]["rows"] == 3
    assert told["read"]["amount"] == told["loaded"]["amount"] + told["rejected"]["amount"]


@pytest.mark.parametrize(
    ("column", "values", "reason", "detail"),
    [
        ("trade_no", ("T", "U"), "contradicts the order's trade_no", "U here, T before"),
        ("payee_no", ("e", "w"), "contradicts the order's payee_no", "w here, e before"),
        ("order_amount", ("3", "4.00"), "contradicts the order's amount", "400 here, 300 before"),
        ("order_amount", ("3", "0"), "order_amount is not above zero", "0"),
        ("order_amount", ("3", "3.001"), "too many decimals", "order_amount is 3.001"),
        ("paid_at", ("", "yesterday"), "paid_at is not a moment", "yesterday"),
        ("paid_at", ("", "2026-02-30T00:00Z"), "paid_at is not a moment", "2026-02-30T00:00Z"),
        ("paid_at", ("", "0001-01-01T00:00+01"), "paid_at is not a moment", "0001-01-01T00:00+01"),
        (
            "paid_at",
            ("", "2026-01-01 12:00"),
            "paid_at names no offset from UTC",
            "2026-01-01 12:00",
        ),
    ],
)
def test_rejects_what_contradicts_an_earlier_row(
    conn: Connection[Any],
    load: Callable[..., dict[str, Any]],
    rejects: Path,
    column: str,
    values: tuple[str, str],
    reason: str,
    detail: str,
) -> None:
    first, second = values
    load(
        f"{HEADER},{column}\n"
        f"A,P1,cash,1.00,{first}\n"
        f"A,P2,cash,1.00,{second}\n"
        "A,P3,cash,2.00,\n"  # says nothing, so contradicts nothing
    )

    assert reasons(rejects) == {3: (reason, detail)}
    assert set(payments(conn)) == {"P1", "P3"}


def test_rejects_a_payment_number_that_comes_twice(
    conn: Connection[Any], load: Callable[..., dict[str, Any]], rejects: Path
) -> None:
    load(f"{HEADER}\nA,P,cash,1.00\nA,P,cash,1.00\nB,P,card,2.00\n")

    twice = ("repeated payment number", "P stands in an earlier line")
    assert reasons(rejects) == {3: twice, 4: twice}
    assert [row[:5] for row in trades(conn)] == [("A", "paid", "CNY", 100, 100)]


def test_rejects_what_the_database_refuses_and_loads_all_else(
    conn: Connection[Any], load: Callable[..., dict[str, Any]], rejects: Path
) -> None:
    header = "order_no,sequence,channel,amount"
    many = [[f"G{i}", 1, "cash", "1.00"] for i in range(40)]
    load(f"{header}\nA,1,cash,1.00\nB,1,cash,1.00\n")
    told = load(
        legacy.text(header.split(","), many[:20])
        + "A,1,cash,1.00\nA,2,card,2.00\n"  # the order was 1.00
        + "B,1,card,1.00\n"  # the payment was by cash
        + legacy.text(header.split(","), many[20:]).partition("\n")[2]
    )

    found = reasons(rejects)
    assert {line: reason for line, (reason, _) in found.items()} == {
        23: "the order is there already and takes no more",
        24: "MX202: The payment number was used for something else",
    }
    assert "order A is of 1.00" in found[23][1]
    assert "payment number B-1 was used for something else" in found[24][1]
    # A-1 was there before.
    assert told["loaded"] == {"rows": 41, "amount": 4100}
    assert told["new_rows"] == 40
    assert told["rejected"] == {"rows": 2, "amount": 300}
    assert set(payments(conn)) == {"A-1", "B-1", *(f"G{i}-1" for i in range(40))}


def test_e39_a_row_that_only_the_database_refuses_adds_nothing_to_its_order(
    conn: Connection[Any], load: Callable[..., dict[str, Any]], rejects: Path
) -> None:
    load(f"{HEADER}\nB,P1,cash,2.00\n")
    load(f"{HEADER}\nA,P1,cash,2.00\nA,P2,cash,1.00\n")  # P1 paid for B

    assert [(line, reason[:6]) for line, (reason, _) in reasons(rejects).items()] == [(2, "MX202:")]
    # The order's amount is the sum of its good rows: it is paid, and asks for nothing more.
    assert trades(conn)[0] == ("A", "paid", "CNY", 100, 100, 1, 1)


def test_e39_an_order_all_of_whose_rows_the_database_refuses_is_not_there(
    conn: Connection[Any], load: Callable[..., dict[str, Any]], rejects: Path
) -> None:
    told = load(f"{HEADER},paid_at\nA,P1,cash,2.00,1800-01-01T00:00Z\n")

    assert [(line, reason[:6]) for line, (reason, _) in reasons(rejects).items()] == [(2, "MX905:")]
    assert (told["trades"], told["new_trades"], trades(conn)) == (0, 0, [])


def test_an_order_that_stands_in_an_earlier_trade_is_refused(
    conn: Connection[Any], load: Callable[..., dict[str, Any]], rejects: Path
) -> None:
    header = f"{HEADER},trade_no,payee_no"
    load(f"{header}\nA,P1,cash,1.00,T,e\nB,P2,cash,1.00,U,e\n")
    load(f"{header}\nA,P3,cash,1.00,V,e\nB,P4,cash,1.00,W,w\n")

    assert [(line, reason[:6]) for line, (reason, _) in reasons(rejects).items()] == [
        (2, "MX108:"),
        (3, "MX105:"),
    ]
    assert set(payments(conn)) == {"P1", "P2"}


def test_what_arrived_beyond_the_orders_amount_is_surplus(
    load: Callable[..., dict[str, Any]],
) -> None:
    told = load(f"{HEADER},order_amount\nA,P1,cash,3.00,2.00\nB,P2,cash,3.00,4.00\n")

    assert told["loaded"] == {"rows": 2, "amount": 600}
    assert told["surplus"] == 100


def test_e24_decimals_are_those_of_the_currency(
    conn: Connection[Any], load: Callable[..., dict[str, Any]], rejects: Path
) -> None:
    load(f"{HEADER}\nJ1,P1,cash,1200\nJ2,P2,cash,12.00\n", currency="JPY")
    assert reasons(rejects) == {3: ("too many decimals", "amount is 12.00")}
    load(f"{HEADER}\nK1,P3,cash,1.234\nK2,P4,cash,0.5\nK3,P5,cash,1.2345\n", currency="KWD")
    assert reasons(rejects) == {4: ("too many decimals", "amount is 1.2345")}

    assert [row[:4] for row in trades(conn)] == [
        ("J1", "paid", "JPY", 1200),
        ("K1", "paid", "KWD", 1234),
        ("K2", "paid", "KWD", 500),
    ]


def test_jobs_and_batches_change_nothing(
    conn: Connection[Any], load: Callable[..., dict[str, Any]]
) -> None:
    # Trades of several orders, their payments strewn over the file.
    rows = sorted(legacy.rows(60, seed=7), key=lambda row: row[4])
    rows = [[*row, f"T{int(row[0][:2], 16) % 20}"] for row in rows]
    text = legacy.text([*legacy.HEADER, "trade_no"], rows)
    told = []
    for merchant, jobs, batch in [("m1", "1", "1000"), ("m2", "2", "3"), ("m3", "5", "1")]:
        options = ["--merchant", merchant, "--jobs", jobs, "--batch", batch]
        told.append(load(text, *legacy.OPTIONS, *options, currency="BRL"))

    first = everything(conn, "m1")
    assert len(first) > len(rows)
    assert everything(conn, "m2") == everything(conn, "m3") == first
    assert told[0]["loaded"] == told[1]["loaded"] == told[2]["loaded"]


def test_killed_half_way_and_run_again_it_ends_the_same(
    conn: Connection[Any], load: Callable[..., dict[str, Any]], url: str, tmp_path: Path
) -> None:
    text = legacy.text(legacy.HEADER, legacy.rows(2000))
    file = tmp_path / "killed.csv"
    file.write_text(text)
    command = [*MIXPAY, "--url", url, "import", str(file), "--merchant", "m", "--currency", "BRL"]
    process = subprocess.Popen(
        [*command, *legacy.OPTIONS, "--batch", "20"], cwd=tmp_path, stdout=subprocess.PIPE
    )
    count = "select count(*) from mixpay.payments where merchant_id = 'm'"
    while process.poll() is None and (conn.execute(count).fetchone() or (0,))[0] < 300:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    sessions = "select from pg_stat_activity where application_name = 'mixpay import'"
    while conn.execute(f"{sessions} and datname = current_database()").fetchall():
        time.sleep(0.002)

    (there,) = conn.execute(count).fetchone() or (0,)
    told = load(text, *legacy.OPTIONS, currency="BRL")
    assert 300 <= there < told["loaded"]["rows"]
    assert told["new_rows"] == told["loaded"]["rows"] - there
    load(text, *legacy.OPTIONS, "--merchant", "whole", currency="BRL")
    assert everything(conn, "m") == everything(conn, "whole")


def test_two_imports_of_one_file_at_once_load_it_once(
    conn: Connection[Any], url: str, tmp_path: Path
) -> None:
    rows = legacy.rows(500)
    texts = {"there": rows, "back": rows[::-1]}
    processes = []
    for name, ordered in texts.items():
        (tmp_path / name).write_text(legacy.text(legacy.HEADER, ordered))
        command = [*MIXPAY, "--url", url, "import", name, "--merchant", "m", "--currency", "BRL"]
        processes.append(
            subprocess.Popen(
                [*command, *legacy.OPTIONS, "--batch", "10", "--json"],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
            )
        )
    told = [json.loads(process.communicate()[0]) for process in processes]

    assert told[0]["loaded"] == told[1]["loaded"]
    assert told[0]["new_rows"] + told[1]["new_rows"] == told[0]["loaded"]["rows"]
    assert told[0]["new_trades"] + told[1]["new_trades"] == told[0]["trades"]
    assert len(payments(conn)) == told[0]["loaded"]["rows"]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("name", ["-", "payments.csv"])
def test_reads_files_and_standard_input_compressed_or_not(
    conn: Connection[Any],
    url: str,
    tmp_path: Path,
    rejects: Path,
    compress: Callable[[bytes], bytes],
    name: str,
) -> None:
    text = f'\ufeff{HEADER}\r\n"A",P1,cash,1.00\r\n B , P2 , cash , 2.00 \r\n'
    content = compress(text.encode())
    file = tmp_path / "payments.csv"
    file.write_bytes(content)
    where = name if name == "-" else str(file)
    result = run(url, rejects, where, "--currency", "CNY", input=content)

    assert result.exit_code == 0, result.output
    assert {number: row[2] for number, row in payments(conn).items()} == {"P1": 100, "P2": 200}
    assert not rejects.exists()


def test_prints_a_table(url: str, rejects: Path) -> None:
    text = f"{HEADER}\nA,P1,cash,1234.50\nA,P2,cash,0.00\n"
    result = run(url, rejects, "-", "--currency", "CNY", input=text)

    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "                  rows       CNY",
        "read                 2  1,234.50",
        "loaded               1  1,234.50",
        "  new                1",
        "  there before       0",
        "rejected             1      0.00",
        "  amount is zero     1",
        "3 lines: 1 header, 2 rows.",
        "1 trade, 1 of them new.",
        f"The rejected rows are in {rejects}.",
    ]


def test_a_dry_run_loads_nothing(
    conn: Connection[Any], load: Callable[..., dict[str, Any]], rejects: Path
) -> None:
    told = load(f"{HEADER}\nA,P1,cash,1.00\nA,P2,bitcoin,1.00\n", "--dry-run")

    assert reasons(rejects) == {3: ("unknown channel", "bitcoin")}
    assert told["dry_run"] is True
    assert told["read"]["rows"] == 2
    # It says what would happen.
    assert told["loaded"]["rows"] == 1
    assert conn.execute("select from mixpay.merchant_list").fetchall() == []


def test_what_is_loaded_is_summed_up(
    conn: Connection[Any], load: Callable[..., dict[str, Any]]
) -> None:
    def folds() -> list[tuple[Any, ...]]:
        return conn.execute("select fold from mixpay.balance_folds order by fold").fetchall()

    text = f"{HEADER}\nA,P1,cash,1.00\n"
    load(text, "--dry-run")
    assert folds() == []
    load(text)
    assert folds() == [(1,)]


def test_what_cannot_be_summed_up_is_loaded(
    conn: Connection[Any], url: str, rejects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c role=mixpay_writer")
    conn.execute("revoke execute on function mixpay.fold_balances from mixpay_writer")
    text = f"{HEADER}\nA,P1,cash,1.00\n"
    result = run(url, rejects, "-", "--currency", "CNY", input=text)

    assert result.exit_code == 0, result.output
    assert set(payments(conn)) == {"P1"}
    assert "1 trade, 1 of them new." in result.stdout
    assert "All is loaded, but not summed up: permission denied" in result.stderr


def test_a_moment_without_offset_is_of_the_zone_that_is_named(
    conn: Connection[Any], load: Callable[..., dict[str, Any]]
) -> None:
    load(f"{HEADER},paid_at\nA,P1,cash,1.00,2026-01-01 12:00\n", "--timezone", "Asia/Shanghai")

    stored = conn.execute("select (paid_at at time zone 'UTC')::text from mixpay.payments")
    assert stored.fetchall() == [("2026-01-01 04:00:00",)]


def test_rejects_of_an_earlier_run_are_gone_when_all_is_well(
    load: Callable[..., dict[str, Any]], rejects: Path
) -> None:
    load(f"{HEADER}\nA,P1,cash,none\n")
    assert rejects.exists()
    told = load(f"{HEADER}\nA,P1,cash,1.00\n")
    assert told["rejects"] is None
    assert not rejects.exists()


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", [], 'the header has no column "order_no"'),
        ("order_no,channel,amount\n", [], 'has no column "payment_no" for payment_no or sequence'),
        (f"{HEADER}\n", ["--map", "amount=total"], 'the header has no column "total" for amount'),
        (f"{HEADER},amount\n", [], 'the header names "amount" twice'),
        (f"{HEADER}\n", ["--map", "order=id"], "'order' is not one of order_no"),
        (f"{HEADER}\n", ["--map", "amount"], "'amount' is not of the form OURS=THEIRS"),
        (f"{HEADER}\n", ["--channel", "cheque=bnak"], "there is no channel bnak"),
        (f"{HEADER}\n", ["--currency", "cny"], "'cny' is not a currency"),
        (f"{HEADER}\n", ["--timezone", "Mars"], "'Mars' is not a time zone"),
        (f"{HEADER}\nA", ["--rejects", "/nowhere/r.csv"], "cannot write /nowhere/r.csv"),
        (f'{HEADER}\nA,P,cash,"{"1" * 200_000}"\n', [], "line 2 is not CSV"),
    ],
)
def test_loads_nothing_where_the_call_itself_is_wrong(
    conn: Connection[Any], url: str, rejects: Path, text: str, options: list[str], message: str
) -> None:
    result = run(url, rejects, "-", "--currency", "CNY", *options, input=text)

    assert result.exit_code == 2, result.output
    assert message in " ".join(result.output.replace("│", " ").split())
    assert conn.execute("select from mixpay.merchant_list").fetchall() == []


def test_a_damaged_archive_loads_nothing(
    conn: Connection[Any], url: str, rejects: Path, tmp_path: Path
) -> None:
    file = tmp_path / "payments.csv.gz"
    whole = gzip.compress(legacy.text(legacy.HEADER, legacy.rows(500)).encode())
    file.write_bytes(whole[: len(whole) // 2])
    result = run(url, rejects, str(file), "--currency", "BRL", *legacy.OPTIONS)

    assert result.exit_code == 2
    assert "the input is damaged after line" in result.output
    assert payments(conn) == {}


def test_a_writer_may_import(
    conn: Connection[Any], url: str, rejects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c role=mixpay_writer")
    text = (
        f"{HEADER},payee_no,kind\nA,P1,card,1.00,east,\nA,P2,cash,1.00,,\nA,P2,cash,1.00,,\n"
        "A,R1,card,0.50,,refund\nA,R2,cash,0.50,,refund\nB,P1,card,1.00,,\n"
    )
    result = run(url, rejects, "-", "--currency", "CNY", input=text)

    assert result.exit_code == 0, result.output
    assert set(payments(conn)) == {"P1", "P2"}
    refunded = conn.execute("select refund_no from mixpay.refund_list order by 1").fetchall()
    assert refunded == [("R1",), ("R2",)]
