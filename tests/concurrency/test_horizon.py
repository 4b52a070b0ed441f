"""A transaction that stays open: what settlements say of it, here, and that it may, elsewhere."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection, conninfo
from shop import Shop, orders, outcome

Connect = Callable[..., Connection[Any]]


@pytest.fixture(autouse=True)
def paid(shop: Shop) -> None:
    """100 that are final, of a payee who is about to get 7 more."""
    shop.call("register_payee", "S", "Seller")
    shop.call("merge_orders", [{**orders(A=107)[0], "payee_no": "S"}], "T")
    shop.pay("T", "P1", 100)
    shop.until_final()


def settle(shop: Shop, number: str = "N1", **named: Any) -> Any:
    return shop.call("settle_payee", "S", number, None, "CNY", **named)


def test_e54_what_is_left_out_is_told(shop: Shop, url: str) -> None:
    with psycopg.connect(url, application_name="re\x1bport") as idle:
        idle.execute("select pg_current_xact_id()")
        shop.pay("T", "P2", 7)
        settlement = settle(shop)
        assert (settlement.amount, settlement.left_out) == (100, 7)
        who = f"of session {idle.info.backend_pid}, application re?port, login {idle.info.user}"
        who = f"{who}, database {idle.info.dbname}, "
        assert settlement.waits_for.replace("\\x1b", "?").startswith(who)
        assert settlement.waits_for.endswith(" transactions ago")
        (listed,) = shop.query("select * from mixpay.settlement_list")
        assert (listed.left_out, listed.waits_for) == (7, settlement.waits_for)
    shop.until_final()
    # The same number tells what was true then.
    assert settle(shop) == settlement
    later = settle(shop, "N2")
    assert (later.amount, later.left_out, later.waits_for) == (7, 0, None)


def test_e54_whoever_wants_all_of_it_is_refused(shop: Shop, url: str) -> None:
    before = datetime.now(UTC)
    with psycopg.connect(url) as idle:
        idle.execute("select pg_current_xact_id()")
        shop.pay("T", "P2", 7)
        with shop.refused("MX417", 7):
            settle(shop, min_horizon=datetime.now(UTC))
        with shop.refused("MX417", 7):
            shop.call(
                "settle_payee", "S", "N1", None, min_horizon=datetime.now(UTC), currency="CNY"
            )
        # All until then is final.
        assert settle(shop, min_horizon=before).amount == 100
    shop.until_final()
    assert settle(shop, "N2", min_horizon=datetime.now(UTC)).amount == 7


def test_e54_settle_all_tells_it_too(shop: Shop, url: str) -> None:
    with psycopg.connect(url) as idle:
        idle.execute("select pg_current_xact_id()")
        shop.pay("T", "P2", 7)
        (attempt,) = shop.rows("settle_all")
        assert (attempt.amount, attempt.left_out) == (100, 7)
        # It has not named its application.
        assert f"session {idle.info.backend_pid}, login " in attempt.waits_for


def test_e54_what_is_prepared_and_holds_back_is_named(shop: Shop, url: str) -> None:
    if shop.query("show max_prepared_transactions") == [("0",)]:
        pytest.skip("this server prepares no transactions (max_prepared_transactions)")
    with psycopg.connect(url, autocommit=True) as idle:
        idle.execute("begin; select pg_current_xact_id(); prepare transaction 'forgotten'")
        try:
            shop.pay("T", "P2", 7)
            assert settle(shop).waits_for.startswith("prepared as forgotten, login ")
        finally:
            idle.execute("rollback prepared 'forgotten'")


def test_e54_what_is_written_at_the_very_end_is_left_out_and_told(shop: Shop, url: str) -> None:
    """To the microsecond, and not before."""
    with psycopg.connect(url) as idle:
        idle.execute("select pg_current_xact_id()")
        shop.pay("T", "P2", 7)
        ((written,),) = shop.query(
            "select max(created_at) from mixpay.facts where to_account = 'payee'"
        )
        just_before = written - timedelta(microseconds=1)
        for number, until, left in (("N1", just_before, 0), ("N2", written, 7)):
            settlement = shop.call("settle_payee", "S", number, until, "CNY")
            assert settlement.left_out == left


def test_min_horizon_is_a_moment(shop: Shop) -> None:
    with shop.refused("MX905"):
        settle(shop, min_horizon="infinity")


@pytest.fixture
def elsewhere(url: str) -> Iterator[Connection[Any]]:
    """A session of another database of the server, in a transaction that has an id."""
    with psycopg.connect(conninfo.make_conninfo(url, dbname="postgres")) as session:
        session.execute("select pg_current_xact_id()")
        yield session


def test_e54_who_is_in_another_database_keeps_nothing_back(
    shop: Shop, elsewhere: Connection[Any], connect: Connect
) -> None:
    """It cannot write here. Whoever here began before it or after it still counts."""
    shop.pay("T", "P2", 7)
    assert settle(shop, min_horizon=datetime.now(UTC)).amount == 107
    assert [e.number for e in shop.rows("read_events") if e.entity == "payment"] == ["P1", "P2"]
    assert shop.query("select from mixpay.horizon where pid = %s", elsewhere.info.backend_pid) == []
    shop.call("fold_balances")
    slow = Shop(connect(autocommit=False), shop.merchant)
    slow.call("merge_orders", [{**orders(B=50)[0], "payee_no": "S"}], "U")
    shop.call("merge_orders", [{**orders(C=30)[0], "payee_no": "S"}], "V")
    shop.pay("V", "P4", 30)
    assert (settle(shop, "N2").amount, settle(shop, "N2").left_out) == (0, 30)
    slow.pay("U", "P3", 50)
    slow.conn.commit()
    # Both are in the next one: what a transaction began to write early was not passed over.
    assert settle(shop, "N3").amount == 80
    assert shop.query("select sum(amount)::bigint as paid_out from mixpay.settlements") == [(187,)]


def test_e54_nor_does_what_is_prepared_there(shop: Shop, url: str) -> None:
    if shop.query("show max_prepared_transactions") == [("0",)]:
        pytest.skip("this server prepares no transactions (max_prepared_transactions)")
    name = f"e54-{shop.conn.info.dbname}"
    with psycopg.connect(conninfo.make_conninfo(url, dbname="postgres"), autocommit=True) as other:
        other.execute("begin")
        other.execute("select pg_current_xact_id()")
        other.execute(f"prepare transaction '{name}'".encode())
        try:
            shop.pay("T", "P2", 7)
            assert settle(shop, min_horizon=datetime.now(UTC)).amount == 107
        finally:
            other.execute(f"rollback prepared '{name}'".encode())


@pytest.mark.usefixtures("elsewhere")
def test_e54_what_this_transaction_wrote_is_not_final_for_itself(shop: Shop) -> None:
    """Others pass over nothing of it either."""
    with shop.conn.transaction():
        shop.pay("T", "P2", 7)
        assert (settle(shop).amount, settle(shop).left_out) == (100, 7)
    assert settle(shop, "N2").amount == 7


Stopping = Callable[..., Any]


@pytest.fixture
def stopping(
    shop: Shop,
    connect: Connect,
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> Stopping:
    """`stopping(nth, call, meanwhile)`: call stops at its nth look at what is final.

    It has its snapshot by then, in which somebody elsewhere runs; who that is, it asks only when
    meanwhile is done.
    """
    ((view,),) = shop.query("select pg_get_viewdef('mixpay.final_below'::regclass)")
    shop.conn.execute(
        f"""
        create view mixpay.really_final_below as {view};
        alter view mixpay.really_final_below owner to mixpay_owner;
        create sequence public.looks;
        grant all on sequence public.looks to public;
        create function public.stop(nth bigint) returns boolean language plpgsql as $$
        begin
            if nextval('public.looks') = nth then
                perform pg_advisory_lock_shared(1);
                perform pg_advisory_unlock_shared(1);
            end if;
            return true;
        end;
        $$;
        create or replace view mixpay.final_below as
        select f.xid
        from (
            select public.stop(current_setting('mixpay_test.nth', true)::bigint) as goes_on offset 0
        ) as s
        cross join lateral (
            select r.xid from mixpay.really_final_below as r where s.goes_on offset 0
        ) as f;
        """.encode()
    )

    def stopping(nth: int, call: Callable[[Shop], Any], meanwhile: Callable[[], None]) -> Any:
        shop.conn.execute("alter sequence public.looks restart")
        holder, reader = connect(), connect(options=f"-c mixpay_test.nth={nth}")
        holder.execute("select pg_advisory_lock(1)")
        future = background(call, Shop(reader, shop.merchant))
        assert waits(reader) == [holder.info.backend_pid]
        meanwhile()
        holder.close()
        return outcome(future)

    return stopping


def test_e54_who_ends_elsewhere_between_two_looks_hides_no_event(
    shop: Shop, elsewhere: Connection[Any], stopping: Stopping
) -> None:
    """They come a moment later, and a follower goes on from where he was."""

    def read(shop: Shop, after: str | None) -> list[Any]:
        return shop.rows("read_events", after)

    shop.pay("T", "P2", 7)
    events = read(shop, None)
    assert "P2" in {e.number for e in events}
    fewer = stopping(1, lambda s: read(s, None), elsewhere.commit)
    assert fewer == events[: len(fewer)]
    assert "P2" not in {e.number for e in fewer}
    assert read(shop, fewer[-1].position) == events[len(fewer) :]


def test_e54_who_has_read_further_sees_nothing_twice(
    shop: Shop, elsewhere: Connection[Any], stopping: Stopping
) -> None:
    shop.pay("T", "P2", 7)
    last = shop.rows("read_events")[-1].position
    assert stopping(1, lambda s: s.rows("read_events", last), elsewhere.commit) == []
    shop.merge("U", Z=1)
    assert [e.number for e in shop.rows("read_events", last)] == ["U"]


def test_e54_what_a_settlement_does_not_see_for_a_moment_is_left_out(
    shop: Shop, elsewhere: Connection[Any], stopping: Stopping
) -> None:
    shop.pay("T", "P2", 7)
    settlement = stopping(1, settle, elsewhere.commit)
    assert (settlement.amount, settlement.left_out) == (100, 7)
    assert settlement.waits_for == "one that has ended meanwhile"
    settlement = settle(shop, "N2")
    assert (settlement.amount, settlement.left_out) == (7, 0)


def test_e54_what_was_settled_before_is_not_left_out(
    shop: Shop, elsewhere: Connection[Any], stopping: Stopping
) -> None:
    """The next settlement would end before the last one did: it is empty, and no fault."""
    shop.call("merge_orders", [{**orders(B=50)[0], "payee_no": "S"}], "U")
    shop.pay("T", "P2", 7)
    assert settle(shop).amount == 107
    shop.pay("U", "P3", 50)
    settlement = stopping(1, lambda s: settle(s, "N2"), elsewhere.commit)
    assert (settlement.amount, settlement.left_out) == (0, 50)
    assert (settle(shop, "N3").amount, settle(shop, "N3").left_out) == (50, 0)


def test_e54_whoever_wants_all_of_it_gets_all_or_is_refused(
    shop: Shop, elsewhere: Connection[Any], stopping: Stopping
) -> None:
    """What is refused and what is settled go by one look."""
    shop.pay("T", "P2", 7)
    until = datetime.now(UTC)

    def all_of_it(shop: Shop) -> Any:
        return settle(shop, min_horizon=until)

    assert stopping(1, all_of_it, elsewhere.commit).sqlstate == "MX417"
    settlement = all_of_it(shop)
    assert (settlement.amount, settlement.left_out) == (107, 0)
    assert shop.query("select last_value from public.looks") == [(2,)]


def test_e54_what_was_settled_before_is_refused_to_nobody(
    shop: Shop, elsewhere: Connection[Any], stopping: Stopping
) -> None:
    shop.pay("T", "P2", 7)
    until = datetime.now(UTC)
    assert settle(shop).amount == 107
    again = stopping(1, lambda s: settle(s, "N2", min_horizon=until), elsewhere.commit)
    assert (again.amount, again.left_out) == (0, 0)


def test_e54_settle_all_tells_what_it_does_not_see(
    shop: Shop, elsewhere: Connection[Any], stopping: Stopping
) -> None:
    shop.pay("T", "P2", 7)
    (attempt,) = stopping(1, lambda s: s.rows("settle_all"), elsewhere.commit)
    assert (attempt.amount, attempt.left_out) == (100, 7)
    (attempt,) = shop.rows("settle_all")
    assert (attempt.amount, attempt.left_out) == (7, 0)


def test_e54_a_fold_ends_where_the_last_one_did(
    shop: Shop, elsewhere: Connection[Any], stopping: Stopping
) -> None:
    """It goes neither back nor on."""
    shop.pay("T", "P2", 7)
    first = shop.call("fold_balances")
    shop.call("merge_orders", [{**orders(B=50)[0], "payee_no": "S"}], "U")
    shop.pay("U", "P3", 50)
    assert stopping(1, lambda s: s.call("fold_balances"), elsewhere.commit) == first
    last = shop.call("fold_balances")
    assert (last.until_epoch, last.until_xid) > (first.until_epoch, first.until_xid)
    assert shop.call("account_balance", "payee:S").balance == 157


def test_e54_it_is_taken_for_no_restore(
    shop: Shop, elsewhere: Connection[Any], stopping: Stopping
) -> None:
    """What was settled and folded is above what is final then, and below the next transaction."""
    shop.pay("T", "P2", 7)
    settle(shop)
    shop.call("fold_balances")

    def look(shop: Shop) -> Any:
        (seen,) = shop.query(
            "select (select xid from mixpay.final_below) as final, "
            "(select max(until_xid::text::bigint)::text::xid8 from mixpay.settlements) as settled"
        )
        return seen

    seen = stopping(1, look, elsewhere.commit)
    assert int(seen.final) < int(seen.settled)
    assert settle(shop, "N2").amount == 0
