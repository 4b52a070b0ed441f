"""What each format's lines say: files of ten lines, written in the shapes that channels write."""

import gzip
import io
import json
import random
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from recorded import RECORDS
from statement_files import FILES, ROWS, SAMPLES, lines, opened, read

from mixpay_db import docs
from mixpay_db.statements import KINDS, STATES, formats


@pytest.mark.parametrize(("name", "format_"), SAMPLES.items())
def test_a_file_is_known_for_what_it_is_and_says_what_is_recorded(name: str, format_: str) -> None:
    with opened(name) as statement:
        assert statement.format == format_
        assert statement.account_kind == ("bank" if format_ in ("camt053", "mt940") else "channel")
        told = [line.as_json() for line in statement.lines()]
        assert statement.read == statement.size == (FILES / name).stat().st_size
        assert all(total.agrees() for total in statement.totals)
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in told)
    record = FILES / f"{name}.lines"
    if RECORDS:
        record.write_text(text, encoding="utf-8")
    assert text == record.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_row_is_a_line_and_every_line_is_plain(name: str) -> None:
    found = lines(name)
    rows = ROWS.get(name, 10)
    assert len({line.line_no for line in found}) == rows
    assert len({(line.line_no, line.part) for line in found}) == len(found)
    for line in found:
        told = line.as_json()
        assert told["kind"] in KINDS
        assert told["state"] in STATES
        assert type(told["amount"]) is int
        assert type(told.get("fee", 0)) is int
        assert told["type"]
        assert line.happened_at.utcoffset() is not None
        assert json.loads(json.dumps(told)) == told
        assert "\\u0000" not in json.dumps(told)


def test_every_format_has_a_file() -> None:
    assert set(SAMPLES.values()) == set(formats())


@pytest.mark.parametrize(("name", "format_"), SAMPLES.items())
def test_naming_the_format_reads_the_same(name: str, format_: str) -> None:
    assert lines(name, format=format_) == lines(name)


@pytest.mark.parametrize("name", SAMPLES)
def test_packed_files_read_the_same(name: str, tmp_path: Path) -> None:
    plain = (FILES / name).read_bytes()
    map_ = {"map": (FILES / name).with_suffix(".toml")} if SAMPLES[name] == "csv" else {}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("some/", "")
        archive.writestr("some/汇总.csv", "门店编号,门店名称,交易订单总笔数\n1,店,2\n")
        archive.writestr("some/明细.csv", plain)
    expected = lines(name)
    assert read(tmp_path, gzip.compress(plain), "a.gz", **map_) == expected
    assert read(tmp_path, packed.getvalue(), "a.zip", **map_) == expected


def test_nothing_of_the_sums_is_lost() -> None:
    """What the lines say, added up by others: the files' own totals were made apart."""
    fund = lines("wechat_fund.csv")
    moved = sum(line.amount - (line.fee or 0) for line in fund)
    assert moved == 16006 - 15563
    settlement = lines("adyen_settlement.csv")
    euros = [line for line in settlement if line.currency == "EUR"]
    # The dollars of one payment came in as 44.55 euros.
    assert sum(line.amount - (line.fee or 0) for line in euros) == -4455
    bank = [line for line in lines("camt053.xml") if line.state == "succeeded"]
    assert sum(line.amount for line in bank) == 147920 - 50000
    assert sum(line.amount for line in lines("mt940.sta")) == 145920 - 50000
    assert sum(line.amount - (line.fee or 0) for line in lines("stripe_payouts.csv")) == 1296


def test_wechat_fees_have_five_decimals_and_are_rounded_row_by_row(tmp_path: Path) -> None:
    text = (FILES / "wechat_success.csv").read_text(encoding="utf-8")
    assert [line.fee for line in lines("wechat_success.csv")] == [36, 54, 0, 48, 15, 741]
    text = text.replace("`0.00006", "`0.00500").replace("`8.94006", "`8.94500")
    assert [line.fee for line in read(tmp_path, text)] == [36, 54, 1, 48, 15, 741]


def test_wechat_commas_and_quotes_in_a_name_stay(tmp_path: Path) -> None:
    text = (FILES / "wechat_success.csv").read_text(encoding="utf-8")
    text = text.replace("`沙发, 三人", '`a,b,"c,').replace("`床", "`a`b,")
    assert [line.description for line in read(tmp_path, text)][1::4] == ['a,b,"c,', "a`b,"]


def test_wechat_without_backticks_or_with_quotes_is_read(tmp_path: Path) -> None:
    text = (FILES / "wechat_refund.csv").read_text(encoding="utf-8").replace(", 三人", "")
    expected = read(tmp_path, text)
    assert read(tmp_path, text.replace("`", "")) == expected
    quoted = "\n".join(
        ",".join(f'"{field}"' for field in line.split(",")) for line in text.splitlines()
    )
    assert read(tmp_path, f"\ufeff{quoted}\n") == expected


def test_alipay_names_may_have_narrow_parentheses_and_be_utf_8(tmp_path: Path) -> None:
    text = (FILES / "alipay_business.csv").read_bytes().decode("gbk")
    narrow = text.replace("（", "(").replace("）", ")").replace("：", ":")
    assert read(tmp_path, narrow) == lines("alipay_business.csv")
    assert read(tmp_path, f"\ufeff{text}") == lines("alipay_business.csv")


def test_alipay_refunds_are_below_zero_whatever_the_file_writes(tmp_path: Path) -> None:
    text = (FILES / "alipay_business.csv").read_bytes().decode("gbk").replace("-5.00", "5.00")
    assert [line.amount for line in read(tmp_path, text) if line.kind == "refund"] == [-500, -2000]


def test_columns_stand_anywhere(tmp_path: Path) -> None:
    text = (FILES / "stripe_payouts.csv").read_text(encoding="utf-8")
    rows = [line.split(",") for line in text.splitlines()]
    order = list(range(len(rows[0])))
    random.Random(1).shuffle(order)
    mixed = "".join(",".join(row[i] for i in order) + "\n" for row in rows)
    assert read(tmp_path, mixed) == lines("stripe_payouts.csv")


def test_stripe_columns_in_a_zone(tmp_path: Path) -> None:
    text = (FILES / "stripe_payouts.csv").read_text(encoding="utf-8")
    first, _ = read(tmp_path, text, zone="America/New_York")
    assert first.happened_at.isoformat() == "2026-03-01T04:00:00-05:00"
    # Of a time that was there twice, the earlier one.
    twice = text.replace("2026-03-01 04:00:00", "2026-11-01 01:30:00")
    first, _ = read(tmp_path, twice, zone="America/New_York")
    assert first.happened_at.isoformat() == "2026-11-01T01:30:00-04:00"


def test_adyen_debit_and_credit_in_other_currencies() -> None:
    third = lines("adyen_settlement.csv")[2]
    assert (third.amount, third.currency, third.fee) == (5000, "USD", None)
    assert third.description == "visa; net 44.55 EUR"


def test_adyen_zones(tmp_path: Path) -> None:
    text = (FILES / "adyen_settlement.csv").read_text(encoding="utf-8")
    summer = text.replace(",CET,", ",PDT,")
    assert read(tmp_path, summer)[0].happened_at.isoformat() == "2026-03-01T10:00:00-07:00"
    named = text.replace(",CET,", ",Europe/Amsterdam,")
    assert read(tmp_path, named) == lines("adyen_settlement.csv")
    several = text.replace(",CET,", ",CST,")
    assert read(tmp_path, several, zone="Asia/Shanghai")[0].happened_at.isoformat() == (
        "2026-03-01T10:00:00+08:00"
    )


def test_paypal_counts_hundredths_of_every_currency() -> None:
    yen = lines("paypal_stl.csv")[1]
    assert (yen.amount, yen.fee, yen.currency) == (15000, 540, "JPY")


def test_paypal_a_fee_in_another_currency_is_a_line_of_its_own(tmp_path: Path) -> None:
    text = (FILES / "paypal_stl.csv").read_text(encoding="utf-8-sig")
    text = text.replace('310,"EUR","note"', '310,"GBP","note"')
    text = text.replace("9000,8690,0,310", "9000,8690,0,0")
    payment, fee = read(tmp_path, text)[2:4]
    assert (payment.amount, payment.fee, fee.part) == (9000, 0, "fee")
    assert (fee.line_no, fee.kind, fee.amount, fee.currency) == (
        payment.line_no,
        "fee",
        -310,
        "GBP",
    )
    assert fee.of_channel_txn_no == payment.channel_txn_no


def test_paypal_sections_have_sums_and_columns_of_their_own(tmp_path: Path) -> None:
    header = '"CH","Transaction Event Code","Transaction ID",{}\n'
    more = (
        '"Transaction Completion Date","Transaction Debit or Credit","Gross Transaction Amount",'
        '"Gross Transaction Currency"'
    )
    section = (
        '"SH",x\n' + header.format(more) + '"SB","T0006","A{0}",2026/03/01 10:00:00 +0000,"CR",{0},'
        '"USD"\n"SF","USD",{0},0,0,0,1\n"SC",1\n'
    )
    text = section.format(100) + section.format(250) + '"RF","USD",350,0,0,0,2\n"RC",2\n"FF",2\n'
    assert [line.amount for line in read(tmp_path, text)] == [100, 250]


def test_camt_entries_of_many_transactions() -> None:
    found = lines("camt053.xml")
    parts = [(line.part, line.amount, line.our_no, line.batch_no) for line in found[2:5]]
    # Without amounts of their own, the transactions are one line.
    assert parts == [
        ("1", -10000, "ST-1", "BR0003"),
        ("2", -20000, "ST-2", "BR0003"),
        ("", -5000, None, None),
    ]


@pytest.mark.parametrize("version", ["02", "04", "08"])
def test_camt_of_any_version(tmp_path: Path, version: str) -> None:
    text = (FILES / "camt053.xml").read_text(encoding="utf-8")
    text = text.replace("053.001.02", f"053.001.{version}")
    if version == "08":
        text = text.replace("<Sts>BOOK</Sts>", "<Sts><Cd>BOOK</Cd></Sts>")
        text = text.replace(
            "<Dbtr><Nm>Stripe</Nm></Dbtr>", "<Dbtr><Pty><Nm>Stripe</Nm></Pty></Dbtr>"
        )
    assert read(tmp_path, text) == lines("camt053.xml")


def test_camt_with_a_prefix_and_utf_16(tmp_path: Path) -> None:
    text = (FILES / "camt053.xml").read_text(encoding="utf-8")
    text = text.replace('encoding="UTF-8"', 'encoding="iso-8859-1"')
    assert read(tmp_path, text.encode("latin-1")) == lines("camt053.xml")
    prefixed = text.replace("<", "<c:").replace("<c:/", "</c:").replace("<c:?", "<?")
    prefixed = prefixed.replace("xmlns=", "xmlns:c=")
    assert read(tmp_path, prefixed.encode("latin-1")) == lines("camt053.xml")


def test_mt940_with_blocks(tmp_path: Path) -> None:
    data = (FILES / "mt940.sta").read_bytes()
    blocks = b"{1:F01TESTDEFF}{2:I940}{4:\r\n" + data.replace(
        b"-\r\n:20:", b"-}\r\n{1:F01TESTDEFF}{2:I940}{4:\r\n:20:"
    )
    assert [line.amount for line in read(tmp_path, blocks)] == [
        line.amount for line in lines("mt940.sta")
    ]


def test_a_map_may_be_texts_and_a_file(tmp_path: Path) -> None:
    texts = ["currency=CNY", "columns.at=t", "columns.amount=a", "kind=payment"]
    first, second = read(tmp_path, "t,a\n2026-03-01T10:00+08:00,1.50\n2026-03-02,2\n", map=texts)
    assert (first.amount, first.kind, first.currency) == (150, "payment", "CNY")
    assert second.happened_at.isoformat() == "2026-03-02T00:00:00+00:00"
    both = [FILES / "fen.toml", "unit=decimal"]
    text = (FILES / "fen.csv").read_text(encoding="utf-8")
    assert [line.amount for line in read(tmp_path, text, map=both)] == [600000, -450000, -3600]
    yen = read(tmp_path, text, map=FILES / "fen.toml", currency="JPY")
    assert yen[0].currency == "JPY"


def test_a_map_with_credit_and_debit(tmp_path: Path) -> None:
    map_ = {
        "account": "bank",
        "currency": "EUR",
        "thousands": "'",
        "columns": {"at": "d", "credit": "in", "debit": "out"},
    }
    text = "d,in,out\n2026-03-01,1'000.50,\n2026-03-02,,3.00\n2026-03-03,,-4.00\n"
    found = read(tmp_path, text, map=map_)
    assert [line.amount for line in found] == [100050, -300, -400]


@pytest.mark.parametrize("seed", range(20))
def test_lines_read_are_rows_of_the_file_and_sums_are_exact(seed: int, tmp_path: Path) -> None:
    """Random bills; their sums are made here, by decimals."""
    rng = random.Random(seed)
    header = (FILES / "wechat_success.csv").read_text(encoding="utf-8").splitlines()[0]
    rows, amounts, fees, orders = [], Decimal(), Decimal(), Decimal()
    texts = ["", "桌", "a,b", '"', '5" x', "é", "`", " x ", "\\n"]
    count = rng.randint(0, 60)
    for i in range(count):
        amount = Decimal(rng.randint(1, 10**9)).scaleb(-2)
        fee = (amount * Decimal("0.006")).quantize(Decimal("0.00001"))
        amounts, fees, orders = amounts + amount, fees + fee, orders + amount
        fields = [f"2026-03-01 {rng.randint(0, 23):02}:00:00", "wx", "1", "0", "", f"42{i:026}"]
        fields += [f"P-{i}", "o", "JSAPI", "SUCCESS", "OTHERS", "CNY", f"{amount}", "0.00"]
        fields += [rng.choice(texts), "", f"{fee}", "0.60%", f"{amount}", ""]
        rows.append("`" + ",`".join(fields))
    summary = "总交易单数,应结订单总金额,手续费总金额,订单总金额"
    text = "\n".join([header, *rows, summary, f"`{count},`{amounts},`{fees},`{orders}"]) + "\n"
    found = read(tmp_path, text)
    assert len(found) == count
    assert [line.line_no for line in found] == list(range(2, count + 2))
    assert sum(line.amount for line in found) == amounts.scaleb(2)
    # Any row that is lost, doubled or changed is told.
    if count:
        one = rng.randrange(count)
        for changed in (
            rows[:one] + rows[one + 1 :],
            [*rows, rows[one]],
            [*rows[:one], rows[one].replace("`SUCCESS`", "`REFUND`"), *rows[one + 1 :]][::-1][1:],
        ):
            bad = "\n".join([header, *changed, summary, f"`{count},`{amounts},`{fees},`{orders}"])
            with pytest.raises(Exception, match="the file says"):
                read(tmp_path, bad)


def test_the_page_is_what_the_formats_say() -> None:
    assert docs.STATEMENTS.read_text(encoding="utf-8") == docs.statements()
    sections = docs.statements().split("\n## ")[1:]
    assert [section.partition("\n")[0] for section in sections] == [
        format_.title for format_ in formats().values()
    ]
