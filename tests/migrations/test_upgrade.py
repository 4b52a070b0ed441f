"""A database that an earlier version filled becomes what this version makes, and lives on."""

from collections import Counter

import psycopg
import pytest
from psycopg import sql
from released import VERSIONS, apply, script
from shop import Shop, day, orders

from mixpay_db import bookkeeping, database, migrations
from mixpay_db.cli.events import raise_epoch
from mixpay_db.release import Release, text, way_back

REFERENCE = {"currencies", "channels", "state_transitions", "epochs"}
# 0004 made them anew, and says the same in other words.
RETOLD = {"facts", "settlement_facts", "settlements"}
# Columns that 0004 calls by another name.
RENAMED = {"trades": {"kept": "keeps_paid"}, "trade_orders": {"held": "hold"}}
# What was summed up is a matter of speed.
FOLDS = {"balance_folds", "folded_balances"}


_SETTLEMENT = """
merchant_id, settlement_no, payee_no, currency, nth, until_at, from_epoch, from_xid, until_epoch,
until_xid, carried_in, earned, amount, carried_out, state, reason, created_at, reversed_at
"""
# What 0.3.0 said, and how it is said now.
WORDS = {
    "movements": (
        script("money_journal"),
        """
        select
            merchant_id, log, log_no, entry, from_account, from_owner, to_account, to_owner, amount,
            currency, entity, number, payment_no, order_no, refund_no, channel_refund_no, reason,
            happened_at, created_at, epoch, xid
        from mixpay.facts
        where amount is not null
        """,
    ),
    # With their positions: who has read as far goes on from there.
    "changes": (script("money_events"), "select * from mixpay.events"),
    "facts": (
        """
        select (select count(*) from mixpay.facts)
            + (select count(*) from mixpay.settlement_facts)
        """,
        "select count(*) from mixpay.facts",
    ),
    "settlements": (
        f"""
        select {_SETTLEMENT}, receiver, case state when 'reversed' then 2 else 1 end
        from mixpay.settlements
        """,
        f"""
        select {_SETTLEMENT}, case account when 'receiver' then owner end, last_entry
        from mixpay.settlements
        """,
    ),
    "repayments": (
        """
        select
            merchant_id, number, to_account, to_owner, amount, currency, reason, happened_at,
            created_at
        from mixpay.settlement_facts
        where entity = 'repayment'
        """,
        """
        select
            merchant_id, repayment_no, account, owner, amount, currency, reason, repaid_at,
            created_at
        from mixpay.repayments
        """,
    ),
    "epochs": (
        """
        select generate_series(1, pg_get_expr(adbin, adrelid)::bigint)
        from pg_attrdef inner join pg_attribute on attrelid = adrelid and attnum = adnum
        where attrelid = 'mixpay.facts'::regclass and attname = 'epoch'
        """,
        # Without the one that begins with the upgrade.
        "select epoch from mixpay.epochs where epoch < (select max(epoch) from mixpay.epochs)",
    ),
}


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


def lasting(conn):
    """All but what is summed up, which may go."""
    return {table: names for table, names in columns(conn).items() if table not in FOLDS}


def told(conn, which):
    """All rows that say it in 0.3.0's words (0) or in today's (1)."""
    return {
        what: sorted(conn.execute(words[which]).fetchall(), key=repr)
        for what, words in WORDS.items()
    }


def contents(conn, tables):
    """All rows, as far as these tables and columns say them."""
    query = " union all ".join(
        f"select '{table}', said::text from (select row({names}) as said from mixpay.{table}) as t"
        for table, names in tables.items()
    )
    found = {table: [] for table in tables}
    for table, row in conn.execute(query + " order by 1, 2").fetchall():
        found[table].append(row)
    return found


def renamed(tables):
    """The same tables and columns by their names of today."""
    return {
        table: ", ".join(RENAMED.get(table, {}).get(name, name) for name in names.split(", "))
        for table, names in tables.items()
    }


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def filled(lend, version):
    return lend(version)


@pytest.fixture
def money(lend):
    return lend("money")


@pytest.fixture
def migrated(lend):
    """`migrated(version)`: a database that it filled and this one migrated."""
    return lambda version: lend(version, migrated=True)


@pytest.fixture
def upgraded(migrated):
    """`upgraded(version)`: a session there."""
    return lambda version: to_live_on(migrated(version))


def to_live_on(url):
    """The dump is a restore, from which the epoch tells what is written since."""
    conn = psycopg.connect(url, autocommit=True)
    raise_epoch(conn)
    return conn


def upgrade(url):
    migrations.migrate(url, lambda _: None)
    return to_live_on(url)


def broken(conn):
    return [result.name for result in database.run_checks(conn) if result.rows]


def test_it_equals_a_fresh_one(filled, url, once, dump, verify):
    """What the code is to be is found out beside these tables and rows, as `migrate` does it."""
    with psycopg.connect(filled, autocommit=True) as conn:
        tables = {t: names for t, names in columns(conn).items() if t not in RETOLD}
        before = contents(conn, tables)
        assert before["anomalies"]
        migrations.migrate(filled, lambda _: None)

        assert dump(filled) == once("dump", lambda: dump(url))
        assert contents(conn, renamed(tables)) == before
        assert verify(conn) == []
        with psycopg.connect(url) as fresh:
            for table in REFERENCE - {"epochs"}:
                query = f"select * from mixpay.{table} order by 1, 2, 3"
                assert conn.execute(query).fetchall() == fresh.execute(query).fetchall()


def test_all_that_happened_is_told_as_before(filled, upgraded, version):
    with psycopg.connect(filled, autocommit=True) as conn:
        tables = columns(conn)
        before = contents(conn, tables)
        for migration in Release().migrations[VERSIONS[version] : VERSIONS["money"]]:
            apply(conn, migration)
        assert contents(conn, tables) == before
        before = told(conn, 0)
        assert before["movements"]
        assert before["changes"]
        if version == "money":
            assert all(before.values())
    with upgraded(version) as conn:
        after = told(conn, 1)
        for what, rows in before.items():
            assert after[what] == rows, what


@pytest.mark.parametrize("version", ["core", "life"])
def test_nothing_becomes_payable(migrated, version):
    """Also where nobody wanted it on hold: who knows that releases what was paid before."""
    with psycopg.connect(migrated(version), autocommit=True) as conn:
        for query in (
            "select from mixpay.trade_orders where cleared <> 0",
            "select from mixpay.channel_refunds where cleared <> 0",
            "select from mixpay.account_balances where account in ('payee', 'receiver', 'fee')",
        ):
            assert conn.execute(query).fetchall() == [], query
        (gross,) = conn.execute(
            "select sum(in_escrow) > 0 and sum(gross - refunds) = sum(in_escrow)"
            " from mixpay.payee_balances"
        ).fetchone()
        assert gross
        trial = "select * from mixpay.trial_balance('m')"
        kinds = {account for account, *_ in conn.execute(trial).fetchall()}
        assert kinds <= {"channel", "order", "surplus", "refund", "anomaly", "outside"}


def test_core_lives_on(upgraded):
    with upgraded("core") as conn:
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


def test_life_lives_on(upgraded):
    with upgraded("life") as conn:
        shop = Shop(conn)
        # What was paid before is released in parts, by its date, and where nobody asked for a hold.
        assert shop.call("release_order", "K", "L1", 60).amount == 60
        assert [(r.order_no, r.amount) for r in shop.rows("release_due")] == [("L", 50)]
        assert shop.balance("Q").in_escrow == 25
        assert shop.call("release_order", "Q", "L2").amount == 25
        assert (payable(shop, "S"), payable(shop, "V")) == (60, 75)
        # A refund takes what is in escrow first, then from the payee.
        shop.refund("K", "R20", 70)
        assert (payable(shop, "S"), shop.balance("K").in_escrow) == (30, 0)
        # What was under way comes back to where it was: it is in escrow again.
        in_escrow = shop.balance("N").in_escrow
        for state in ("pending", "doubt"):
            shop.call("fail_channel_refund", part(shop, state), "no such account")
            in_escrow += 10
            assert shop.balance("N").in_escrow == in_escrow
        shop.call("complete_channel_refund", part(shop, "sent"), "Z9")
        bounced = shop.call("redirect_channel_refund", part(shop, "bounced"), "bank", "again")
        assert (shop.balance("N").in_escrow, bounced.cleared) == (in_escrow - 10, 0)
        assert shop.call("release_order", "N", "L3").amount == in_escrow - 10
        # From now on the payee bears what goes back, and gets back what does not arrive.
        shop.call("fail_channel_refund", bounced.channel_refund_no, "again")
        assert shop.balance("N").in_escrow == 10
        assert payable(shop, "V") == 75 + in_escrow - 10
        # Only what is paid from now on is cleared at once.
        shop.pay("T9", "P21", 60, "bank")
        assert (shop.balance("U").cleared, shop.balance("U").in_escrow) == (60, 40)
        # An abandoned trade's money stays in escrow when the rest is paid.
        shop.call(
            "merge_orders",
            [{**orders(W=60)[0], "payee_no": "V", "hold": True}],
            "T11",
        )
        shop.pay("T11", "P22", 40, "cash")
        assert shop.balance("W").in_escrow == 60
        split = shop.rows(
            "split_order", "W", "X1", [{"receiver": "agent", "rate": 1000}], "payment"
        )
        assert [(share.receiver, share.balance) for share in split] == [("agent", 6), ("V", 54)]
        assert shop.balance("W").in_escrow == 54
        assert broken(conn) == []


def test_life_settles(upgraded):
    with upgraded("life") as conn:
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


def balances(movements):
    """What payees, receivers, fees and channels have, by what the movements say."""
    totals = Counter()
    for movement in movements:
        merchant, (from_account, from_owner, to_account, to_owner) = movement[0], movement[4:8]
        amount, currency = movement[8:10]
        totals[merchant, f"{from_account}:{from_owner}", currency] -= amount
        totals[merchant, f"{to_account}:{to_owner}", currency] += amount
    kinds = ("payee:", "receiver:", "fee:", "channel:")
    return {account: total for account, total in totals.items() if account[1].startswith(kinds)}


def test_money_has_its_balances(money, upgraded):
    """Those that were summed up and those of closed periods, too: the checks see to them."""
    with psycopg.connect(money, autocommit=True) as conn:
        before = balances(told(conn, 0)["movements"])
        assert len(before) > 10
    with upgraded("money") as conn:
        for (merchant, account, currency), total in before.items():
            assert Shop(conn, merchant).owns(account)[currency] == total, account
        assert broken(conn) == []


def live_on(shop):
    """Something of everything that can happen to what money left."""
    had = payable(shop, "V")
    shop.refund("DP", "R60", 10)
    assert payable(shop, "V") == had - 10
    shop.fail("R60", "PDP")
    assert payable(shop, "V") == had
    shop.refund("DI", "R61", 20)
    shop.call("complete_channel_refund", part(shop, "doubt", order_no="DG"), "Y60")
    shop.call("close_dispute", "D2", "payee", "it was as ordered")
    assert [(r.order_no, r.amount) for r in shop.rows("release_due")] == [("L", 50)]
    shop.call("cancel_order", "T2", "C", "sold out")
    shop.call("record_repayment", "receiver:agent", "B9", 3, "CNY", None, "by cheque")
    # A payout of before fails, and its money goes out again.
    agent = sum(shop.owns("receiver:agent").values())
    assert shop.call("reverse_settlement", "S9", "account closed").last_entry == 2
    shop.until_final()
    assert shop.call("settle_receiver", "agent", "S11", None).amount == agent + 11
    assert shop.settle("S10", "V").amount == had + 50
    assert shop.call("fold_balances").movements > 0
    ((now,),) = shop.query("select clock_timestamp()")
    shop.call("close_period", now)


def test_money_lives_on(upgraded):
    with upgraded("money") as conn:
        shop = Shop(conn)
        # What was numbered before is known by its number.
        with shop.unchanged():
            assert shop.call("settle_payee", "V", "S2", None).amount == 100
            assert shop.call("settle_receiver", "agent", "S9", None).state == "settled"
            assert shop.call("record_repayment", "receiver:agent", "B2", 7, "CNY").reason == "cash"
        with shop.refused("MX410", 7, "receiver:agent"):
            shop.call("record_repayment", "receiver:agent", "B2", 8, "CNY")
        with shop.refused("MX402", "payee:V"):
            shop.call("settle_receiver", "agent", "S2", None)
        live_on(shop)
        assert broken(conn) == []


def without_banks(movement):
    """A movement as it was told before there were banks."""
    sides = [
        ("outside", None) if side == ("bank", "main") else side
        for side in (movement[4:6], movement[6:8])
    ]
    return (*movement[:4], *sides[0], *sides[1], *movement[8:])


@pytest.mark.usefixtures("known")
def test_what_happened_since_is_taken_back_as_it_was(migrated):
    """The tables of 0.3.0 can say it all, so they do. A bank was outside then."""
    money = migrated("money")
    with to_live_on(money) as conn:
        shop = Shop(conn)
        live_on(shop)
        shop.until_final()
        there = told(conn, 1)
        moved = there["movements"]
        assert sum(("bank", "main") in (m[4:6], m[6:8]) for m in moved) == 3
        there["movements"] = sorted(map(without_banks, moved), key=repr)
        migrations.rollback(money, "0003_money", say=lambda _: None, drop_rows=True)
        assert told(conn, 0) == {**there, "epochs": [(1,), (2,), (3,)]}
        migrations.migrate(money, lambda _: None)
        shop.until_final()
        assert told(conn, 1) == there
        assert broken(conn) == []


# A fact that 0.3.0 can say, and what it cannot.
FACT = {
    "merchant_id": "m",
    "log": "trade",
    "log_no": "T2",
    "entry": 99,
    "epoch": 2,
    "entity": "payment",
    "number": "P3",
    "from_account": "channel",
    "from_owner": "wallet",
    "to_account": "order",
    "to_owner": "C",
    "amount": 1,
    "currency": "CNY",
    "payment_no": "P3",
    "order_no": "C",
    "happened_at": day(9),
}
PAYOUT = {
    "log": "settlement",
    "log_no": "S2",
    "entity": "settlement",
    "number": "S2",
    "from_state": "settled",
    "to_state": "reversed",
    "from_account": "outside",
    "from_owner": None,
    "to_account": "payee",
    "to_owner": "V",
    "payment_no": None,
    "order_no": None,
}
UNSAID = {
    "it is in EUR, its trade in CNY": {"currency": "EUR"},
    "it is about payment P9": {"number": "P9"},
    "it is about trade T1": {"entity": "trade", "number": "T1"},
    "it moves money from channel:card": {"from_owner": "card"},
    "it moves money to order:D": {"to_owner": "D"},
    "a repayment has no place": {"entity": "repayment", "number": "T2"},
    "there is no such trade": {"log_no": "T99"},
    "a payment has no place": {**PAYOUT, "entity": "payment"},
    "it is about settlement S3": {**PAYOUT, "number": "S3"},
    "it is no change of state": {**PAYOUT, "from_state": None, "to_state": None},
    "it is about an order": {**PAYOUT, "order_no": "C"},
    "it moves money from payee to receiver": {
        **PAYOUT,
        "from_account": "payee",
        "from_owner": "V",
        "to_account": "receiver",
    },
}


def write(conn, fact):
    names = sql.SQL(", ").join(map(sql.Identifier, fact))
    values = sql.SQL(", ").join(map(sql.Literal, fact.values()))
    conn.execute(sql.SQL("insert into mixpay.facts ({}) values ({})").format(names, values))


def test_it_does_not_go_back_over_what_money_cannot_say(migrated):
    money = migrated("money")
    # What came later and the code have nothing to say against it; then they need not go each time.
    migrations.rollback(money, "0004_engine", say=lambda _: None, drop_rows=True)
    with psycopg.connect(money, autocommit=True) as conn:
        conn.execute("set session_replication_role = replica")  # so that facts can go
        for problem, change in UNSAID.items():
            write(conn, {**FACT, **change})
            told = refuses_to_go_back(money, conn, "0003_money")
            assert told.startswith(f"Fact 99 of {change.get('log', 'trade')} ")
            assert problem in told
            conn.execute("delete from mixpay.facts where entry = 99")
        conn.execute(
            "insert into mixpay.repayments values"
            " ('m', 'B99', 'payee', 'S', 1, 'CNY', null, now(), now())"
        )
        told = refuses_to_go_back(money, conn, "0003_money")
        assert told == "Repayment B99 of merchant m is not what its fact says."
        conn.execute("delete from mixpay.repayments where repayment_no = 'B99'")
        write(conn, FACT)
        migrations.rollback(money, "0003_money", say=lambda _: None, drop_rows=True)


@pytest.mark.usefixtures("known")
def test_it_goes_there_and_back_with_its_rows(filled, version, verify, shape):
    """Each migration there and back and there by itself; then down to the version's own tables."""
    with psycopg.connect(filled, autocommit=True) as conn:

        def said():
            return contents(conn, columns(conn)), shape(conn)

        *pending, last = Release().migrations[VERSIONS[version] :]
        before, there = said(), []
        for migration in [*pending, last]:
            there.append(before)
            conn.execute(text(migration))
            after = said()
            conn.execute(way_back(migration).read_text(encoding="utf-8"))
            assert said() == before
            conn.execute(text(migration))
            assert said() == after
            conn.execute(bookkeeping.mark(migration.id, text(migration)))
            before = after
        # The last one again, with the code.
        conn.execute(way_back(last).read_text(encoding="utf-8"))
        conn.execute(bookkeeping.unmark(last.id))
        migrations.migrate(filled, lambda _: None)
        # What is summed up may go.
        conn.execute("select mixpay.fold_balances('m')")
        for rows, tables in reversed(there):
            migrations.rollback(filled, say=lambda _: None, drop_rows=True)
            lasted = {table: found for table, found in rows.items() if table not in FOLDS}
            assert contents(conn, lasting(conn)) == lasted
            assert shape(conn) == tables
        migrations.migrate(filled, lambda _: None)
        assert verify(conn) == []


def refuses_to_go_back(url, conn, to):
    before = contents(conn, columns(conn))
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="cannot be") as refused:
        migrations.rollback(url, to, say=lambda _: None, drop_rows=True)
    assert contents(conn, columns(conn)) == before
    return refused.value.diag.message_detail


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda s: s.pay("T9", "P21", 1, "cash"), id="money is a payee's at once"),
        pytest.param(lambda s: s.call("release_order", "K", "L1", 1), id="a release"),
        pytest.param(lambda s: s.rows("release_due"), id="a release that was due"),
        pytest.param(lambda s: s.call("open_dispute", "K", "D1"), id="a dispute"),
        pytest.param(
            lambda s: s.rows("split_order", "K", "X1", [{"receiver": "A", "rate": 1}]),
            id="a split of what is in escrow",
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
def test_it_does_not_go_back_over_what_life_cannot_say(migrated, happens, verify):
    life = migrated("life")
    with psycopg.connect(life, autocommit=True) as conn:
        happens(Shop(conn))
        assert refuses_to_go_back(life, conn, "0002_life")
        assert verify(conn) == []


@pytest.mark.parametrize(
    ("version", "back_to"), [("core", "0002_life"), ("life", "0002_life"), ("money", "0003_money")]
)
@pytest.mark.usefixtures("known")
def test_it_does_not_go_back_over_what_an_earlier_version_cannot_say(
    migrated, version, back_to, verify
):
    """Rows of its own are such: orders that Life cancelled, payouts of Money."""
    url = migrated(version)
    with psycopg.connect(url, autocommit=True) as conn:
        if version == "core":
            Shop(conn, "n").call("cancel_order", "T2", "D", "sold out")
        migrations.rollback(url, back_to, say=lambda _: None, drop_rows=True)
        before = contents(conn, columns(conn))
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="cannot be taken"):
            migrations.rollback(url, say=lambda _: None, drop_rows=True)
        assert contents(conn, columns(conn)) == before
        migrations.migrate(url, lambda _: None)
        assert verify(conn) == []


@pytest.mark.usefixtures("known")
def test_control_characters_of_titles_and_reasons_become_blanks(money):
    with psycopg.connect(money, autocommit=True) as conn:
        conn.execute("update mixpay.merchants set title = E'two\\nlines'")
        conn.execute("update mixpay.refunds set reason = E'a\\u001b[2Jb\\u009b'")
        conn.execute("update mixpay.disputes set closing_reason = E'\\tno'")
    with upgrade(money) as conn:
        titles = "select distinct title from mixpay.merchants"
        assert conn.execute(titles).fetchall() == [("two lines",)]
        reasons = "select distinct reason from mixpay.refunds"
        assert conn.execute(reasons).fetchall() == [("a [2Jb ",)]
        closing = "select distinct closing_reason from mixpay.disputes"
        assert conn.execute(closing).fetchall() == [(" no",)]


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(
            lambda s: s.call("adjust_account", "payee:V", "J1", 1, "CNY", "a bonus"),
            id="an adjustment",
        ),
        pytest.param(
            lambda s: s.call("record_channel_fee", "card", "F1", 1, "CNY"), id="a channel's fee"
        ),
        pytest.param(
            lambda s: s.call("record_channel_payout", "card", "O1", 1, "CNY"),
            id="a channel's payout",
        ),
        pytest.param(
            lambda s: s.call("record_repayment", "payee:V", "B9", 1, "CNY", bank="second"),
            id="a second bank",
        ),
        pytest.param(
            lambda s: [
                s.call("reverse_settlement", "S9", "no answer"),
                s.call("reinstate_settlement", "S9", "it had arrived"),
            ],
            id="a payout that had arrived after all",
        ),
    ],
)
def test_it_does_not_go_back_over_what_engine_cannot_say(migrated, happens, verify):
    money = migrated("money")
    with psycopg.connect(money, autocommit=True) as conn:
        happens(Shop(conn))
        assert refuses_to_go_back(money, conn, "0004_engine")
        assert verify(conn) == []


@pytest.mark.usefixtures("known")
def test_e50_a_refund_that_went_in_part_is_said_to_have(migrated):
    """Also one of a time when that was called failed: the record agrees with the row."""
    money = migrated("money")
    with to_live_on(money) as conn:
        shop = Shop(conn, "new")
        shop.call("register_merchant", "New")
        for trade in ("T1", "T2"):
            shop.merge(trade, **{f"A{trade}": 100})
            shop.pay(trade, f"P{trade}", 30, "wallet", day(1))
            shop.pay(trade, f"Q{trade}", 70, "card", day(2))
            for refund, amount in ((f"R{trade}", 40), (f"S{trade}", 60)):
                shop.refund(f"A{trade}", refund, amount)
        for refund, sent, failed in (("RT1", "PT1", "QT1"), ("RT2", "PT2", "QT2")):
            shop.complete(refund, sent)
            shop.fail(refund, failed)
        shop.fail("ST1", "QT1")
    migrations.rollback(money, "0005_world", say=lambda _: None, drop_rows=True)
    with psycopg.connect(money, autocommit=True) as conn:
        # As it was said before.
        conn.execute("set session_replication_role = replica")
        conn.execute("alter table mixpay.refunds drop constraint state_follows_from_the_parts")
        conn.execute("update mixpay.refunds set state = 'failed' where state = 'partly_failed'")
        conn.execute("update mixpay.facts set to_state = 'failed' where to_state = 'partly_failed'")
        conn.execute(
            "alter table mixpay.refunds add constraint state_follows_from_the_parts check (true)"
        )
    migrations.rollback(money, "0004_engine", say=lambda _: None, drop_rows=True)
    with upgrade(money) as conn:
        shop = Shop(conn, "new")
        states = {
            row.refund_no: row.state
            for row in shop.query(
                "select refund_no, state from mixpay.refunds where merchant_id = 'new'"
            )
        }
        assert states == {
            "RT1": "partly_failed",
            "RT2": "partly_failed",
            "ST1": "failed",
            "ST2": "processing",
        }
        assert broken(conn) == []
        told = [
            event.reason for event in shop.rows("read_events") if event.to_state == "partly_failed"
        ]
        assert told == ["a part of it had gone"] * 2
        # And life goes on from there.
        shop.complete("RT1", "QT1", "X1")
        assert shop.row("refunds", "RT1").state == "succeeded"
        assert broken(conn) == []
        assert refuses_to_go_back(money, conn, "0004_engine")


def test_orders_that_were_there_are_followed_from_now_on(upgraded, version):
    """No change of theirs is invented; their state is right, and what changes it is told."""
    with upgraded(version) as conn:
        shop = Shop(conn)
        assert (
            conn.execute("select from mixpay.facts where order_to_state is not null").rowcount == 0
        )
        assert conn.execute("select from mixpay.orders where changes_on_record").rowcount == 0
        before = shop.query(
            "select order_no, state, refundable from mixpay.order_balances "
            "where merchant_id = 'm' and refundable > 0 order by order_no"
        )
        assert "paid" in {order.state for order in before}
        for order in before:
            shop.refund(order.order_no, f"Z{order.order_no}", order.refundable)
        shop.merge("TZ", Z=5)
        shop.pay("TZ", "PZ", 5)
        first, last = {}, {}
        changes = shop.query(
            "select number, from_state, to_state from mixpay.history "
            "where merchant_id = 'm' and entity = 'order' order by created_at, entry"
        )
        for change in changes:
            first.setdefault(change.number, change.from_state)
            last[change.number] = change.to_state

        assert first == {order.order_no: order.state for order in before} | {"Z": "payable"}
        assert last == {order.order_no: "refunded" for order in before} | {"Z": "paid"}
        assert broken(conn) == []


@pytest.mark.usefixtures("known")
def test_a_reversal_whose_moment_came_later_has_no_place_before_0014(migrated):
    money = migrated("money")
    with to_live_on(money) as conn:
        shop = Shop(conn, "new")
        shop.call("register_merchant", "New")
        shop.sell("A", 100)
        shop.settle("S1")
        shop.call("reverse_settlement", "S1", "no such account")
        shop.call("reverse_settlement", "S1", None, day(3))
        assert "later" in refuses_to_go_back(money, conn, "0013_transfers")


@pytest.mark.usefixtures("known")
def test_e43_when_money_came_back_is_told_from_the_log(migrated):
    """Down to where there was no place for it, and up again."""
    money = migrated("money")
    moments = (
        "select state, came_back_at from mixpay.transfer_list where merchant_id = 'new'"
        " order by payment_no, nth"
    )
    with to_live_on(money) as conn:
        shop = Shop(conn, "new")
        shop.call("register_merchant", "New")
        numbers = {}
        for n in (1, 2, 3, 4):
            shop.merge(f"T{n}", **{f"A{n}": 100})
            shop.pay(f"T{n}", f"P{n}", 100, "card", day(1))
            shop.refund(f"A{n}", f"R{n}", 100)
            numbers[n] = shop.channel_refund(f"R{n}", f"P{n}").channel_refund_no
            if n > 2:
                shop.fail(f"R{n}", f"P{n}")
                shop.refund(f"A{n}", f"S{n}", 100)
            shop.call("complete_channel_refund", numbers[n], "X", day(2))
            if n != 4:
                shop.call("bounce_channel_refund", numbers[n], "closed", None, day(2 + n))
        shop.redirect("R2", "P2", "bank")
        shop.call("resolve_anomaly", numbers[4], "recovered", "sent back")
        before = conn.execute(moments).fetchall()
        assert [row[0] for row in before] == ["bounced", "bounced", "recovered", "recovered"]
        assert [row[1] for row in before[:3]] == [day(3), day(4), day(5)]
    migrations.rollback(money, "0013_transfers", say=lambda _: None, drop_rows=True)
    with upgrade(money) as conn:
        assert conn.execute(moments).fetchall() == before
        assert broken(conn) == []
        # What was assumed may still come later.
        shop = Shop(conn, "new")
        shop.call("resolve_anomaly", numbers[4], "recovered", None, 1, day(6))
        assert conn.execute(moments).fetchall()[3] == ("recovered", day(6))
        assert broken(conn) == []


@pytest.mark.usefixtures("known")
def test_e21_what_went_more_than_once_is_told_from_the_log(migrated):
    """Each that came back gets its row: its moments always, its number as far as it was kept."""
    money = migrated("money")
    transfers = (
        "select channel_refund_no, nth, channel_txn_no, refunded_at, came_back_at, state "
        "from mixpay.transfer_list where merchant_id = 'new' order by 1, 2"
    )
    numbers = "select channel_refund_no, nth from mixpay.{} order by 1, 2"
    with to_live_on(money) as conn:
        shop = Shop(conn, "new")
        shop.call("register_merchant", "New")
        for n in range(1, 6):
            shop.merge(f"T{n}", **{f"A{n}": 100})
            shop.pay(f"T{n}", f"P{n}", 100, "card", day(1))
            shop.refund(f"A{n}", f"R{n}", 100)
            shop.complete(f"R{n}", f"P{n}", "X1")
        for n, again in ((1, ["X2"]), (2, ["X2", "X3"]), (3, [])):
            for txn in again:
                shop.bounce(f"R{n}", f"P{n}")
                shop.complete(f"R{n}", f"P{n}", txn)
        shop.bounce("R2", "P2")
        shop.bounce("R3", "P3")
        for n in (4, 5):
            shop.bounce(f"R{n}", f"P{n}")
            shop.refund(f"A{n}", f"S{n}", 100)
            shop.complete(f"R{n}", f"P{n}", "X2")
        shop.fail("S5", "P5")
        booked = shop.channel_refund("R5", "P5").channel_refund_no
        shop.call("resolve_anomaly", booked, "booked", "it is this one")
        shop.bounce("R5", "P5")
        shop.complete("R5", "P5", "X3")
        # As it was before: of the first number of R1, a fact tells, and of R5's second an anomaly.
        first = shop.channel_refund("R1", "P1").channel_refund_no
        conn.execute("set session_replication_role = replica")
        conn.execute(
            "update mixpay.bounced_transfers set channel_txn_no = null"
            " where (channel_refund_no, nth) not in ((%s, 1), (%s, 2))",
            [first, booked],
        )
        before = conn.execute(transfers).fetchall()
        assert len(before) == 11
        anomalies = [
            conn.execute(numbers.format(table)).fetchall()
            for table in ("anomalies", "anomaly_resolutions")
        ]
        conn.execute(
            "with told as (update mixpay.trades set last_entry = last_entry + 1"
            " where merchant_id = 'new' and trade_no = 'T1' returning last_entry)"
            " insert into mixpay.facts (merchant_id, log, log_no, entry, entity, number,"
            " from_state, to_state, payment_no, order_no, refund_no, channel_refund_no, reason,"
            " happened_at, currency, epoch)"
            " select merchant_id, log, log_no, told.last_entry, entity, number, to_state, to_state,"
            " payment_no, order_no, refund_no, channel_refund_no,"
            " 'came back: channel transaction X1', happened_at, currency,"
            " epoch from mixpay.facts, told where merchant_id = 'new' and number = %s"
            " and to_state = 'succeeded' and from_state = 'pending'",
            [first],
        )
        conn.execute("delete from mixpay.bounced_transfers")
        for table in ("channel_refunds", "anomalies", "anomaly_resolutions"):
            conn.execute(sql.SQL("update mixpay.{} set nth = 1").format(sql.Identifier(table)))
    migrations.rollback(money, "0012_comments", say=lambda _: None, drop_rows=True)
    with upgrade(money) as conn:
        assert conn.execute(transfers).fetchall() == before
        assert anomalies == [
            conn.execute(numbers.format(table)).fetchall()
            for table in ("anomalies", "anomaly_resolutions")
        ]
        assert broken(conn) == []
        # And it does not go back over them.
        assert refuses_to_go_back(money, conn, "0012_comments")
