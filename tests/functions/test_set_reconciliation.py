from datetime import timedelta

from bills import line, load, reconcile
from shop import Shop, day


def test_what_is_left_out_stays_as_it_is(shop: Shop) -> None:
    first = shop.call("set_reconciliation", "channel:card")
    assert (first.account, first.owner, first.zone) == ("channel", "card", "UTC")
    assert (first.tolerance, first.lag, first.fee_rate) == (0, timedelta(days=1), None)
    assert (first.fee_fixed, first.write_off_limit, first.last_run) == (0, 0, 0)

    shop.call("set_reconciliation", "channel:card", 2, "3 hours", 6000, 7, 100, "Asia/Shanghai")
    again = shop.call("set_reconciliation", "channel:card", tolerance=1)
    assert (again.tolerance, again.lag, again.fee_rate) == (1, timedelta(hours=3), 6000)
    assert (again.fee_fixed, again.write_off_limit, again.zone) == (7, 100, "Asia/Shanghai")
    (listed,) = shop.query("select * from mixpay.reconciled_account_list")
    assert (listed.owner, listed.tolerance, listed.reconciled_until) == ("card", 1, None)


def test_a_channels_days_are_in_its_zone(shop: Shop) -> None:
    shop.call("register_merchant", "Shop")
    shop.channel("qr", day_zone="Asia/Shanghai")
    assert shop.call("set_reconciliation", "channel:qr").zone == "Asia/Shanghai"
    sealed = load(shop, "S1", [line(1, "payment", 1, day(1))], "channel:qr")
    # Noon in UTC is eight in the evening there.
    assert (sealed.from_at, sealed.until_at) == (
        day(1) - timedelta(hours=20), day(1) + timedelta(hours=4),
    )  # fmt: skip


def test_it_holds_for_the_next_run(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P1", 100, "card", day(1))
    load(shop, "S1", [line(1, "payment", 99, day(1))])
    assert reconcile(shop, "S1") == {"theirs expected": 1, "ours expected": 1}
    shop.call("set_reconciliation", "channel:card", tolerance=1)
    assert reconcile(shop, "S1")["theirs matched"] == 1


def test_a_bank_and_each_merchant_by_itself(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    assert shop.call("set_reconciliation", "bank:main", 5).owner == "main"
    assert other.call("set_reconciliation", "bank:main").tolerance == 0


def test_refuses_bad_input(shop: Shop) -> None:
    for account in [None, "card", "payee:S", "channel", "outside"]:
        with shop.refused("MX401"):
            shop.call("set_reconciliation", account)
    with shop.refused("MX203", "venmo"):
        shop.call("set_reconciliation", "channel:venmo")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("set_reconciliation", "bank:main")
    for name in ["tolerance", "fee_fixed", "write_off_limit"]:
        for bad in [-1, 10**15 + 1]:
            with shop.refused("MX902", bad):
                shop.call("set_reconciliation", "bank:main", **{name: bad})
    for bad in [-1, 1000001]:
        with shop.refused("MX904", bad):
            shop.call("set_reconciliation", "bank:main", fee_rate=bad)
    for lag in ["-1 second", "367 days"]:
        with shop.refused("MX904"):
            shop.call("set_reconciliation", "bank:main", lag=lag)
    for zone in ["", "Mars", "\x1b"]:
        with shop.refused("MX905"):
            shop.call("set_reconciliation", "bank:main", zone=zone)


def test_an_account_is_reconciled_as_far_as_its_own_statements(shop: Shop) -> None:
    shop.call("register_merchant", "Shop")
    first, hour = day(1), timedelta(hours=1)
    statements = [
        ("S1", "channel:card", 1, True),
        ("S2", "bank:card", 2, True),
        ("S3", "channel:wechat", 3, True),
        ("S4", "channel:card", 4, False),
        ("S5", "channel:card", 0.5, True),
    ]
    for number, account, hours, is_reconciled in statements:
        shop.call("open_statement", number, account, first, first + hours * hour)
        shop.call("seal_statement", number, 0)
        if is_reconciled:
            shop.rows("reconcile", number)

    rows = shop.query("select account, owner, reconciled_until from mixpay.reconciled_account_list")
    assert {f"{row.account}:{row.owner}": row.reconciled_until for row in rows} == {
        "channel:card": first + hour,
        "bank:card": first + 2 * hour,
        "channel:wechat": first + 3 * hour,
    }
    (listed, *_) = shop.query("select amount, fee from mixpay.statement_list")
    assert listed == (0, 0)
