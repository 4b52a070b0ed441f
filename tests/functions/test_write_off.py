import pytest
from shop import Shop, day

LISTS = ["manual_list", "waiting_list", "doubt_list", "bounced_list", "surplus_list"]


@pytest.fixture(autouse=True)
def refund(shop: Shop) -> None:
    """R: 60 to a card, on its way, and 2 by the till."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 60, "card", day(1))
    shop.pay("T", "P2", 40, "cash", day(2))
    shop.refund("A", "R", 62)


def number_of(shop: Shop, payment_no: str = "P2", refund_no: str = "R") -> str:
    return str(shop.channel_refund(refund_no, payment_no).channel_refund_no)


def write_off(shop: Shop, payment_no: str = "P2", reason: str = "no such coin") -> object:
    return shop.call("write_off", number_of(shop, payment_no), reason)


def rounding(shop: Shop) -> list[tuple[str, str, int]]:
    rows = shop.query("select * from mixpay.account_balances where account = 'rounding'")
    return [(row.owner, row.currency, row.balance) for row in rows]


def flow(shop: Shop) -> list[tuple[str, str, int]]:
    """How the money of the part moved since it was reserved."""
    rows = shop.query(
        "select from_account, to_account, amount from mixpay.trade_flow"
        " where channel_refund_no = %s order by entry offset 1",
        number_of(shop),
    )
    return [tuple(row) for row in rows]


def test_e48_a_till_keeps_a_cent_and_nobody_has_to_look_at_it_any_more(shop: Shop) -> None:
    assert shop.listed("manual_list") == {"P2": 2}
    written_off = shop.call("write_off", number_of(shop), "no such coin")

    assert (written_off.state, written_off.reason) == ("written_off", "no such coin")
    assert [shop.listed(name) for name in LISTS] == [{}] * len(LISTS)
    assert rounding(shop) == [("cash", "CNY", 2)]
    assert shop.owns("rounding:cash") == shop.owns("rounding") == {"CNY": 2}
    assert flow(shop) == [("refund", "rounding", 2)]
    assert shop.owns("refund:R") == {"CNY": 60}
    # The cash is still in the till.
    assert shop.owns("channel:cash") == {"CNY": -40}


def test_e48_its_refund_has_succeeded_when_the_rest_has(shop: Shop) -> None:
    write_off(shop)
    refund = shop.row("refunds", "R")
    assert (refund.state, refund.succeeded) == ("processing", 2)
    shop.complete("R", "P1", "X")

    refund = shop.row("refunds", "R")
    assert (refund.state, refund.succeeded, refund.freed) == ("succeeded", 62, 0)


def test_e48_it_can_be_the_last_part(shop: Shop) -> None:
    shop.complete("R", "P1", "X")
    write_off(shop)

    assert shop.row("refunds", "R").state == "succeeded"
    assert flow(shop) == [("refund", "rounding", 2)]


def test_e48_nothing_of_it_can_be_refunded_again(shop: Shop) -> None:
    write_off(shop)

    assert shop.balance("A").refundable == 38
    with shop.refused("MX301", 38, 39):
        shop.refund("A", "R2", 39)
    assert shop.refund("A", "R2", 38) == {"P2": 38}


def test_e48_of_a_surplus(shop: Shop) -> None:
    shop.pay("T", "P3", 3, "cash", day(3))
    refund_no = shop.surplus_refund("P3").refund_no
    shop.call("write_off", number_of(shop, "P3", refund_no), "no such coin")

    assert shop.listed("surplus_list") == {}
    assert rounding(shop) == [("cash", "CNY", 3)]
    assert shop.row("refunds", refund_no).state == "succeeded"


def test_what_was_not_sent_yet_is_sent_by_nobody(shop: Shop) -> None:
    write_off(shop, "P1")

    assert shop.rows("claim_channel_refunds", "w") == []
    assert shop.query("select from mixpay.due_merchants()") == []
    assert rounding(shop) == [("card", "CNY", 60)]


def test_what_waits_for_its_moment(shop: Shop) -> None:
    shop.call("defer_channel_refund", number_of(shop, "P1"), "closed", "2999-01-01T00:00Z")
    write_off(shop, "P1")

    assert shop.listed("waiting_list") == {}
    assert shop.channel_refund("R", "P1").due_at is None


def test_it_does_not_count_as_sent_by_the_rules_of_its_channel(shop: Shop) -> None:
    shop.channel("card", max_refunds=1)
    write_off(shop, "P1")
    shop.merge("T2", B=100)
    shop.pay("T2", "P3", 100, "card", day(1))
    shop.refund("B", "R2", 1)
    shop.call("write_off", number_of(shop, "P3", "R2"), "too little")
    shop.refund("B", "R3", 1)

    assert shop.channel_refund("R3", "P3").state == "pending"


def test_e48_handed_over_after_all(shop: Shop) -> None:
    shop.complete("R", "P1", "X")
    write_off(shop)
    done = shop.call("complete_channel_refund", number_of(shop), None, day(5))

    assert (done.state, done.refunded_at, done.reason) == ("succeeded", day(5), None)
    assert rounding(shop) == [("cash", "CNY", 0)]
    assert shop.owns("channel:cash") == {"CNY": -38}
    assert flow(shop) == [
        ("refund", "rounding", 2),
        ("rounding", "refund", 2),
        ("refund", "channel", 2),
    ]
    refund = shop.row("refunds", "R")
    assert (refund.state, refund.succeeded) == ("succeeded", 62)
    # And from there on as any other.
    shop.bounce("R", "P2")
    assert shop.balance("A").refundable == 40


def test_e48_handed_over_after_all_in_bulk(shop: Shop) -> None:
    write_off(shop)
    done = shop.rows("complete_channel_refunds", [{"channel_refund_no": number_of(shop)}])

    assert [row.state for row in done] == ["succeeded"]
    assert rounding(shop) == [("cash", "CNY", 0)]


def test_e48_what_a_payee_gave_back_stays_given_back(shop: Shop) -> None:
    """He owes it to the buyer, whoever has it now."""
    shop.sell("S1", 100)
    shop.refund("S1", "R2", 5)
    shop.redirect("R2", "PS1", "cash")
    shop.call("write_off", number_of(shop, "PS1", "R2"), "no such coin")

    assert shop.owns("payee:S") == {"CNY": 95}
    assert rounding(shop) == [("cash", "CNY", 5)]


def test_the_trades_money_is_where_it_was(shop: Shop) -> None:
    shop.complete("R", "P1", "X")
    write_off(shop)
    (last,) = shop.query(
        "select in_minus_out from mixpay.trade_flow where trade_no = 'T'"
        " order by entry desc limit 1"
    )
    assert last.in_minus_out == 40


def test_says_why(shop: Shop) -> None:
    write_off(shop, reason="rounded to 0.05")
    (change,) = shop.query("select * from mixpay.history where to_state = 'written_off'")

    assert (change.from_state, change.reason, change.refund_no) == (
        ("waiting", "rounded to 0.05", "R")
    )


def test_e03_again_returns_it(shop: Shop) -> None:
    first = write_off(shop)
    with shop.unchanged():
        assert write_off(shop, reason="another reason") == first


def test_e03_again_returns_what_was_handed_over_since(shop: Shop) -> None:
    number = write_off(shop).channel_refund_no
    handed = shop.call("complete_channel_refund", number, None)
    with shop.unchanged():
        assert shop.call("write_off", number, "no such coin") == handed


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("fail_channel_refund", ["no"]),
        ("doubt_channel_refund", ["no answer"]),
        ("defer_channel_refund", ["not now"]),
        ("bounce_channel_refund", ["closed"]),
        ("redirect_channel_refund", ["bank", "another way"]),
    ],
)
def test_other_news_of_it_is_refused(shop: Shop, call: str, arguments: list[str]) -> None:
    write_off(shop)
    with shop.refused("MX304", "written_off"):
        shop.call(call, number_of(shop), *arguments)


@pytest.mark.parametrize("state", ["sent", "doubt", "succeeded", "failed", "bounced"])
def test_what_may_have_gone_or_has_ended_is_not_written_off(shop: Shop, state: str) -> None:
    number = number_of(shop, "P1")
    shop.rows("claim_channel_refunds", "w")
    if state == "doubt":
        shop.call("doubt_channel_refund", number, "no answer", "w")
    elif state == "failed":
        shop.fail("R", "P1")
    elif state != "sent":
        shop.complete("R", "P1", "X")
        shop.bounce("R", "P1") if state == "bounced" else None
    with shop.refused("MX304", state):
        shop.call("write_off", number, "too little")


def test_of_money_that_goes_back_to_two_the_other_part_stays_listed(shop: Shop) -> None:
    shop.merge("U", B=100)
    shop.pay("U", "P3", 30, "cash")
    shop.pay("U", "P4", 40, "card")
    shop.close("U")
    number = number_of(shop, "P3", shop.reversal("U").refund_no)
    shop.call("write_off", number, "no such coin")
    assert shop.listed("surplus_list") == {"P4": 40}


def test_what_came_back_is_given_to_the_till_first(shop: Shop) -> None:
    shop.complete("R", "P1", "X")
    shop.bounce("R", "P1")
    shop.redirect("R", "P1", "cash")
    shop.call("write_off", number_of(shop, "P1"), "he does not come")

    assert shop.listed("bounced_list") == {}
    assert rounding(shop) == [("cash", "CNY", 60)]


def test_refuses_what_no_till_was_to_hand_over(shop: Shop) -> None:
    shop.call("charge_back_payment", "P2", "C1", 10, "fraud")
    ((refund_no,),) = shop.query("select refund_no from mixpay.refunds where kind = 'chargeback'")
    with shop.refused("MX321"):
        shop.call("write_off", number_of(shop, "P2", refund_no), "x")


def test_refuses_what_is_unknown_or_no_number(shop: Shop) -> None:
    with shop.refused("MX303", "N"):
        shop.call("write_off", "N", "x")
    with shop.refused("MX901"):
        shop.call("write_off", "", "x")
    with shop.refused("MX905"):
        shop.call("write_off", number_of(shop), "a\nb")
    with shop.refused("MX905", 1001):
        shop.call("write_off", number_of(shop), "x" * 1001)
    with shop.refused("MX101", "x"):
        Shop(shop.conn, "x").call("write_off", "N", "x")
