"""Rows of refunds: money that has gone back already, through the channel that the row names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from importing import HEADER, reasons, run
from psycopg import Connection

Load = Callable[..., dict[str, Any]]
KIND = f"{HEADER},kind"


def refunds(conn: Connection[Any], merchant: str = "m") -> list[tuple[Any, ...]]:
    """Each part of each refund: what, of which payment, through which channel."""
    return conn.execute(
        "select c.refund_no, c.order_no, c.kind, c.payment_no, c.channel, c.amount, c.state "
        "from mixpay.channel_refund_list as c where c.merchant_id = %s "
        "order by c.refund_no, c.payment_no",
        [merchant],
    ).fetchall()


def order(conn: Connection[Any], order_no: str = "A") -> tuple[Any, ...]:
    return (
        conn.execute(
            "select amount, paid, refunded from mixpay.order_balances where order_no = %s",
            [order_no],
        ).fetchone()
        or ()
    )


def test_e53_refunds_go_back_where_the_row_says(conn: Connection[Any], load: Load) -> None:
    told = load(
        f"{KIND},paid_at,channel_txn_no\n"
        "A,R1,alipay,10.00,refund,2026-01-05T00:00Z,back-1\n"
        "A,P1,wechat,60.00,payment,2026-01-01T00:00Z,in-1\n"
        "A,P2,alipay,40.00,Payment,2026-01-02T00:00Z,in-2\n"
        "A,P3,cash,20.00,,2026-01-03T00:00Z,\n"
        "A,R2,cash,25.00,refund,2026-01-06T00:00Z,\n"
    )

    # What cash gave back is borne by what came in by hand first, then by the oldest.
    assert refunds(conn) == [
        ("R1", "A", "order", "P2", "alipay", 1000, "succeeded"),
        ("R2", "A", "offline", "P1", "cash", 500, "succeeded"),
        ("R2", "A", "offline", "P3", "cash", 2000, "succeeded"),
    ]
    assert order(conn) == (12000, 12000, 3500)
    moments = conn.execute(
        "select refund_no, channel_txn_no, (refunded_at at time zone 'UTC')::text "
        "from mixpay.channel_refund_list where channel = 'alipay'"
    ).fetchall()
    assert moments == [("R1", "back-1", "2026-01-05 00:00:00")]
    assert told["refunds"] == {"rows": 2, "amount": 3500}
    assert told["loaded"] == {"rows": 5, "amount": 8500}
    assert told["read"] == {"rows": 5, "amount": 8500}
    assert (told["surplus"], told["rejected"]["rows"]) == (0, 0)


def test_e53_running_refunds_again_changes_nothing(conn: Connection[Any], load: Load) -> None:
    text = (
        f"{KIND},paid_at\n"
        "A,P1,card,60.00,payment,2026-01-01T00:00Z\n"
        "A,P2,card,40.00,payment,2026-01-02T00:00Z\n"
        "A,R1,card,70.00,refund,2026-01-03T00:00Z\n"
        "A,R2,cash,5.00,refund,2026-01-03T00:00Z\n"
        "B,P3,cash,5.00,payment,\n"
        "B,R3,cash,5.00,refund,\n"
    )
    first = load(text)
    before = conn.execute("select * from mixpay.facts order by log_no, entry").fetchall()
    second = load(text, "--batch", "1", "--jobs", "3")

    assert conn.execute("select * from mixpay.facts order by log_no, entry").fetchall() == before
    assert second["loaded"] == first["loaded"]
    assert second["refunds"] == first["refunds"] == {"rows": 3, "amount": 8000}
    assert second["new_rows"] == 0
    # The same number with another amount is another refund.
    third = load(text.replace("A,R1,card,70.00", "A,R1,card,71.00"))
    assert list(third["reasons"]) == ["MX302: The refund number was used for something else"]


def test_e53_a_negative_amount_is_a_refund_only_where_that_is_said(
    conn: Connection[Any], load: Load, rejects: Path, url: str
) -> None:
    text = f"{HEADER}\nA,P1,card,10.00\nA,P2,card,-4.00\n"
    told = load(text, "--dry-run")
    assert reasons(rejects) == {3: ("amount is negative", "")}
    result = run(url, rejects, "-", "--currency", "CNY", "--dry-run", input=text)
    assert "If negative amounts are refunds, say --negative-refunds." in result.stdout

    told = load(text, "--negative-refunds")
    assert refunds(conn) == [("P2", "A", "order", "P1", "card", 400, "succeeded")]
    assert told["loaded"] == {"rows": 2, "amount": 600}
    # A column that says what a row is has the last word.
    load(f"{KIND}\nB,Q1,card,-4.00,payment\nB,Q2,card,4.00,payment\n", "--negative-refunds")
    assert reasons(rejects) == {2: ("amount is negative", "")}
    load(f"{KIND}\nB,Q3,card,-1.00,refund\nB,Q4,card,1.00,refund\n")
    assert order(conn, "B") == (400, 400, 200)


def test_e53_the_words_of_the_file(conn: Connection[Any], load: Load, rejects: Path) -> None:
    load(
        "order_no,payment_no,channel,amount,type\nA,P1,card,10.00,S\nA,P2,card,4.00,RF\n"
        "A,P3,card,4.00,X\n",
        *("--map", "kind=type", "--kind", "S=payment", "--kind", "RF=refund"),
    )
    assert reasons(rejects) == {4: ("kind is neither payment nor refund", "X")}
    assert order(conn) == (1000, 1000, 400)


def test_e53_a_refund_of_its_own_number_may_name_its_payment(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    load(
        f"{KIND},refund_no\n"
        "A,P1,card,10.00,payment,\n"
        "A,P2,card,10.00,payment,\n"
        "A,P2,card,7.00,refund,P1\n"  # the numbers of refunds and of payments are apart
        "A,P3,card,7.00,refund,R2\n"  # there is no such payment
        "A,P1,wechat,7.00,refund,R3\n"  # it did not come that way
        "A,P4,card,1.00,payment,R4\n"
        "A,,card,1.00,refund,R5\n"
    )
    assert refunds(conn) == [
        ("P1", "A", "order", "P2", "card", 700, "succeeded"),
        ("R5", "A", "order", "P1", "card", 100, "succeeded"),
    ]
    found = reasons(rejects)
    assert {line: reason for line, (reason, _) in found.items() if line != 5} == {
        6: "no payment of the order came through the refund's channel",
        7: "a payment has a refund_no",
    }
    assert found[5][0].startswith("MX306:")


def test_e53_what_was_not_paid_is_not_refunded(
    conn: Connection[Any], load: Load, rejects: Path
) -> None:
    told = load(
        f"{KIND},paid_at\n"
        "A,P1,card,10.00,payment,\n"
        "A,R1,card,6.00,refund,2026-01-01T00:00Z\n"
        "A,R2,card,6.00,refund,2026-01-02T00:00Z\n"
        "B,R3,card,1.00,refund,\n"
        "A,R4,wechat,1.00,refund,\n"
        "A,R7,cash,0.50,refund,\n"
        "C,P2,card,5.00,payment,1899-12-30T00:00Z\n"
        "C,R5,card,5.00,refund,\n"
        "A,R6,card,4.00,refund,1899-12-30T00:00Z\n"
    )
    found = reasons(rejects)
    assert {line: reason[:6] for line, (reason, _) in found.items()} == {
        4: "MX301:",
        5: "MX103:",
        6: "no pay",
        8: "MX905:",
        9: "MX103:",
        10: "MX905:",
    }
    assert found[8][1].startswith('"paid_at" is not a moment')
    assert order(conn) == (1000, 1000, 650)
    assert conn.execute("select from mixpay.orders").rowcount == 1
    assert told["loaded"] == {"rows": 3, "amount": 350}
    assert told["refunds"] == {"rows": 2, "amount": 650}
    assert told["read"]["amount"] == told["loaded"]["amount"] + told["rejected"]["amount"]


def test_e53_a_refund_that_was_asked_for_here_is_there_before(
    conn: Connection[Any], load: Load
) -> None:
    load(f"{HEADER}\nA,P1,card,10.00\nA,P2,wechat,10.00\n")
    conn.execute("select mixpay.refund_order('m', 'A', 'R1', 600)")
    told = load(f"{KIND}\nA,R1,card,6.00,refund\n")
    assert (told["refunds"]["rows"], told["new_rows"]) == (1, 0)
    assert refunds(conn) == [("R1", "A", "order", "P1", "card", 600, "succeeded")]


def test_e53_a_later_file_brings_refunds_alone(conn: Connection[Any], load: Load) -> None:
    load(f"{HEADER}\nA,P1,card,10.00\n")
    text = f"{KIND}\nA,R1,card,6.00,refund\n"
    dry = load(text, "--dry-run")
    assert order(conn) == (1000, 1000, 0)
    told = load(text)
    assert dry["refunds"] == told["refunds"] == {"rows": 1, "amount": 600}
    assert (told["trades"], told["new_rows"]) == (0, 1)
    assert order(conn) == (1000, 1000, 600)


def test_e53_many_refunds_in_small_batches_side_by_side(conn: Connection[Any], load: Load) -> None:
    paid = "".join(f"O{i},P{i},{'cash' if i % 2 else 'card'},2.00,\n" for i in range(40))
    back = "".join(f"O{i},R{i},{'cash' if i % 2 else 'card'},1.50,refund\n" for i in range(40))
    load(f"{KIND}\n{paid}")
    told = load(f"{KIND}\n{back}", "--batch", "3", "--jobs", "4")
    assert told["refunds"] == {"rows": 40, "amount": 6000}
    assert (told["trades"], told["rejected"]["rows"]) == (0, 0)
    assert len(refunds(conn)) == 40


def test_e53_a_channels_rules_are_about_what_is_to_be_sent(
    conn: Connection[Any], load: Load
) -> None:
    """WeChat sends a payment back within a year, a minute apart; this it has sent already."""
    load(
        f"{KIND},paid_at\n"
        "A,P1,wechat,10.00,payment,2020-01-01T00:00Z\n"
        "A,R1,wechat,6.00,refund,2020-01-02T00:00Z\n"
        "A,R2,wechat,4.00,refund,2020-01-02T00:00Z\n"
    )
    assert refunds(conn) == [
        ("R1", "A", "order", "P1", "wechat", 600, "succeeded"),
        ("R2", "A", "order", "P1", "wechat", 400, "succeeded"),
    ]


def test_e53_refunds_of_orders_that_were_merged(conn: Connection[Any], load: Load) -> None:
    """What paid first is refunded first, whichever order it once paid; but by its own channel."""
    load(
        f"{KIND},trade_no\n"
        "A,P1,card,100.00,payment,T\n"
        "B,P2,wechat,50.00,payment,T\n"
        "B,R1,wechat,50.00,refund,T\n"
        "A,R2,card,30.00,refund,T\n"
    )
    assert refunds(conn) == [
        ("R1", "B", "order", "P2", "wechat", 5000, "succeeded"),
        ("R2", "A", "order", "P1", "card", 3000, "succeeded"),
    ]
