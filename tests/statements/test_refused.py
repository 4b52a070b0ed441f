"""What is no statement, or not all of one, is refused by an error that says what."""

import gzip
import io
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from statement_files import FILES, SAMPLES, lines, opened, read

from mixpay_db import csvfile
from mixpay_db.problem import Problem
from mixpay_db.statements import (
    BadLine,
    Damaged,
    Line,
    StatementError,
    TotalsDiffer,
    UnknownFormat,
    open_statement,
    source,
)

CODECS = {"alipay_business.csv": "gbk", "alipay_account.csv": "gbk", "mt940.sta": "latin-1"}
CODECS |= {"mapped.csv": "cp1252"}


def text_of(name: str) -> str:
    return (FILES / name).read_bytes().decode(CODECS.get(name, "utf-8"))


def options(name: str) -> dict[str, Any]:
    return {"map": (FILES / name).with_suffix(".toml")} if SAMPLES[name] == "csv" else {}


def refused(tmp_path: Path, name: str, old: str, new: str, count: int = 1) -> Problem:
    """What is said of a file in which something is written in another way."""
    text = text_of(name)
    assert old in text
    data = text.replace(old, new, count).encode(CODECS.get(name, "utf-8"))
    with pytest.raises(Problem) as raised:
        read(tmp_path, data, f"file{Path(name).suffix}", **options(name))
    return raised.value


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        # The number of rows, or a sum, is not that of the lines.
        ("wechat_all.csv", "\n`10,", "\n`11,", "总交易单数 11, its lines say 10"),
        ("wechat_all.csv", "`8.61006", "`8.61007", "手续费总金额 8.61007, its lines say 8.61006"),
        ("wechat_all.csv", "`1490.07", "`1490.08", "应结订单总金额 1490.08"),
        ("wechat_fund.csv", "\n`10.0", "\n`9.0", "资金流水总笔数 9, its lines say 10"),
        ("wechat_fund.csv", "`160.06", "`160.60", "收入金额 160.6, its lines say 160.06"),
        ("alipay_business.csv", "7笔", "8笔", "交易合计笔数 8, its lines say 7"),
        ("alipay_business.csv", "共-25.00元", "共-26.00元", "退款合计 26, its lines say 25"),
        ("alipay_account.csv", "共105.36元", "共105.37元", "支出合计 105.37"),
        ("paypal_stl.csv", '"SC",10', '"SC",11', "SC (line 18) 11, its lines say 10"),
        ("paypal_stl.csv", '"FF",10', '"FF",9', "FF (line 23) 9, its lines say 10"),
        ("paypal_stl.csv", '"RF","USD",15405', '"RF","USD",15406', "credits 15406"),
        ("paypal_stl.csv", "15000,100,204", "15000,100,205", "fees [100, 205]"),
        ("camt053.xml", "1479.20", "1479.21", "closing balance of statement ST-2026-03 1479.21"),
        ("camt053.xml", ">10</NbOfNtries>", ">11</NbOfNtries>", "TtlNtries"),
        ("mt940.sta", ":62F:C260305EUR369,15", ":62F:C260305EUR369,16", "message 1, from line 1,"),
        ("mapped.csv", "10 rows", "11 rows", "rows 11, its lines say 10"),
        ("mapped.csv", "2.553,40", "2.553,41", "amount 2553.41, its lines say 2553.40"),
        # The file ends before what it should say.
        ("wechat_all.csv", "总交易单数,", "总交易笔数,", "fields instead of 27"),
        ("alipay_account.csv", "#收入合计", "#收入", "the file has no 收入合计 at its end"),
        ("mt940.sta", ":62F:C260307EUR1459,20", "", "no opening and closing balance in message 2"),
    ],
)
def test_totals_that_differ(tmp_path: Path, name: str, old: str, new: str, message: str) -> None:
    problem = refused(tmp_path, name, old, new)
    assert message in str(problem)
    assert isinstance(problem, StatementError)
    assert isinstance(problem, TotalsDiffer) or "fields" in message


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        # Amounts: more decimals than the currency has, and what is none.
        ("wechat_all.csv", "`1234.56", "`1234.567", "line 11: amount: '1234.567' has 3 decimals"),
        ("wechat_all.csv", "`60.00", "`6e1", "line 2: amount: '6e1' is not a text in decimal"),
        ("wechat_all.csv", "`60.00", "`", "line 2: amount is empty"),
        ("wechat_all.csv", "`0.36000", "`1e999999999", "line 2: fee is no amount"),
        ("wechat_all.csv", "`0.36000", "`NaN", "line 2: fee is no amount"),
        ("wechat_all.csv", "`CNY", "`RMB", "line 2: amount: 'RMB' is not a currency"),
        ("stripe_activity.csv", "jpy,15000,", "jpy,15000.00,", "line 4: gross: '15000.00' has 2"),
        ("stripe_activity.csv", "2.04,57.96", "2.04,57.95", "line 2: net is 57.95"),
        ("adyen_settlement.csv", ",60.00,1", ",60.001,1", "line 2: gross_in: '60.001' has 3"),
        ("paypal_stl.csv", '"CR",1500000', '"CR",1500050', "no whole number of units of JPY"),
        ("paypal_stl.csv", '"CR",6000', '"CR",60.00', "line 5: amount is no whole number"),
        ("paypal_stl.csv", '"CR",6000', '"XX",6000', "amount is neither CR nor DR"),
        ("camt053.xml", ">94.55<", ">94.555<", "line 2: Amt: '94.555' has 3 decimals"),
        ("camt053.xml", ">94.55<", ">-94.55<", "line 2: Amt is -94.55"),
        ("mt940.sta", "C94,55N", "C94,555N", "amount: '94.555' has 3 decimals"),
        ("fen.csv", "\t6000\t", "\t60.00\t", "line 2: amount is no whole number"),
        ("mapped.csv", "1.200,50", "1.200.50", "line 3: amount is no amount: '1.200.50'"),
        # Moments.
        ("wechat_all.csv", "`2026-03-01 00:00:00", "`2026/3/1 0:00", "line 2: at is no moment"),
        ("stripe_activity.csv", "2026-03-01 09:00:00", "2026-02-30 09:00", "created_utc is no"),
        ("adyen_settlement.csv", ",CET,", ",CST,", "TimeZone is 'CST', which may be several"),
        ("paypal_stl.csv", '2026/03/01 10:00:00 -0800,"CR"', 'x,"CR"', "no moment: 'x'"),
        ("camt053.xml", "<BookgDt><Dt>2026-03-04", "<BookgDt><Dt>2026-13-04", "is no moment"),
        ("mapped.csv", "01.03.2026 10:00", "2026-03-01", "not of the form %d.%m.%Y"),
        # Words.
        ("wechat_fund.csv", "`支出", "`出", "line 3: 收支类型 is '出'"),
        ("camt053.xml", "<CdtDbtInd>DBIT", "<CdtDbtInd>OUT", "CdtDbtInd is 'OUT'"),
        ("mapped.csv", ";OK\n", ";SURE\n", "state is 'SURE'"),
        ("mapped.csv", ";CR;", ";IN;", "direction is 'IN'"),
        ("paypal_stl.csv", '"SB","TX05"', '"ZZ","TX05"', "a record of type 'ZZ'"),
        # Rows.
        ("stripe_activity.csv", ",po_02,", ",", "fields instead of 16"),
        ("stripe_activity.csv", '"Sofa, three', 'x,"Sofa, three', "fields instead of 16"),
        ("adyen_settlement.csv", "TX44", 'TX"44', "is not closed"),
        ("wechat_all.csv", "`沙发, 三人", "`沙发,` 三人", "28 fields instead of 27"),
    ],
)
def test_a_line_that_does_not_say_what_it_should(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    assert message in str(refused(tmp_path, name, old, new))


def test_a_quote_that_is_not_closed_names_its_line(tmp_path: Path) -> None:
    text = text_of("stripe_activity.csv")
    # It would swallow two rows whole, and end where the next one begins.
    text = text.replace("po_01,Table,", 'po_01,"Table,').replace(',"Sofa, three', ',Sofa" three')
    with pytest.raises(Problem, match="line 2 has a quote"):
        read(tmp_path, text)
    swallowed = (
        "balance_transaction_id,created_utc,currency,gross,reporting_category,description\n"
        't1,2026-03-01,usd,1,charge,"5 inch\n'
        "t2,2026-03-01,usd,2,charge,ok\n"
        't3,2026-03-01,usd,3,charge,5"\n'
        "t4,2026-03-01,usd,4,charge,ok\n"
    )
    with pytest.raises(BadLine, match="line 2: a quote is closed only after line 3"):
        read(tmp_path, swallowed)


def test_lines_come_before_the_error_so_that_whoever_loads_them_rolls_back(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text_of("wechat_all.csv").replace("\n`10,", "\n`9,"), encoding="utf-8")
    found = []
    with open_statement(path) as statement, pytest.raises(TotalsDiffer):
        found.extend(statement.lines())
    assert len(found) == 10


def test_rows_after_the_end_are_not_read_over(tmp_path: Path) -> None:
    text = text_of("wechat_all.csv")
    with pytest.raises(TotalsDiffer, match="comes after the summary"):
        read(tmp_path, text + text.splitlines()[1] + "\n")
    bill = text_of("alipay_business.csv")
    with pytest.raises(TotalsDiffer, match="is a row after the end of the list"):
        read(tmp_path, bill + bill.splitlines()[5] + "\n")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_that_is_cut_off_anywhere_says_so_or_loses_only_blank(
    tmp_path: Path, name: str
) -> None:
    data = (FILES / name).read_bytes()
    with opened(name) as statement:
        expected = list(statement.lines())
    has_totals = SAMPLES[name] not in ("stripe", "adyen") and name != "fen.csv"
    for end in sorted({*range(0, len(data), 97), *range(len(data) - 40, len(data))}):
        try:
            found = read(tmp_path, data[:end], f"file{Path(name).suffix}", **options(name))
        except Problem:
            continue
        else:
            # Nothing is missing, or the format cannot know (each row of it is whole).
            assert found == expected or not has_totals
            assert found == expected[: len(found)] or end > len(data) - 40


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_whatever_bytes_are_wrong_the_error_is_typed(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    rng = random.Random(name)
    data = pack((FILES / name).read_bytes())
    for _ in range(60):
        bad = bytearray(data)
        for _ in range(rng.choice([1, 1, 2, 30])):
            bad = bad or bytearray(b"x")
            i = rng.randrange(len(bad))
            match rng.randrange(4):
                case 0:
                    bad[i] = rng.randrange(256)
                case 1:
                    bad[i] ^= 1 << rng.randrange(8)
                case 2:
                    del bad[i : i + rng.randrange(1, 40)]
                case 3:
                    bad[i:i] = rng.choice([b'"', b"\0", b"\n", b",", b"`", b"\xff\xfe", b"\x1a"])
        # Whatever else it raises fails the test.
        with suppress(Problem):
            read(tmp_path, bytes(bad), f"file{Path(name).suffix}", **options(name))


def test_nothing_is_no_statement(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(9999)
    for data in (b"", b"\n", b"\0" * 1000, b"a,b\n1,2\n", b"%PDF-1.4", noise):
        with pytest.raises(UnknownFormat, match=r"file\.csv is no statement that is known"):
            read(tmp_path, data)
    with pytest.raises(StatementError, match=r"cannot read .*no-such"):
        open_statement(tmp_path / "no-such")
    with pytest.raises(StatementError, match="cannot read"):
        open_statement(tmp_path)
    with pytest.raises(StatementError, match="cannot read"):
        open_statement("a\0b")


def test_a_format_that_is_named_must_be_the_files(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match=r'no WeChat Pay trade bill .*: no column "交易时间"'):
        read(tmp_path, text_of("stripe_activity.csv"), format="wechat")
    for text in ("", "a,b\n1,2\n"):
        with pytest.raises(UnknownFormat, match=r'^the map does not fit: no column "'):
            read(tmp_path, text, map=FILES / "fen.toml")
    with pytest.raises(UnknownFormat, match="there is no format 'nope'"):
        read(tmp_path, "", format="nope")
    with pytest.raises(UnknownFormat, match="format csv needs a map"):
        read(tmp_path, "", format="csv")
    with pytest.raises(UnknownFormat, match="format stripe has columns of its own"):
        read(tmp_path, "", format="stripe", map=FILES / "fen.toml")
    with pytest.raises(Damaged, match="the XML cannot be read"):
        read(tmp_path, text_of("stripe_activity.csv"), format="camt053")
    with pytest.raises(StatementError, match="no message in it"):
        read(tmp_path, text_of("stripe_activity.csv"), format="mt940")
    with pytest.raises(Problem, match="'Mars/Base' is not a time zone"):
        read(tmp_path, "", zone="Mars/Base")
    with pytest.raises(Problem, match="'RMB' is not a currency"):
        read(tmp_path, "", currency="RMB")


def test_a_column_that_stands_twice(tmp_path: Path) -> None:
    text = text_of("stripe_activity.csv").replace(",description,", ",gross,", 1)
    with pytest.raises(StatementError, match='the header names "gross" twice'):
        read(tmp_path, text)


def test_bytes_that_are_not_in_the_encoding(tmp_path: Path) -> None:
    data = text_of("stripe_activity.csv").encode().replace(b"Table", b"T\xe4ble")
    with pytest.raises(BadLine, match=r"line 2: description is not in the file's encoding"):
        read(tmp_path, data)


def test_a_time_that_the_clocks_skipped(tmp_path: Path) -> None:
    text = text_of("stripe_payouts.csv").replace("2026-03-01 04:00:00", "2026-03-08 02:30:00")
    with pytest.raises(BadLine, match="does not exist in America/New_York"):
        read(tmp_path, text, zone="America/New_York")


def test_numbers_with_control_characters(tmp_path: Path) -> None:
    text = text_of("stripe_payouts.csv").replace(",ch_01,ch_01,", ",ch_01,ch\x1b[31m_01,")
    with pytest.raises(BadLine, match="source_no is no number"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "begin"),
    [("stripe_activity.csv", "txn_11,"), ("mt940.sta", ":86:"), ("camt053.xml", "")],
)
def test_a_line_that_does_not_end(tmp_path: Path, name: str, begin: str) -> None:
    data = (FILES / name).read_bytes() + begin.encode() + b"x" * 2**21
    with pytest.raises(Problem):
        read(tmp_path, data, f"file{Path(name).suffix}")


def test_a_row_of_many_lines_that_does_not_end(tmp_path: Path) -> None:
    row = "".join(f'"{"y" * 1000}\n",' for _ in range(1100))
    with pytest.raises(Problem, match=r"line 13 begins a row of 1,\d{3},\d{3} characters or more"):
        read(tmp_path, text_of("stripe_activity.csv") + row)
    assert csvfile._LONGEST == 2**20


def test_an_archive_that_explodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_RATIO_FROM", 2**17)
    rows = text_of("stripe_activity.csv").encode() + b"\n" * 2**20
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", rows)
    for data in (gzip.compress(rows), packed.getvalue()):
        with pytest.raises(Damaged, match=r"the archive has more than [\d,]+ bytes for its"):
            read(tmp_path, data)
    monkeypatch.setattr(source, "LARGEST", 1000)
    with pytest.raises(Damaged, match="the archive has more than"):
        read(tmp_path, gzip.compress(text_of("stripe_activity.csv").encode()))


def test_archives_that_are_none_or_several(tmp_path: Path) -> None:
    bill = (FILES / "alipay_business.csv").read_bytes()

    def packed(*members: tuple[str, bytes]) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members:
                archive.writestr(name, data)
        return file.getvalue()

    with pytest.raises(StatementError, match=r"2 statements: a\.csv, b\.csv"):
        read(tmp_path, packed(("a.csv", bill), ("b.csv", bill)))
    with pytest.raises(StatementError, match=r"no statement that is known: a\.txt, b\.txt"):
        read(tmp_path, packed(("a.txt", b"1"), ("b.txt", b"2")))
    with pytest.raises(StatementError, match="no statement that is known"):
        read(tmp_path, packed())
    with pytest.raises(Damaged, match="has another archive in it"):
        read(tmp_path, packed(("a.gz", gzip.compress(bill))))
    with pytest.raises(Damaged, match="the archive has 101 files"):
        read(tmp_path, packed(*((f"{i}.csv", b"") for i in range(101))))
    whole = packed(("a.csv", bill))
    with pytest.raises(Damaged):
        read(tmp_path, whole[:-30])
    broken = bytearray(whole)
    broken[60] ^= 255
    with pytest.raises(Problem):
        read(tmp_path, bytes(broken))


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a SYSTEM "http://example.com/a.dtd">',
    ],
)
def test_xml_has_no_entities(tmp_path: Path, doctype: str) -> None:
    text = text_of("camt053.xml").replace("?>\n", f"?>\n{doctype}\n", 1)
    with pytest.raises(Damaged, match="the XML cannot be read"):
        read(tmp_path, text)


def test_xml_that_is_too_deep_or_too_large(tmp_path: Path) -> None:
    deep = text_of("camt053.xml").replace("</GrpHdr>", "<a>" * 9000 + "</a>" * 9000 + "</GrpHdr>")
    with pytest.raises(StatementError, match="more than 100 elements in one another"):
        read(tmp_path, deep)
    large = text_of("camt053.xml").replace("<BkTxCd>", "<a/>" * 100_001 + "<BkTxCd>", 1)
    with pytest.raises(StatementError, match="the entry has more than 100,000 elements"):
        read(tmp_path, large)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("no-such.toml", r"cannot read the map no-such\.toml"),
        ({"colums": {}}, "unknown key colums"),
        ({"columns": {"at": "a"}}, "no column of amounts"),
        ({"columns": {"amount": "a"}}, "no column of moments"),
        ({"columns": {"amount": "a", "at": "b"}}, "no currency"),
        ({"columns": {"amount": 1, "at": "b"}}, "columns.amount is 1, not a text"),
        ({"columns": {"amount": "a", "when": "b"}}, "unknown key columns.when"),
        ({"columns": "amount"}, "columns is no table"),
        ("unit=cents", "unit is 'cents'"),
        ("kinds.Sale=sale", "kinds.Sale is 'sale'"),
        ("states.OK=fine", "states.OK is 'fine'"),
        ("directions.CR=in", r"directions\.CR is 'in'"),
        (["columns.at=a", "columns.amount=b", "currency=CNY", "zone=Mars"], "Mars"),
        (["columns.at=a", "columns.amount=b", "currency=CNY", "encoding=nope"], "nope"),
        (["columns.at=a", "columns.amount=b", "currency=CNY", "encoding=hex"], "hex|text"),
        (["columns.at=a", "columns.amount=b", "currency=CNY", "delimiter=ab"], "delimiter 'ab'"),
        (["columns.at=a", "columns.amount=b", "currency=CNY", "header=0"], "header is 0"),
        (["columns.at=a", "columns.amount=b", "currency=CNY", "footer.lines=("], "map: "),
        (["columns.at=a", "columns.amount=b", "currency=CNY", "footer.lines=1"], "begins"),
    ],
)
def test_a_map_that_is_wrong(tmp_path: Path, given: Any, message: str) -> None:
    with pytest.raises(Problem, match=message):
        read(tmp_path, "a,b\n2026-03-01,1\n", map=given)


def test_memory_is_flat(tmp_path: Path) -> None:
    """Five times as many rows take no more of it, where a dozen bytes a row would be seen."""
    import tracemalloc

    header, row = text_of("stripe_payouts.csv").splitlines()[:2]

    def peak(rows: int) -> int:
        path = tmp_path / "a.csv"
        path.write_text(f"{header}\n" + f"{row}\n" * rows, encoding="utf-8")
        tracemalloc.start()
        with open_statement(path) as statement:
            assert sum(1 for _ in statement.lines()) == rows
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)
    assert peak(5000) < 1.1 * peak(1000)


def test_a_file_of_several_accounts_is_refused(tmp_path: Path) -> None:
    """What moved on another account would be taken for this one's."""
    account = ":25:DE00000000000000000000"
    told = refused(tmp_path, "mt940.sta", account, account[:-1] + "1")
    assert "several accounts: DE00000000000000000001 and DE00000000000000000000" in str(told)
    with_currency = text_of("mt940.sta").replace(account, account + "EUR", 1)
    assert len(read(tmp_path, with_currency.encode("latin-1"), "file.sta")) == 10
    text = text_of("camt053.xml")
    both = text.replace("</Stmt>", "</Stmt>" + next_one(text), 1)
    assert len(read(tmp_path, both, "file.xml")) == 2 * len(read(tmp_path, text, "file.xml"))
    with pytest.raises(StatementError, match="several accounts"):
        read(tmp_path, both.replace("<IBAN>DE0", "<IBAN>DE1", 1), "file.xml")


def next_one(text: str) -> str:
    """The same entries again, in a statement that opens with what this one closes with."""
    statement = text[text.index("<Stmt>") : text.index("</Stmt>") + len("</Stmt>")]
    return statement.replace(">1479.20<", ">2458.40<").replace(">500.00<", ">1479.20<", 1)


def test_what_is_missing_between_two_messages_is_missed(tmp_path: Path) -> None:
    """In whatever order they stand; each by itself is whole."""
    text = text_of("camt053.xml")
    second = next_one(text)
    third = second.replace(">2458.40<", ">3437.60<").replace(">1479.20<", ">2458.40<", 1)
    first = text[text.index("<Stmt>") : text.index("</Stmt>") + len("</Stmt>")]

    def file_of(*statements: str) -> str:
        return text.replace(first, "".join(statements))

    for order in ((first, second, third), (third, second, first), (second, first, third)):
        assert len(read(tmp_path, file_of(*order), "file.xml")) == 3 * len(lines("camt053.xml"))
    for order in ((first, third), (third, first)):
        with pytest.raises(TotalsDiffer, match="no other one closes with that"):
            read(tmp_path, file_of(*order), "file.xml")
    # Another account or another currency has its own.
    other = third.replace("<IBAN>DE0", "<IBAN>DE1")
    assert read(tmp_path, file_of(first, other), "file.xml", account="DE" + 20 * "0")

    told = refused(tmp_path, "mt940.sta", ":60F:C260305EUR369,15", ":60F:C260305EUR368,15")
    assert "closing balance of message 2" in str(told)
    gap = text_of("mt940.sta").replace(":60F:C260305EUR369,15", ":60F:C260305EUR368,15")
    with pytest.raises(TotalsDiffer, match=r"message 2, from line 18, opens with 368\.15"):
        read(tmp_path, gap.replace("EUR1459,20", "EUR1458,20").encode("latin-1"), "file.sta")


@pytest.mark.parametrize(
    ("name", "closing"), [("mt940.sta", "1459,20"), ("camt053.xml", "1479.20")]
)
def test_of_several_accounts_one_is_read(tmp_path: Path, name: str, closing: str) -> None:
    text, here, there = text_of(name), "DE00000000000000000000", "DE11110000000000000000"
    codec = CODECS.get(name, "utf-8")
    alone = read(tmp_path, text.encode(codec), name)
    begin, end = ("<Stmt>", "</Stmt>") if name == "camt053.xml" else (":20:", "\n-")
    other = text[text.index(begin) : text.rindex(end) + len(end)].replace(here, there)
    where = text.rindex(end) + len(end)
    both = f"{text[:where]}\n{other}{text[where:]}"

    def of(account: str, whole: str = both) -> list[Line]:
        return read(tmp_path, whole.encode(codec), name, account=account)

    assert of(here) == alone
    theirs = of("de11 1100 0000 0000 0000 00")
    assert [line.amount for line in theirs] == [line.amount for line in alone]
    assert {line.line_no for line in theirs}.isdisjoint(line.line_no for line in alone)
    with pytest.raises(StatementError, match="no account DE9") as raised:
        of("DE9")
    assert raised.value.hint == f"It has {here}, {there}."
    # What is wrong with the other one is wrong with the file.
    before, _, after = both.rpartition(closing)
    with pytest.raises(TotalsDiffer):
        of(here, f"{before}{closing[:-1]}1{after}")


def test_who_names_no_account_has_none_to_choose(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="does not say of which account"):
        read(tmp_path, text_of("wechat_all.csv"), account="DE9")
