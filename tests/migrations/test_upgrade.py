"""A database that an earlier version filled becomes what this version makes, and lives on."""

from pathlib import Path

import psycopg
import pytest
from shop import Shop, day

from mixpay_db import bookkeeping, database, migrations
from mixpay_db.release import Release, text

CORE = Path(__file__).with_name("core.sql").read_text(encoding="utf-8")
TOTALS = {
    "trades": "trade_no, currency, amount, paid, refunded, state",
    "trade_orders": "trade_no, order_no, position, nth, amount, paid, refunded, live",
    "payments": "payment_no, trade_no, channel, asked, amount, applied, surplus, refunded, state",
    "refunds": "refund_no, kind, order_no, amount, state",
    "refund_details": "refund_no, payment_no, amount, freed",
    "channel_refunds": "channel_refund_no, refund_no, payment_no, channel, amount, state, due_at",
    "anomalies": "channel_refund_no, amount, happened_at",
    "facts": "trade_no, entry, xid, entity, from_state, to_state, from_account, to_account, amount",
}


def totals(conn):
    return {
        table: conn.execute(
            f"select merchant_id, {columns} from mixpay.{table} order by 1, 2, 3, 4"
        ).fetchall()
        for table, columns in TOTALS.items()
    }


@pytest.fixture
def core(empty_url):
    """What version 0.1.0 left: its tables and rows, its marks, and no code that this one knows."""
    initial = Release().migrations[0]
    with psycopg.connect(empty_url, autocommit=True) as conn:
        conn.execute(text(initial))
        conn.execute("set role mixpay_owner")
        conn.execute(CORE)
        conn.execute("reset role")
        conn.execute(bookkeeping.CREATE)
        conn.execute(bookkeeping.mark(initial.id, text(initial)))
        conn.execute(bookkeeping.remember(bookkeeping.CODE, "that of 0.1.0"))
    return empty_url


def test_it_equals_a_fresh_one(core, url, dump):
    with psycopg.connect(core, autocommit=True) as conn:
        before = totals(conn)
        assert before["anomalies"]
        assert before["facts"]
    migrations.migrate(core, lambda _: None)

    assert dump(core) == dump(url)
    with psycopg.connect(core, autocommit=True) as conn, psycopg.connect(url) as fresh:
        assert totals(conn) == before
        assert migrations.verify(conn) == []
        for table in ("currencies", "channels", "state_transitions"):
            query = f"select * from mixpay.{table} order by 1, 2, 3"
            assert conn.execute(query).fetchall() == fresh.execute(query).fetchall()


def test_it_lives_on(core):
    migrations.migrate(core, lambda _: None)
    with psycopg.connect(core, autocommit=True) as conn:
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
        assert [result.name for result in database.run_checks(conn) if result.rows] == []


def test_it_goes_back_with_its_rows(core, dump):
    def tables():
        """Without the rights, which the code gives and which stay."""
        lines = dump(core).splitlines()
        return [x for x in lines if x and not x.startswith(("--", "GRANT", "REVOKE"))]

    with psycopg.connect(core, autocommit=True) as conn:
        before = totals(conn), tables()
        migrations.migrate(core, lambda _: None)
        migrations.rollback(core, say=lambda _: None, drop_rows=True)
        assert (totals(conn), tables()) == before


def test_it_does_not_go_back_over_what_the_old_tables_cannot_say(core):
    migrations.migrate(core, lambda _: None)
    with psycopg.connect(core, autocommit=True) as conn:
        Shop(conn, "n").call("cancel_order", "T2", "D", "sold out")
        before = totals(conn)
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="cannot be taken"):
            migrations.rollback(core, say=lambda _: None, drop_rows=True)
        assert totals(conn) == before
        assert migrations.verify(conn) == []
