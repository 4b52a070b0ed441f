"""A database that an earlier version filled becomes what this version makes, and lives on."""

from pathlib import Path

import psycopg
import pytest
from shop import Shop, day, orders

from mixpay_db import bookkeeping, database, migrations
from mixpay_db.cli.events import raise_epoch
from mixpay_db.release import Release, text

# What each earlier version left, and how many of the migrations were its own.
VERSIONS = {"core": 1, "life": 2}
REFERENCE = {"currencies", "channels", "state_transitions"}


def columns(conn):
    """The columns of every table that holds what happened."""
    return {
        table: names
        for table, names in conn.execute(
            "select c.relname, string_agg(quote_ident(a.attname), ', ' order by a.attnum)"
            " from pg_class as c inner join pg_attribute as a on a.attrelid = c.oid"
            " where c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'r'"
            " and a.attnum > 0 and not a.attisdropped group by c.relname"
        ).fetchall()
        if table not in REFERENCE
    }


def contents(conn, tables):
    """All rows, as far as these tables and columns say them."""
    return {
        table: conn.execute(
            f"select t.said::text from (select row({names}) as said from mixpay.{table}) as t"
            " order by 1"
        ).fetchall()
        for table, names in tables.items()
    }


def shape(dump, url):
    """The tables, without the rights, which the code gives and which stay."""
    lines = dump(url).splitlines()
    return [x for x in lines if x and not x.startswith(("--", "GRANT", "REVOKE"))]


def apply(conn, migration):
    conn.execute(text(migration))
    conn.execute(bookkeeping.mark(migration.id, text(migration)))


def fill(url, version):
    """The tables and rows that a version left, its marks, and no code that this one knows."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(bookkeeping.CREATE)
        for migration in Release().migrations[: VERSIONS[version]]:
            apply(conn, migration)
        conn.execute("set role mixpay_owner")
        conn.execute(Path(__file__).with_name(f"{version}.sql").read_text(encoding="utf-8"))
        conn.execute("reset role")
        conn.execute(bookkeeping.remember(bookkeeping.CODE, f"that of {version}"))
    return url


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def filled(empty_url, version):
    return fill(empty_url, version)


@pytest.fixture
def core(empty_url):
    return fill(empty_url, "core")


@pytest.fixture
def life(empty_url):
    return fill(empty_url, "life")


def upgrade(url):
    """To this version; the dump is a restore, from which the epoch tells what is written since."""
    migrations.migrate(url, lambda _: None)
    conn = psycopg.connect(url, autocommit=True)
    raise_epoch(conn)
    return conn


def broken(conn):
    return [result.name for result in database.run_checks(conn) if result.rows]


def test_it_equals_a_fresh_one(filled, url, dump):
    with psycopg.connect(filled, autocommit=True) as conn:
        tables = columns(conn)
        before = contents(conn, tables)
        assert before["anomalies"]
        assert before["facts"]
    migrations.migrate(filled, lambda _: None)

    assert dump(filled) == dump(url)
    with psycopg.connect(filled, autocommit=True) as conn, psycopg.connect(url) as fresh:
        assert contents(conn, tables) == before
        assert migrations.verify(conn) == []
        for table in REFERENCE:
            query = f"select * from mixpay.{table} order by 1, 2, 3"
            assert conn.execute(query).fetchall() == fresh.execute(query).fetchall()


def test_nothing_becomes_payable(filled):
    """Also where nobody wanted it held: what was paid before is released by whoever knows that."""
    migrations.migrate(filled, lambda _: None)
    with psycopg.connect(filled, autocommit=True) as conn:
        for query in (
            "select from mixpay.trade_orders where cleared <> 0",
            "select from mixpay.channel_refunds where cleared <> 0",
            "select from mixpay.account_balances where account in ('payee', 'receiver', 'fee')",
        ):
            assert conn.execute(query).fetchall() == [], query
        (gross,) = conn.execute(
            "select sum(held) > 0 and sum(gross - refunds) = sum(held) from mixpay.payee_balances"
        ).fetchone()
        assert gross
        trial = "select * from mixpay.trial_balance('m')"
        kinds = {account for account, *_ in conn.execute(trial).fetchall()}
        assert kinds <= {"channel", "order", "surplus", "refund", "anomaly", "outside"}


def test_core_lives_on(core):
    with upgrade(core) as conn:
        shop, other = Shop(conn), Shop(conn, "n")
        # What was open, failed, in doubt or out of place is dealt with by what is new.
        assert shop.call("close_trade", "T2", "abandoned").paid == 0
        assert shop.balance("C").mergeable == 80
        (anomaly,) = shop.query("select * from mixpay.anomaly_list where merchant_id = 'm'")
        shop.call(
            "resolve_anomaly", anomaly.channel_refund_no, "recovered", "the buyer paid it back"
        )
        (failed,) = other.query(
            "select * from mixpay.channel_refund_list where merchant_id = 'n' and state = 'failed'"
        )
        again = other.call("redirect_channel_refund", failed.channel_refund_no, "bank", "again")
        assert again.state == "pending"
        assert other.call("cancel_order", "T2", "D", "sold out").state == "closed"
        assert len(shop.rows("read_events")) > 10
        shop.call("merge_orders", [{"order_no": "C", "amount": 80, "currency": "CNY"}], "T5")
        shop.pay("T5", "P9", 80, "cash", day(9))
        shop.call("record_refund", "C", "R9", 30, "cash")
        # Of A, 100 were paid and 90 refunded or on their way.
        assert shop.call("release_order", "A", "L1").amount == 10
        assert broken(conn) == []


def payable(shop, payee_no):
    totals = shop.rows("account_balance", f"payee:{payee_no}")
    return sum(total.balance for total in totals)


def part(shop, state, *, order_no="N"):
    """A part of a refund of the order that the old version left in this state."""
    row = shop.query(
        "select channel_refund_no from mixpay.channel_refund_list"
        " where merchant_id = %s and order_no = %s and state = %s order by 1 limit 1",
        shop.merchant,
        order_no,
        state,
    )
    return row[0].channel_refund_no


def test_life_lives_on(life):
    with upgrade(life) as conn:
        shop = Shop(conn)
        # What was paid before is released in parts, by its date, and where nobody held it.
        assert shop.call("release_order", "K", "L1", 60).amount == 60
        assert [(r.order_no, r.amount) for r in shop.rows("release_due")] == [("L", 50)]
        assert shop.balance("Q").held == 25
        assert shop.call("release_order", "Q", "L2").amount == 25
        assert (payable(shop, "S"), payable(shop, "V")) == (60, 75)
        # A refund takes what is held first, then from the payee.
        shop.refund("K", "R20", 70)
        assert (payable(shop, "S"), shop.balance("K").held) == (30, 0)
        # What was under way comes back to where it was: it is held again.
        held = shop.balance("N").held
        for state in ("pending", "doubt"):
            shop.call("fail_channel_refund", part(shop, state), "no such account")
            held += 10
            assert shop.balance("N").held == held
        shop.call("complete_channel_refund", part(shop, "sent"), "Z9")
        bounced = shop.call("redirect_channel_refund", part(shop, "bounced"), "bank", "again")
        assert (shop.balance("N").held, bounced.cleared) == (held - 10, 0)
        assert shop.call("release_order", "N", "L3").amount == held - 10
        # From now on the payee bears what goes back, and gets back what does not arrive.
        shop.call("fail_channel_refund", bounced.channel_refund_no, "again")
        assert shop.balance("N").held == 10
        assert payable(shop, "V") == 75 + held - 10
        # Only what is paid from now on is cleared at once.
        shop.pay("T9", "P21", 60, "bank")
        assert (shop.balance("U").cleared, shop.balance("U").held) == (60, 40)
        # An abandoned trade's money, kept, stays held when the rest is paid.
        shop.call(
            "merge_orders",
            [{**orders(W=60)[0], "payee_no": "V", "hold": True}],
            "T11",
        )
        shop.pay("T11", "P22", 40, "cash")
        assert shop.balance("W").held == 60
        split = shop.rows(
            "split_order", "W", "X1", [{"receiver": "agent", "rate": 1000}], "payment"
        )
        assert [(share.receiver, share.balance) for share in split] == [("agent", 6), ("V", 54)]
        assert shop.balance("W").held == 54
        assert broken(conn) == []


def test_life_settles(life):
    with upgrade(life) as conn:
        shop = Shop(conn)
        shop.call("release_order", "K", "L1")
        shop.until_final()
        assert shop.call("settle_payee", "S", "S1", None).amount == 100
        shop.refund("K", "R20", 30)
        shop.call("release_order", "U", "L2", 10)
        shop.until_final()
        debt = shop.call("settle_payee", "S", "S2", None)
        assert (debt.amount, debt.carried_out) == (0, -20)
        assert shop.call("fold_balances").movements > 40
        assert broken(conn) == []


def test_it_goes_back_with_its_rows(filled, version, dump):
    """Down to each version's own tables, one by one."""
    with psycopg.connect(filled, autocommit=True) as conn:
        there = []
        for migration in Release().migrations[VERSIONS[version] : -1]:
            there.append((contents(conn, columns(conn)), shape(dump, filled)))
            apply(conn, migration)
        there.append((contents(conn, columns(conn)), shape(dump, filled)))
        migrations.migrate(filled, lambda _: None)
        # Balances that were summed up are a matter of speed, and may go.
        conn.execute("select mixpay.fold_balances('m')")
        for rows, tables in reversed(there):
            migrations.rollback(filled, say=lambda _: None, drop_rows=True)
            assert contents(conn, columns(conn)) == rows
            assert shape(dump, filled) == tables
        migrations.migrate(filled, lambda _: None)
        assert migrations.verify(conn) == []


def refuses_to_go_back(url, conn):
    before = contents(conn, columns(conn))
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="cannot be taken"):
        migrations.rollback(url, say=lambda _: None, drop_rows=True)
    assert contents(conn, columns(conn)) == before
    assert migrations.verify(conn) == []


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda s: s.pay("T9", "P21", 1, "cash"), id="money is a payee's at once"),
        pytest.param(lambda s: s.call("release_order", "K", "L1", 1), id="a release"),
        pytest.param(lambda s: s.rows("release_due"), id="a release that was due"),
        pytest.param(lambda s: s.call("open_dispute", "K", "D1"), id="a dispute"),
        pytest.param(
            lambda s: s.rows("split_order", "K", "X1", [{"receiver": "A", "rate": 1}]),
            id="a split of what is held",
        ),
        pytest.param(
            lambda s: s.call("settle_payee", "S", "S1", None, "CNY"),
            id="a settlement of nothing",
        ),
        pytest.param(
            lambda s: s.call("record_repayment", "payee:S", "B1", 1, "CNY"), id="a repayment"
        ),
        pytest.param(lambda s: s.call("close_period", day(89)), id="a closed period"),
    ],
)
def test_it_does_not_go_back_over_what_life_cannot_say(life, happens):
    migrations.migrate(life, lambda _: None)
    with psycopg.connect(life, autocommit=True) as conn:
        happens(Shop(conn))
        refuses_to_go_back(life, conn)


def test_it_does_not_go_back_over_what_core_cannot_say(filled, version):
    """Life's own rows are such: cancelled orders, redirected refunds, resolved anomalies."""
    migrations.migrate(filled, lambda _: None)
    with psycopg.connect(filled, autocommit=True) as conn:
        if version == "core":
            Shop(conn, "n").call("cancel_order", "T2", "D", "sold out")
        migrations.rollback(filled, say=lambda _: None, drop_rows=True)
        before = contents(conn, columns(conn))
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="cannot be taken"):
            migrations.rollback(filled, say=lambda _: None, drop_rows=True)
        assert contents(conn, columns(conn)) == before
        migrations.migrate(filled, lambda _: None)
        assert migrations.verify(conn) == []
