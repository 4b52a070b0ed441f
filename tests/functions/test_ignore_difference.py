from bills import differences, line, load, reconcile, summary
from shop import Shop, day


def told(shop: Shop) -> None:
    """A line that nobody knows, and a payment without one."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 100, "card", day(1), "X1")
    load(shop, "S1", [line(1, "payment", 7, day(1), txn="Z")])
    load(shop, "S2", [], period=(day(2), day(3)))
    for number in ("S1", "S2"):
        reconcile(shop, number)


def test_it_is_no_difference_any_more(shop: Shop) -> None:
    told(shop)
    assert summary(shop) == (100, 7, -93)
    row = shop.call("ignore_difference", "N1", "Zoe", "a test", "S1", 1)
    assert (row.action, row.line_no, row.amount, row.reason) == ("ignored", 1, 0, "a test")
    assert differences(shop) == [("missing_there", "P1", -100)]
    item = {"account": "channel:card", "kind": "payment", "number": "P1"}
    assert shop.call("ignore_difference", "N2", "Zoe", None, **item).number == "P1"
    assert summary(shop) == (100, 7, 0)
    (day_,) = shop.query("select sum(resolved)::bigint as r from mixpay.reconciliation_summary")
    assert day_.r == -93


def test_as_the_view_names_it(shop: Shop) -> None:
    """What no statement has names the statement that should have it."""
    told(shop)
    (row,) = shop.query(
        "select * from mixpay.reconciliation_differences where result = 'missing_there'"
    )
    named = {name: getattr(row, name) for name in ("statement_no", "line_no", "kind", "number")}
    assert (named["statement_no"], named["line_no"]) == ("S1", None)
    resolved = shop.call("ignore_difference", "N1", "Zoe", None, **named)
    assert (resolved.account, resolved.owner, resolved.number) == ("channel", "card", "P1")
    with shop.unchanged():
        account = f"{row.account}:{row.owner}"
        assert shop.call("ignore_difference", "N1", "Zoe", None, **named, account=account)
    assert [result for result, _, _ in differences(shop)] == ["missing_here"]


def test_what_a_line_has_is_resolved_by_its_line(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P1", 100, "card", day(1), "X1")
    load(shop, "S3", [line(5, "payment", 99, day(1), txn="X1")])
    reconcile(shop, "S3")
    item = {"account": "channel:card", "kind": "payment", "number": "P1"}
    with shop.refused("MX426", "is without a line; line 5 of statement S3 has it."):
        shop.call("ignore_difference", "N1", "Zoe", None, **item)
    assert shop.call("ignore_difference", "N1", "Zoe", None, "S3", 5).number == "P1"


def test_nothing_is_open_once_a_statement_has_it(shop: Shop) -> None:
    told(shop)
    load(shop, "S3", [line(5, "payment", 99, day(1), txn="X1")])
    reconcile(shop, "S3")
    item = {"account": "channel:card", "kind": "payment", "number": "P1"}
    with shop.refused("MX428", "A statement has it."):
        shop.call("ignore_difference", "N1", "Zoe", None, **item)


def test_a_line_that_comes_all_the_same_is_matched(shop: Shop) -> None:
    told(shop)
    item = {"account": "channel:card", "kind": "payment", "number": "P1"}
    shop.call("ignore_difference", "N1", "Zoe", None, **item)
    load(shop, "S3", [line(1, "payment", 100, day(3), txn="X1")])
    assert reconcile(shop, "S3")["theirs matched"] == 1
    assert summary(shop)[2] == 7


def test_e03_e43_again_returns_the_same(shop: Shop) -> None:
    told(shop)
    first = shop.call("ignore_difference", "N1", "Zoe", None, "S1", 1)
    with shop.unchanged():
        assert shop.call("ignore_difference", "N1", "Bo", None, "S1", 1) == first
    assert shop.call("ignore_difference", "N1", "Zoe", "why", "S1", 1).reason == "why"
    item = {"account": "channel:card", "kind": "payment", "number": "P1"}
    with shop.refused("MX427", "N1", "ignored"):
        shop.call("ignore_difference", "N1", "Zoe", None, **item)
    with shop.refused("MX428", "N1"):
        shop.call("ignore_difference", "N2", "Zoe", None, "S1", 1)


def test_refuses_bad_input(shop: Shop) -> None:
    told(shop)
    for bad in [None, "", "  ", "a\nb"]:
        with shop.refused("MX905"):
            shop.call("ignore_difference", "N1", bad, None, "S1", 1)
    with shop.refused("MX901"):
        shop.call("ignore_difference", "a b", "Zoe", None, "S1", 1)
    with shop.refused("MX420", "S9"):
        shop.call("ignore_difference", "N1", "Zoe", None, "S9", 1)
    for line_no in [2, None]:
        with shop.refused("MX426", "S1"):
            shop.call("ignore_difference", "N1", "Zoe", None, "S1", line_no)
    for account, code in [("channel:card", "MX426"), ("card", "MX401"), ("channel:x", "MX203")]:
        with shop.refused(code):
            shop.call(
                "ignore_difference", "N1", "Zoe", None, account=account, kind="fee", number="P1"
            )
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("ignore_difference", "N1", "Zoe", None, "S1", 1)
