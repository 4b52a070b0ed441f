from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from books import KINDS, Books, agree, clock, fold, let_folds_be_small, told
from conftest import FAST, Server, _roomy
from psycopg import Connection, sql
from shop import (
    Row,
    Shop,
    day,
    open_for_a_third_week,
    open_for_a_week,
    open_for_another_week,
    orders,
)

from mixpay_db import database
from mixpay_db.embedded import EmbeddedServer

Connect = Callable[..., Connection[Any]]
Figures = dict[tuple[str, str, str], tuple[int, int, int]]


def close(shop: Shop, until: datetime, wait: str = "10 seconds") -> Row:
    return shop.call("close_period", until, wait)


def figures(shop: Shop, until: datetime) -> Figures:
    """What period_list has of it."""
    rows = shop.query(
        "select * from mixpay.period_list "
        "where merchant_id = %s and until_at = %s and account is not null",
        shop.merchant,
        until,
    )
    return {(r.account, r.owner, r.currency): (r.came_in, r.went_out, r.balance) for r in rows}


def expected(shop: Shop, until: datetime) -> Figures:
    """Of each kind, and of each account of those that are named, the sum of the journal."""
    books = Books(shop)
    owned = ("channel:", "payee:", "receiver:", "fee:", "channel_fee:", "bank:")
    return {
        (*account.partition(":")[::2], currency): total
        for account in books.accounts()
        if account in KINDS or account.startswith(owned)
        for currency, total in books.total(account, until).items()
    }


def begun(connect: Connect) -> Shop:
    """A transaction that has begun and written nothing yet."""
    shop = Shop(connect(autocommit=False))
    shop.query("select")
    return shop


@pytest.fixture
def may_see(conn: Connection[Any]) -> Iterator[None]:
    """The owner sees when other users' transactions began. Roles belong to the whole server."""
    conn.execute("grant pg_read_all_stats to mixpay_owner")
    yield
    conn.execute("revoke pg_read_all_stats from mixpay_owner")


def test_writes_down_what_all_accounts_had(shop: Shop) -> None:
    shop.sell("A", 100)
    shop.refund("A", "R", 30)
    at = clock(shop)
    shop.sell("B", 7)
    period = close(shop, at)

    assert (period.merchant_id, period.until_at) == ("m", at)
    assert at < period.created_at < clock(shop)
    assert figures(shop, at) == {
        ("channel", "", "CNY"): (0, 100, -100),
        ("channel", "alipay", "CNY"): (0, 100, -100),
        ("order", "", "CNY"): (130, 130, 0),
        ("payee", "", "CNY"): (100, 30, 70),
        ("payee", "S", "CNY"): (100, 30, 70),
        ("refund", "", "CNY"): (30, 0, 30),
    }


@pytest.mark.parametrize("folded", [False, True])
def test_its_figures_are_those_of_the_journal(shop: Shop, folded: bool) -> None:
    let_folds_be_small(shop, 30)
    moments = []
    for week in (open_for_a_week, open_for_another_week, open_for_a_third_week):
        week(shop)
        moments.append(clock(shop))
        if folded:
            fold(shop)
        close(shop, moments[-1])
        assert figures(shop, moments[-1]) == expected(shop, moments[-1])
    shop.sell("LAST", 7000, "S", "JPY")
    for at in moments:
        assert figures(shop, at) == expected(shop, at)
    agree(shop, *moments)


def test_what_was_written_at_its_very_end_is_in_it(shop: Shop) -> None:
    """To the microsecond."""
    shop.sell("A", 100)
    (sold,) = shop.query("select created_at from mixpay.facts where to_account = 'payee'")
    shop.sell("B", 7)
    just_before = sold.created_at - timedelta(microseconds=1)
    close(shop, just_before)
    close(shop, sold.created_at)

    assert ("payee", "S", "CNY") not in figures(shop, just_before)
    assert figures(shop, sold.created_at)[("payee", "S", "CNY")] == (100, 0, 100)


def test_of_two_merchants_at_one_moment_each_has_its_own(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    shop.sell("A", 100)
    other.sell("A", 7)
    at = clock(shop)
    for one in (shop, other):
        close(one, at)
    for one in (shop, other):
        assert figures(one, at) == expected(one, at)


def test_a_period_without_movements_is_listed_without_figures(shop: Shop) -> None:
    at = clock(shop)
    assert close(shop, at).until_at == at
    assert figures(shop, at) == {}
    assert shop.query("select until_at, account from mixpay.period_list") == [(at, None)]


def test_a_repetition_returns_the_period(shop: Shop, connect: Connect) -> None:
    shop.sell("A", 100)
    at = clock(shop)
    period = close(shop, at)
    later = clock(shop)
    shop.sell("B", 1)
    close(shop, later)
    with shop.unchanged():
        assert close(shop, at) == period
        # It has nothing to wait for, and nothing to look at.
        begun(connect)
        assert close(shop, at, "0") == period
        serializable = connect(options="-c default_transaction_isolation=serializable")
        assert close(Shop(serializable), at) == period


def test_one_period_after_the_other(shop: Shop) -> None:
    early = clock(shop)
    shop.sell("A", 100)
    late = clock(shop)
    close(shop, late)
    with shop.refused("MX409"):
        close(shop, early)
    # Each merchant for itself.
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    assert close(other, early).until_at == early
    assert figures(other, early) == {}


def test_e25_a_closed_period_s_figures_never_change(shop: Shop) -> None:
    """What happened in it and is heard of later is written in the next one, with its true date."""
    shop.sell("A", 100)
    shop.pay("TA", "late", 5, paid_at=day(1))
    (b,) = orders(B=50)
    shop.call("merge_orders", [{**b, "payee_no": "S"}], "TB")
    at = clock(shop)
    close(shop, at)
    before = figures(shop, at)
    balances = {name: told(shop, name, at) for name in Books(shop).accounts()}

    shop.refund("A", "R1", 30)
    number = shop.channel_refund("R1", "PA").channel_refund_no
    shop.call("complete_channel_refund", number, "Y1", day(2))
    shop.record_refund("A", "R2", 20, refunded_at=day(3))
    shop.pay("TB", "PB", 50, "cash", day(4))
    shop.call("record_repayment", "payee:S", "B1", 15, "CNY", day(5))
    shop.settle("S1")
    fold(shop)

    assert figures(shop, at) == before == expected(shop, at)
    assert {name: told(shop, name, at) for name in balances} == balances
    later = clock(shop)
    close(shop, later)
    assert figures(shop, at) == before
    lines = shop.rows("account_statement", "channel", at, later)
    dates = {(x.cause, x.happened_at) for x in lines}
    assert {("channel_refund", day(2)), ("channel_refund", day(3)), ("payment", day(4))} <= dates
    assert {x.created_at > at for x in lines} == {True}
    assert figures(shop, later)[("channel", "", "CNY")][0] >= 50


def test_e25_nobody_changes_what_is_closed(shop: Shop) -> None:
    """Nor the journal: update, delete and truncate are refused, also for the owner."""
    shop.sell("A", 100)
    shop.settle("S1")
    at = clock(shop)
    close(shop, at)
    statements = (
        "update mixpay.{} set merchant_id = merchant_id",
        "update mixpay.{} set merchant_id = merchant_id where false",
        "delete from mixpay.{}",
        "truncate mixpay.{} cascade",
    )
    tables = ("facts", "closed_periods", "closed_balances")
    for role in ("none", "mixpay_owner"):
        shop.conn.execute(f"set role {role}".encode())
        for table in tables:
            for statement in statements:
                with shop.unchanged(), pytest.raises(psycopg.errors.RestrictViolation):
                    shop.conn.execute(statement.format(table).encode())
    shop.conn.execute("reset role")


def test_a_period_s_balances_belong_to_it(shop: Shop) -> None:
    at = clock(shop)
    row = "insert into mixpay.closed_balances values ('m', %s, 'order', '', 'CNY', 1, 1)"
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        shop.conn.execute(row, [at])
    late = at + timedelta(days=1)
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        shop.conn.execute(
            "insert into mixpay.closed_periods (merchant_id, until_at, epoch, seen) "
            "values ('m', %s, 1, '1:1:')",
            [late],
        )
    assert caught.value.diag.constraint_name == "a_period_ends_before_it_is_closed"


# Whom it waits for.


def test_refuses_while_somebody_runs_who_began_before(shop: Shop, connect: Connect) -> None:
    shop.sell("A", 100)
    early = begun(connect)
    at = clock(shop)
    for wait in ("0", "0.05 seconds"):
        with shop.refused("MX408", 1):
            close(shop, at, wait)
    early.sell("B", 7)
    with shop.refused("MX408", 1):
        close(shop, at, "0")
    early.conn.commit()
    close(shop, at, "0")
    assert figures(shop, at)[("payee", "S", "CNY")] == (107, 0, 107)


def test_one_that_wrote_nothing_holds_it_up_as_well(shop: Shop, connect: Connect) -> None:
    """It has no transaction id, and may yet write."""
    early = begun(connect)
    other = begun(connect)
    at = clock(shop)
    with shop.refused("MX408", 2):
        close(shop, at, "0")
    early.conn.rollback()
    with shop.refused("MX408", 1):
        close(shop, at, "0")
    other.conn.close()
    # The server notices when it notices.
    close(shop, at)


@pytest.mark.usefixtures("may_see")
def test_does_not_wait_for_who_began_later_if_it_may_see_that(shop: Shop, connect: Connect) -> None:
    shop.sell("A", 100)
    at = clock(shop)
    late = begun(connect)
    late.sell("B", 7)
    reader = begun(connect)
    close(shop, at, "0")
    assert figures(shop, at)[("payee", "S", "CNY")] == (100, 0, 100)
    at = clock(shop)
    with shop.refused("MX408", 2):
        close(shop, at, "0")
    reader.conn.rollback()
    late.conn.commit()
    close(shop, at, "0")
    assert figures(shop, at)[("payee", "S", "CNY")] == (107, 0, 107)


@pytest.mark.usefixtures("may_see")
def test_waits_for_who_began_at_its_very_end(shop: Shop, connect: Connect) -> None:
    """What it writes has the moment of its beginning."""
    early = begun(connect)
    ((at,),) = early.query("select now()")
    close(shop, at - timedelta(microseconds=1), "0")
    with shop.refused("MX408", 1):
        close(shop, at, "0")
    early.sell("A", 100)
    early.conn.commit()
    close(shop, at, "0")
    assert figures(shop, at)[("payee", "S", "CNY")] == (100, 0, 100)


def test_waits_for_all_that_run_if_it_may_not_see_when_they_began(
    shop: Shop, connect: Connect
) -> None:
    at = clock(shop)
    late = begun(connect)
    with shop.refused("MX408", 1):
        close(shop, at, "0")
    late.conn.rollback()
    close(shop, at, "0")


def test_does_not_wait_for_other_databases(shop: Shop, pg_server: Server) -> None:
    with psycopg.connect(pg_server.url()) as elsewhere:
        assert elsewhere.info.dbname != shop.conn.info.dbname
        elsewhere.execute("select pg_current_xact_id()")
        close(shop, clock(shop), "0")


def test_its_own_transaction_does_not_hold_it_up(shop: Shop) -> None:
    shop.sell("A", 100)
    at = clock(shop)
    with shop.conn.transaction():
        shop.sell("B", 7)
        close(shop, at, "0")
    assert figures(shop, at)[("payee", "S", "CNY")] == (100, 0, 100)
    # What it writes has its own beginning as its moment, and so that is too late.
    with shop.conn.transaction():
        ((now,),) = shop.query("select now()")
        with pytest.raises(psycopg.Error, match="when it is over") as caught:
            close(shop, now)
        assert caught.value.sqlstate == "MX905"
    # A microsecond earlier it is over.
    with shop.conn.transaction():
        ((now,),) = shop.query("select now()")
        just_before = now - timedelta(microseconds=1)
        assert close(shop, just_before, "0").until_at == just_before


def test_waits_for_prepared_transactions_of_this_database_only() -> None:
    """On a server of its own: others allow none."""
    with (
        EmbeddedServer({**FAST, "max_prepared_transactions": "2"}, parent=_roomy()) as server,
        psycopg.connect(server.url("template1"), autocommit=True) as conn,
        psycopg.connect(server.url("template1")) as writer,
        psycopg.connect(server.url("postgres")) as elsewhere,
    ):
        database.install(conn)
        shop = Shop(conn)
        shop.call("register_merchant", "Shop")
        shop.sell("A", 100)
        Shop(writer).sell("B", 7)
        elsewhere.execute("select pg_current_xact_id()")
        for session in (writer, elsewhere):
            name = sql.Literal(session.info.dbname)
            session.execute(sql.SQL("prepare transaction {}").format(name))
        at = clock(shop)
        with shop.refused("MX408", 1):
            close(shop, at, "0")
        conn.execute("commit prepared 'template1'")
        close(shop, at, "0")
        assert figures(shop, at)[("payee", "S", "CNY")] == (107, 0, 107)


def test_an_ordinary_role_may_close(shop: Shop, connect: Connect) -> None:
    """One that is a writer and nothing else, and sees nothing of what others do."""
    shop.sell("A", 100)
    writer = Shop(connect())
    name = sql.Identifier(f"{shop.conn.info.dbname}_bookkeeper")
    shop.conn.execute(sql.SQL("create role {} in role mixpay_writer").format(name))
    try:
        writer.conn.execute(sql.SQL("set session authorization {}").format(name))
        at = clock(shop)
        early = begun(connect)
        with shop.refused("MX408", 1):
            close(writer, at, "0")
        early.conn.rollback()
        assert close(writer, at, "0").until_at == at
        assert figures(writer, at)[("payee", "S", "CNY")] == (100, 0, 100)
        writer.conn.close()
    finally:
        shop.conn.execute(sql.SQL("drop role {}").format(name))


# What it refuses.


@pytest.mark.parametrize("until", ["infinity", "-infinity", "9999-01-01", "1899-12-31", None])
def test_refuses_what_is_no_moment(shop: Shop, until: str | None) -> None:
    with shop.refused("MX905"):
        shop.rows("close_period", until)


def test_refuses_what_is_not_over(shop: Shop) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    with shop.refused("MX905", str(soon.year)):
        close(shop, soon)


@pytest.mark.parametrize("wait", ["-1 second", "61 minutes", "1 month", None])
def test_refuses_a_wait_out_of_bounds(shop: Shop, wait: str | None) -> None:
    with shop.refused("MX905"):
        shop.rows("close_period", day(1), wait)


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_refuses_a_snapshot_from_before(shop: Shop, connect: Connect, level: str) -> None:
    """It would not see what it waits for."""
    options = "-c default_transaction_isolation=" + level.replace(" ", "\\ ")
    with shop.refused("MX408", level):
        close(Shop(connect(options=options)), day(1))


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        close(Shop(shop.conn, "nobody"), day(1))
    with shop.refused("MX901"):
        close(Shop(shop.conn, "no body"), day(1))


def test_waits_as_long_as_it_is_told(
    shop: Shop, connect: Connect, background: Callable[..., Future[Any]]
) -> None:
    """In concurrency/test_close_period.py it is seen waiting; here it is given up."""
    early = begun(connect)
    at = clock(shop)
    future = background(close, Shop(connect()), at, "0.2 seconds")
    with pytest.raises(psycopg.Error) as caught:
        future.result(timeout=30)
    assert caught.value.sqlstate == "MX408"
    assert shop.query("select from mixpay.closed_periods") == []
    early.conn.rollback()
