import pytest
from shop import Row, Shop, day


def register(shop: Shop, *arguments: str | None) -> Row:
    (channel,) = shop.query("select * from mixpay.register_channel(%s, %s, %s)", *arguments)
    return channel


def test_a_fresh_database_has_the_usual_channels(shop: Shop) -> None:
    channels = shop.query("select channel, kind from mixpay.channels order by kind, channel")

    assert [tuple(row) for row in channels] == [
        ("cash", "offline"),
        ("pos", "offline"),
        ("transfer", "offline"),
        ("alipay", "online"),
        ("bank", "online"),
        ("card", "online"),
        ("wechat", "online"),
        ("voucher", "voucher"),
        ("wallet", "wallet"),
    ]


def test_registers_and_updates(shop: Shop) -> None:
    register(shop, "points", "Points", "wallet")
    channel = register(shop, "points", "Points of the shop", "voucher")

    assert (channel.channel, channel.title, channel.kind) == (
        "points",
        "Points of the shop",
        "voucher",
    )


def test_e03_again_changes_nothing(shop: Shop) -> None:
    register(shop, "points", "Points", "wallet")
    with shop.unchanged():
        register(shop, "points", "Points", "wallet")


@pytest.mark.parametrize(
    ("kind", "state"),
    [("online", "pending"), ("wallet", "pending"), ("voucher", "pending"), ("offline", "waiting")],
)
def test_its_kind_says_who_sends_refunds(shop: Shop, kind: str, state: str) -> None:
    register(shop, "new", "New", kind)
    shop.merge("T", A=5)
    shop.pay("T", "P", 5, "new", day(1))
    shop.refund("A", "R", 5)

    assert shop.channel_refund("R", "P").state == state


def test_refuses_bad_names(shop: Shop, subtests: pytest.Subtests) -> None:
    for name in [None, "", "Upper", "a b", "x" * 65, "1st", "渠道"]:
        with subtests.test(name=name), shop.refused("MX901"):
            register(shop, name, "New", "online")


def test_refuses_bad_titles_and_kinds(shop: Shop, subtests: pytest.Subtests) -> None:
    for title, kind in [("", "online"), (None, "online"), ("New", "barter"), ("New", None)]:
        with subtests.test(title=title, kind=kind), shop.refused("MX905"):
            register(shop, "new", title, kind)
