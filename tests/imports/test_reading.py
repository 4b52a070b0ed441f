"""How `mixpay import` reads a file: what is meant, or not at all."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from importing import HEADER, payments, reasons, run
from psycopg import Connection

from mixpay_db import csvfile

Load = Callable[..., dict[str, Any]]
PLAIN = f"{HEADER}\nA,P1,cash,1.00\nB,P2,card,2.00\n"


def add_up(told: dict[str, Any]) -> bool:
    """Every line of the file is a row that is loaded or rejected, or something that has a name."""
    lines = told["lines"]
    rows = told["loaded"]["rows"] + told["rejected"]["rows"]
    others = ("before_header", "header", "continued", "blank")
    return lines["read"] == rows + sum(lines[name] for name in others)


def refused(url: str, rejects: Path, text: str | bytes, *options: str) -> str:
    """What is said of a file that is refused as a whole."""
    result = run(url, rejects, "-", "--currency", "CNY", *options, input=text)
    assert result.exit_code == 2, result.output
    return " ".join(result.output.split())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f'{HEADER},note\nA,P1,cash,10.00,"5 inch\nB,P2,cash,20.00,ok\n', 2),
        (f'{HEADER},note\nA,P1,cash,10.00,"5 inch\nB,P2,cash,20.00,"ok"\n', 2),
        (f'{HEADER},note\nA,P1,cash,10.00,"5 inch\nB,P2,cash,20.00,5" more\n', 2),
        # The quote is closed, but only by the next row.
        (f'{HEADER},note\nA,P1,cash,10.00,"5 inch\nB,P2,cash,20.00,5"\nC,P3,cash,1.00,ok\n', 2),
        (f'note,{HEADER}\nx,A,P1,cash,1.00\n"5 inch,B,P2,cash,2.00\ny,C,P3,cash,3.00\n', 3),
        # It begins in a row's second line.
        (f'{HEADER},note,more\nA,P1,cash,1.00,"two\nlines","5 inch\nB,P2,cash,2.00,x,y\n', 3),
        (f'{HEADER},note\nA,P1,cash,1.00,"5" screen"\n', 2),
        # More than a field may have.
        (f'{HEADER},note\nA,P1,cash,1.00,"5\n' + "B,P,x,y\n" * 40_000, 2),
    ],
)
def test_e38_a_quote_that_is_not_closed_refuses_the_file(
    conn: Connection[Any], url: str, rejects: Path, text: str, line: int
) -> None:
    assert f"line {line} has a quote that is " in refused(url, rejects, text)
    assert conn.execute("select from mixpay.merchant_list").fetchall() == []
    assert not rejects.exists()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_e38_lines_add_up_whatever_the_quoting(
    conn: Connection[Any], load: Load, rejects: Path, end: str
) -> None:
    text = (
        f"{HEADER},note\n"
        'A,P1,cash,1.00,"one\ntwo\n\nfour"\n'
        "\n"
        'B,P2,cash,2.00,"say ""five"", inch"\n'
        'C,P3,cash,x,"a\nb"\n'
        'D,P4,cash,4.00,5" screen\n'
        '"E",P5,"cash","5.00",\n'
    )
    told = load(text.replace("\n", end).encode())

    assert set(payments(conn)) == {"P1", "P2", "P4", "P5"}
    assert reasons(rejects) == {8: ("not an amount", "amount is x")}
    assert told["lines"] == {
        "read": 11,
        "before_header": 0,
        "header": 1,
        "continued": 4,
        "blank": 1,
    }
    assert add_up(told)


def test_a_line_break_within_quotes_may_have_commas(conn: Connection[Any], load: Load) -> None:
    told = load(f'{HEADER},note\nA,P1,cash,1.00,"first, second,\nthird, fourth, fifth, sixth"\n')
    assert set(payments(conn)) == {"P1"}
    assert add_up(told)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.encode("utf-32"),
        lambda text: text.encode("gb18030"),
    ],
    ids=["utf-8", "mark", "utf-16", "be-mark", "le", "be", "utf-32", "gb18030"],
)
def test_finds_out_how_a_file_is_written(
    conn: Connection[Any], load: Load, delimiter: str, encode: Callable[[str], bytes]
) -> None:
    text = "流水号,订单号,渠道,金额,备注\nP1,A,微信,1.00,好\nP2,B,现金,2.00,\n"
    names = {"payment_no": "流水号", "order_no": "订单号", "channel": "渠道", "amount": "金额"}
    options = [f"--map={ours}={theirs}" for ours, theirs in names.items()]
    channels = ["--channel=微信=wechat", "--channel=现金=cash"]
    told = load(encode(text.replace(",", delimiter)), *options, *channels)

    assert {number: row[1] for number, row in payments(conn).items()} == {
        "P1": "wechat",
        "P2": "cash",
    }
    assert add_up(told)


@pytest.mark.parametrize(
    ("before", "lines"),
    [
        ("sep=;\n", 1),
        ('"sep=;"\n', 1),
        ("Payments of 2026\n\nMade by: till 4; printed, as ever\n", 3),
        ("Order;;Payment;\n", 1),
        ('"Payments\nof ""2026"""\n', 2),
    ],
)
def test_what_is_before_the_header_is_no_row(
    conn: Connection[Any], load: Load, before: str, lines: int
) -> None:
    told = load(before + PLAIN.replace(",", ";"))
    assert set(payments(conn)) == {"P1", "P2"}
    assert told["lines"]["before_header"] == lines
    assert add_up(told)


def test_a_second_line_of_the_header_is_rejected_as_what_it_is(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    told = load(f"{HEADER}\n订单号,流水号,渠道,金额\nA,P1,cash,1.00\n")
    assert reasons(rejects) == {
        2: ("looks like a second line of the header", "not an amount: amount is 金额")
    }
    assert set(payments(conn)) == {"P1"}
    assert add_up(told)


def test_a_separator_may_be_any_character_that_is_named(conn: Connection[Any], load: Load) -> None:
    load(PLAIN.replace(",", "~"), "--delimiter", "~")
    load("sep=^\n" + PLAIN.replace(",", "^"), "--merchant", "other")
    load(PLAIN.replace(",", "\t"), "--delimiter", "tab", "--merchant", "third")
    assert set(payments(conn)) == set(payments(conn, "other")) == set(payments(conn, "third"))
    assert set(payments(conn)) == {"P1", "P2"}


def test_says_how_it_read_what_is_unusual(url: str, rejects: Path) -> None:
    text = ("made by till 4\n" + PLAIN.replace(",", ";")).encode("utf-16")
    result = run(url, rejects, "-", "--currency", "CNY", input=text)
    assert result.stdout.startswith(
        "- was read as utf-16, separated by semicolons, with its header in line 2.\n"
    )
    assert "4 lines: 1 before the header, 1 header, 2 rows." in result.stdout


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        # It names what it took for the header, and what to say if it was wrong.
        (
            "order;payment;kind;sum\nA;P1;cash;1.00\n",
            [],
            "it is order,payment,kind,sum, in line 1, separated by semicolons, read as utf-8 "
            "hint: Say which it is: --map order_no=COLUMN",
        ),
        (
            "order_no,payment_no,channel,sum\nA,P1,cash,1.00\n",
            [],
            'the header has no column "amount" for amount: it is order_no,payment_no,channel,sum, '
            "in line 1",
        ),
        (
            "Payments\nof 2026\n\norder_no\tpayment_no\tchannel\tsum\n",
            [],
            "in line 4, separated by tabs",
        ),
        (
            "订单号,流水号,渠道,金额\n".encode("gb18030"),
            [],
            "hint: It is not in utf-8. Say how it is written: --encoding gb18030",
        ),
        ("one line\nand another\n", [], "--header, --delimiter"),
        (f'"{HEADER}\n', [], "hint: Line 1 has a quote that is not closed."),
        (
            'order_no,payment_no,channel,"amount\nA,P1,cash,1.00\n',
            [],
            "hint: Line 1 has a quote that is not closed.",
        ),
        (PLAIN, ["--header", "2"], "it is A,P1,cash,1.00, in line 2"),
        (PLAIN, ["--header", "9"], "the input has no line 9"),
        (PLAIN, ["--delimiter", ";"], "separated by semicolons"),
        (PLAIN, ["--delimiter", "; "], "is not one character"),
        (PLAIN, ["--encoding", "klingon"], "'klingon' is not an encoding"),
        (PLAIN, ["--encoding", "base64"], "'base64' is not an encoding"),
        (b"PK\x03\x04\x14\0\6\0", [], "an Excel workbook or another archive, not CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", [], "an old Excel workbook, not CSV"),
    ],
)
def test_what_is_not_recognised_is_named(
    url: str, rejects: Path, text: str | bytes, options: list[str], message: str
) -> None:
    assert message in refused(url, rejects, text, *options).replace("│ ", "")


def test_the_encoding_may_be_named(conn: Connection[Any], load: Load) -> None:
    text = f"{HEADER}\nA,P1,微信,1.00\nB,P2,cash,2.00\n".encode("gb18030")
    load(text, "--encoding", "gb18030", "--channel", "微信=wechat")
    assert {number: row[1] for number, row in payments(conn).items()} == {
        "P1": "wechat",
        "P2": "cash",
    }
    load(b"\xef\xbb\xbf" + PLAIN.encode(), "--encoding", "UTF-8", "--merchant", "marked")
    assert set(payments(conn, "marked")) == {"P1", "P2"}


def test_what_is_not_in_the_encoding_is_rejected_where_it_stands(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    text = f"{HEADER},note\nA,P1,微信,1.00,\nB,P2,cash,2.00,微信\n".encode("gb18030")
    told = load(text, "--channel", "微信=wechat")
    assert reasons(rejects) == {2: ("not in the file's encoding", "channel is \u03a2\\xd0\\xc5")}
    # What nobody reads may be anything.
    assert set(payments(conn)) == {"P2"}
    assert add_up(told)


def test_a_decimal_comma_is_named(url: str, tmp_path: Path, rejects: Path) -> None:
    """Nobody guesses whether 1,234 is one or a thousand: who says nothing is told what to say."""
    file = tmp_path / "payments.csv"
    file.write_text("order_no;payment_no;channel;amount\nA;P1;cash;1,50\nB;P2;cash;1,234\n")
    told = run(url, rejects, str(file), "--currency", "CNY")
    assert reasons(rejects) == {
        2: ("has a decimal comma", "amount is 1,50"),
        3: ("has a decimal comma", "amount is 1,234"),
    }
    assert "say --decimal-comma" in told.output


def test_decimal_commas(conn: Connection[Any], load: Load, rejects: Path) -> None:
    load(
        "order_no;payment_no;channel;amount;order_amount\n"
        "A;P1;cash;1,50;3,25\nB;P2;cash;1.234,56;\nC;P3;cash;2;\nD;P4;cash;2.00;\n",
        "--decimal-comma",
    )
    assert {number: row[2] for number, row in payments(conn).items()} == {"P1": 150, "P3": 200}
    assert reasons(rejects) == {
        3: ("not an amount", "amount is 1.234,56"),
        5: ("not an amount", "amount is 2.00"),
    }


@pytest.mark.parametrize(
    ("moment", "reason", "detail"),
    [
        (
            "2026-03-29 02:30",
            "paid_at does not exist in Europe/Berlin",
            "2026-03-29 02:30: the clocks were put forward",
        ),
        (
            "2026-10-25 02:30",
            "paid_at was there twice in Europe/Berlin",
            "2026-10-25 02:30: say its offset from UTC",
        ),
        ("2.026E+13", "paid_at is not a moment", "2.026E+13"),
        ("46109.5", "paid_at is not a moment", "46109.5"),
    ],
)
def test_a_local_time_that_was_not_or_was_twice_is_rejected(
    conn: Connection[Any], load: Load, rejects: Path, moment: str, reason: str, detail: str
) -> None:
    rows = [moment, "2026-03-29 01:59", "2026-03-29 03:00", "2026-10-25 02:30+01:00"]
    text = "".join(f"O{i},P{i},cash,1.00,{at}\n" for i, at in enumerate(rows))
    load(f"{HEADER},paid_at\n{text}", "--timezone", "Europe/Berlin")

    assert reasons(rejects) == {2: (reason, detail)}
    stored = conn.execute(
        "select (paid_at at time zone 'UTC')::text from mixpay.payments order by payment_no"
    )
    assert stored.fetchall() == [
        ("2026-03-29 00:59:00",),
        ("2026-03-29 01:00:00",),
        ("2026-10-25 01:30:00",),
    ]


@pytest.mark.parametrize(
    ("column", "row"),
    [
        ("order_no", "2.026E+13,P,cash,1.00,"),
        ("payment_no", "A,1E+15,cash,1.00,"),
        ("channel_txn_no", "A,P,cash,1.00,4.2E+27"),
        ("channel_txn_no", 'A,P,cash,1.00,"4,2E+27"'),
    ],
)
def test_a_number_that_a_spreadsheet_has_rounded_is_rejected(
    load: Load, rejects: Path, column: str, row: str
) -> None:
    load(f"{HEADER},channel_txn_no\n{row}\nB,1E5,cash,1.00,E+1\n")
    [(line, (reason, detail))] = reasons(rejects).items()
    assert (line, reason) == (2, "a spreadsheet has rounded a number")
    assert detail.startswith(f"{column} is ")


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "########"])
def test_a_spreadsheets_error_is_no_number(load: Load, rejects: Path, error: str) -> None:
    load(f"{HEADER}\n{error},P,cash,1.00\n#1,P1,cash,1.00\n")
    assert reasons(rejects) == {
        2: ("a spreadsheet's error stands for a number", f"order_no is {error}")
    }


CELLS = [
    *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", "'=1", "''=1", "''"),
    *("'", "x", "", "-1", "-1.50", "'-1", "--1", "-", "=", "a\nb", 'say "x"', "1;2,3", "-1e5"),
]


def test_what_is_written_is_safe_in_a_spreadsheet_and_reads_back_the_same() -> None:
    file = io.StringIO(newline="")
    csvfile.write(file, ["cell", "=name"], [[cell, 1] for cell in CELLS])
    file.seek(0)
    header, *rows = list(csv.reader(file, strict=True))

    assert header == ["cell", "'=name"]
    for (written, _), cell in zip(rows, CELLS, strict=True):
        risky = written[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "＝")
        # A plain negative number is none.
        assert not risky or cell in ("-1", "-1.50")
        assert csvfile.unguarded(written) == cell


def test_rejected_rows_are_safe_in_a_spreadsheet_and_read_back_the_same(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    load(f"{HEADER}\n=1+1,@P,+cash,1.00\n'=2,-P,cash,-1.00\n-3,P3,cash,none\n")
    text = rejects.read_text()
    assert text.splitlines()[1:] == [
        f"{rejects.parent}/payments.csv,2,unknown channel,'+cash,'=1+1,'@P,'+cash,1.00",
        f"{rejects.parent}/payments.csv,3,amount is negative,,'=2,'-P,cash,-1.00",
        f"{rejects.parent}/payments.csv,4,not an amount,amount is none,-3,P3,cash,none",
    ]
    # Mended, it is loaded like any other file.
    load(text.replace("'+cash", "cash").replace("-1.00", "1.00").replace("none", "1.00"))
    assert set(payments(conn)) == {"@P", "-P", "P3"}
    stored = conn.execute("select order_no from mixpay.orders order by 1").fetchall()
    assert stored == [("-3",), ("=1+1",), ("=2",)]
