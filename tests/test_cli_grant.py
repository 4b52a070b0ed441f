"""`mixpay grant`: a login of one merchant sees and touches nothing of another's (E28)."""

import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo
from shop import Shop, orders

from mixpay_db.cli import main
from mixpay_db.embedded import find_binaries

MINE, THEIRS = "m", "n"
# Who may do what, and what is registered for all, is not a merchant's to say.
NOT_THEIRS = {"register_channel", "register_merchant", "due_merchants"}


@pytest.fixture
def name(conn: Connection[Any]) -> Iterator[str]:
    """A role that may log in, and nothing else."""
    name = f"{conn.info.dbname}_clerk"
    conn.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
    yield name
    conn.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
    conn.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def told(url: str, *arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, ["--url", url, "grant", *arguments])
    assert result.exit_code == status, result.output
    return result.stderr if status else result.stdout


def psql(url: str, text: str, status: int = 0, **environment: str) -> str:
    program = [find_binaries() / "psql", "--no-psqlrc", "--quiet", url]
    environment = {**os.environ, **environment}
    ran = subprocess.run(program, input=text, capture_output=True, text=True, env=environment)
    assert ran.returncode == status, ran.stderr
    return ran.stderr


@pytest.fixture
def clerk(
    conn: Connection[Any], url: str, name: str, connect: Callable[..., Connection[Any]]
) -> Shop:
    """The merchant m, by that role's login; n has the same numbers."""
    for merchant, amount in ((MINE, 100), (THEIRS, 70)):
        shop = Shop(conn, merchant)
        shop.call("register_merchant", "Shop")
        shop.call("register_payee", "S", "Store")
        shop.call("merge_orders", [{**orders(A=amount)[0], "payee_no": "S"}], "T")
        shop.pay("T", "P", amount, "card")
        shop.refund("A", "R", 30)
        shop.call("annotate", "order", "A", {"by": merchant})
    shop = Shop(conn, THEIRS)
    shop.merge("TN", N=9)
    assert psql(url, told(url, MINE, "--to", name)) == ""
    session = connect()
    session.execute(sql.SQL("set session authorization {}").format(sql.Identifier(name)))
    return Shop(session, MINE)


def names(conn: Connection[Any], what: str, schema: str) -> set[str]:
    table, column, of = {
        "views": ("pg_class", "relname", "relnamespace"),
        "calls": ("pg_proc", "proname", "pronamespace"),
    }[what]
    kind = " and relkind = 'v'" if what == "views" else ""
    rows = conn.execute(
        f"select {column} from {table} where {of} = %s::regnamespace{kind}"
        f" and {column} !~ '^_'".encode(),
        [schema],
    )
    return {row[0] for row in rows}


def test_e28_a_login_sees_its_own_merchant(conn: Connection[Any], clerk: Shop) -> None:
    views = names(conn, "views", MINE)
    seen = 0
    for view in views:
        query = f"select * from {{}}.{view} order by 1, 2, 3"
        rows = clerk.conn.execute(query.format(MINE).encode()).fetchall()
        mine = query.replace("order by", "where merchant_id = 'm' order by")
        theirs = query.replace("order by", "where merchant_id = 'n' order by")
        key = dict.fromkeys
        assert key(map(repr, rows)) == key(map(repr, conn.execute(mine.format("mixpay").encode())))
        # What could have been seen is there.
        seen += bool(rows and conn.execute(theirs.format("mixpay").encode()).fetchone())
    assert seen > 15
    # Only what has no merchant, or tells of all, is left out.
    left = names(conn, "views", "mixpay") - views
    of_merchants = conn.execute(
        "select relname from pg_class inner join pg_attribute on attrelid = pg_class.oid"
        " where relnamespace = 'mixpay'::regnamespace and attname = 'merchant_id'"
    )
    assert left.isdisjoint(name for (name,) in of_merchants)


def test_e28_no_function_of_its_own_gets_to_see_another_merchants_rows(clerk: Shop) -> None:
    """It is so cheap that it would be asked first, were the view no barrier."""
    heard: list[str] = []
    clerk.conn.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
    clerk.conn.execute(
        "create function pg_temp.tell(text, bigint) returns boolean language plpgsql cost 0.0001 "
        "as $$begin raise notice '% %', $1, $2; return true; end$$"
    )
    for way in ("enable_indexscan", "enable_bitmapscan"):
        clerk.conn.execute(f"set {way} = off".encode())
    clerk.conn.execute("select from m.trade_balances where pg_temp.tell(trade_no, amount)")
    assert heard == ["T 100"]


@pytest.mark.usefixtures("clerk")
def test_its_calls_look_nothing_up_in_the_callers_path(conn: Connection[Any]) -> None:
    paths = conn.execute(
        "select distinct proconfig from pg_proc where pronamespace = %s::regnamespace", [MINE]
    ).fetchall()
    assert paths == [(["search_path=pg_catalog, pg_temp"],)]


def test_e28_a_login_touches_nothing_but_through_its_schema(
    conn: Connection[Any], clerk: Shop
) -> None:
    for view in names(conn, "views", "mixpay"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            clerk.conn.execute(f"select from mixpay.{view}".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        clerk.conn.execute("select mixpay.refund_order('n', 'A', 'X', 1)")
    for role in ("mixpay_writer", "mixpay_reader", "mixpay_owner"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            clerk.conn.execute(f"set role {role}".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        clerk.conn.execute("create view m.more as select 1")


def test_e28_a_login_s_own_function_sees_no_other_rows(clerk: Shop) -> None:
    """Else it would be asked of each row before that row's merchant is."""
    clerk.conn.execute(
        "create function pg_temp.tell(text) returns boolean cost 0.0001 language plpgsql as"
        " $$ begin raise notice '%', $1; return true; end $$"
    )
    said: list[str | None] = []
    clerk.conn.add_notice_handler(lambda notice: said.append(notice.message_primary))
    clerk.conn.execute("select from m.trade_balances where pg_temp.tell(merchant_id || trade_no)")
    assert said == ["mT"]


def test_e28_its_calls_are_of_its_merchant(conn: Connection[Any], clerk: Shop) -> None:
    calls = names(conn, "calls", MINE)
    assert calls == names(conn, "calls", "mixpay") - NOT_THEIRS
    # As those in mixpay, without the merchant.
    rows = conn.execute(
        "select proname, pronamespace::regnamespace::text, proargnames[:pronargs],"
        " pg_get_function_arguments(oid) from pg_proc where proname = any (%s)"
        " and pronamespace in ('m'::regnamespace, 'mixpay'::regnamespace)",
        [list(calls)],
    ).fetchall()
    told = {(call, schema): (tuple(given or ()), text) for call, schema, given, text in rows}
    for call in calls:
        given, text = told[call, "mixpay"]
        mine = told[call, "m"]
        assert mine == (given[1:], text.removeprefix("p_merchant_id text").removeprefix(", "))

    before = conn.execute("select * from mixpay.facts where merchant_id = 'n'").fetchall()
    execute = clerk.conn.execute
    paid = "select * from m.record_payment('TN', 'X', 'card', 1)"
    with pytest.raises(psycopg.Error, match="there is no trade TN"):
        execute(paid)
    row = execute("select amount from m.refund_order('A', 'R2', 20)").fetchone()
    assert row == (20,)
    assert execute("select refunded from m.trade_balances").fetchall() == [(50,)]
    # The same number with the same content.
    row = execute("select amount from m.refund_order('A', 'R2', p_amount => 20)").fetchone()
    assert row == (20,)
    ours = 'select count(*) from m.merge_many(\'[{"orders": [{"order_no": "N", '
    ours += '"amount": 5, "currency": "CNY"}]}]\')'
    assert execute(ours).fetchone() == (1,)
    assert conn.execute("select * from mixpay.facts where merchant_id = 'n'").fetchall() == before


@pytest.mark.usefixtures("clerk")
def test_every_call_returns_the_columns_that_the_call_itself_returns(
    conn: Connection[Any],
) -> None:
    query = (
        "select proname, coalesce((select array_agg(attname || ' ' || atttypid::regtype order by"
        " attnum) from pg_attribute where attrelid = typrelid and attnum > 0), '{}')"
        " from pg_proc inner join pg_type as t on t.oid = prorettype"
        " where pronamespace = 'mixpay'::regnamespace and proname = any (%s)"
    )
    theirs = dict(conn.execute(query, [list(names(conn, "calls", MINE))]).fetchall())
    mine = conn.execute(
        "select proname, array_agg(argname || ' ' || argtype::regtype order by place)"
        " from pg_proc, unnest(proargnames, proallargtypes, proargmodes) with ordinality"
        " as a (argname, argtype, mode, place)"
        " where pronamespace = 'm'::regnamespace and mode = 't' group by proname"
    ).fetchall()
    assert dict(mine) == theirs


@pytest.mark.usefixtures("clerk")
def test_what_somebody_built_on_it_stays(conn: Connection[Any], url: str, name: str) -> None:
    conn.execute("create view public.mine as select * from m.trade_balances")
    assert "view public.mine depends on view m.trade_balances" in psql(
        url, told(url, MINE, "--to", name), status=3
    )
    assert conn.execute("select count(*) from public.mine").fetchone() == (1,)


def test_only_the_roles_of_the_last_run_have_it(url: str, clerk: Shop) -> None:
    assert psql(url, told(url, MINE, "--to", "pg_monitor")) == ""
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="schema m"):
        clerk.conn.execute("select from m.trade_balances")


def test_dropping_the_schema_takes_it_back(conn: Connection[Any], clerk: Shop) -> None:
    clerk.conn.execute("prepare balances as select from m.trade_balances")
    conn.execute("drop schema m cascade")
    with pytest.raises(psycopg.errors.UndefinedTable):
        clerk.conn.execute("execute balances")


def test_the_owner_of_the_database_makes_it(
    conn: Connection[Any], url: str, name: str, connect: Callable[..., Connection[Any]]
) -> None:
    """As a member of mixpay_writer, not as a superuser."""
    conn.execute("select mixpay.register_merchant('m', 'Shop')")
    database = sql.Identifier(conn.info.dbname)
    text = told(url, MINE, "--to", "pg_monitor")
    conn.execute(
        sql.SQL("grant mixpay_writer to {0}; grant create on database {1} to {0}").format(
            sql.Identifier(name), database
        )
    )
    theirs = make_conninfo(url, user=name)
    assert psql(theirs, text) == ""
    assert psql(theirs, told(theirs, MINE, "--to", "pg_monitor")) == ""
    session = connect()
    session.execute("set session authorization pg_monitor")
    rows = session.execute("select merchant_id from m.merchant_list").fetchall()
    assert rows == [(MINE,)]


def test_functions_of_others_do_not_run(conn: Connection[Any], url: str, name: str) -> None:
    """They would with all rights, if names were not those of pg_catalog."""
    conn.execute("select mixpay.register_merchant('m', 'Shop')")
    text = told(url, MINE, "--to", name)
    assert psql(url, text) == ""
    for of in ("regclass", "regprocedure"):
        conn.execute(
            f"create function public.format(text, {of}) returns text language plpgsql"
            " as $$ begin raise 'caught'; end $$".encode()
        )
    assert psql(url, text) == ""


def test_a_schema_that_somebody_prepared_becomes_mixpay_s(
    conn: Connection[Any], url: str, name: str
) -> None:
    conn.execute("select mixpay.register_merchant('m', 'Shop')")
    text = told(url, MINE, "--to", "pg_monitor")
    assert psql(url, text) == ""
    conn.execute(sql.SQL("alter schema m owner to {}").format(sql.Identifier(name)))
    conn.execute("grant all on schema m to public, mixpay_writer")
    assert psql(url, text) == ""
    row = conn.execute(
        "select nspowner::regrole::text, has_schema_privilege(%s, oid, 'usage'),"
        " has_schema_privilege('pg_monitor', oid, 'usage')"
        " from pg_namespace where nspname = 'm'",
        [name],
    ).fetchone()
    assert row == ("mixpay_writer", False, True)


def test_default_privileges_let_nobody_in(conn: Connection[Any], url: str, name: str) -> None:
    conn.execute("select mixpay.register_merchant('m', 'Shop')")
    text = told(url, MINE, "--to", "pg_monitor")
    for what in ("usage on schemas", "select on tables", "execute on functions"):
        conn.execute(
            sql.SQL(
                "alter default privileges for role mixpay_writer grant {} to public, {}"
            ).format(sql.SQL(what), sql.Identifier(name))
        )
    assert psql(url, text) == ""
    query = "select has_schema_privilege(%s, 'm', 'usage')"
    assert conn.execute(query, [name]).fetchone() == (False,)
    assert conn.execute(query, ["pg_monitor"]).fetchone() == (True,)


@pytest.mark.parametrize(
    "role", ["mixpay_reader", "mixpay_writer", "mixpay_monitor", "pg_read_all_data"]
)
def test_a_role_that_sees_all_merchants_is_refused(
    conn: Connection[Any], url: str, name: str, role: str
) -> None:
    conn.execute("select mixpay.register_merchant('m', 'Shop')")
    conn.execute(sql.SQL("grant {} to {}").format(sql.Identifier(role), sql.Identifier(name)))
    said = psql(url, told(url, MINE, "--to", name), status=3)
    assert f"role {name} may see all merchants already" in said
    assert conn.execute("select to_regnamespace('m')").fetchone() == (None,)


def test_another_schema_is_left_alone(conn: Connection[Any], url: str, name: str) -> None:
    conn.execute("select mixpay.register_merchant('m', 'Shop')")
    conn.execute("create schema m")
    conn.execute("create view m.own as select 1")
    said = psql(url, told(url, MINE, "--to", name), status=3)
    assert "schema m is not one of this merchant that mixpay grant has made" in said
    assert conn.execute("select * from m.own").fetchall() == [(1,)]


def test_two_roles_and_a_name_that_is_no_identifier(
    conn: Connection[Any], url: str, name: str
) -> None:
    merchant = "O'Neil%s{x}$1$begin$;"
    conn.execute("select mixpay.register_merchant(%s, 'Shop')", [merchant])
    assert "say --schema NAME" in told(url, merchant, "--to", name, status=2)
    text = told(url, merchant, "--to", name, "--to", "pg_monitor", "--schema", "oneil")
    assert psql(url, text) == ""
    conn.execute(sql.SQL("set session authorization {}").format(sql.Identifier(name)))
    rows = conn.execute("select merchant_id from oneil.merchant_list").fetchall()
    assert rows == [(merchant,)]
    conn.execute("reset session authorization")


def test_roles_with_odd_names_whatever_psql_expects(conn: Connection[Any], url: str) -> None:
    conn.execute("select mixpay.register_merchant('m', 'Shop')")
    odd = [f"{conn.info.dbname}{rest}" for rest in ("家具", "\\Größe", "'\"X")]
    for role in odd:
        conn.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
    try:
        text = told(url, MINE, *(word for role in odd for word in ("--to", role)))
        for encoding in ("LATIN1", "SJIS", "UTF8"):
            assert psql(url, text, PGCLIENTENCODING=encoding) == ""
        for role in odd:
            may = conn.execute("select has_schema_privilege(%s, 'm', 'usage')", [role])
            assert may.fetchone() == (True,)
    finally:
        for role in odd:
            conn.execute(sql.SQL("drop owned by {}").format(sql.Identifier(role)))
            conn.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


@pytest.mark.parametrize("schema", ["mixpay", "public", "pg_x", "A", "a-b", ""])
def test_names_that_no_schema_has_here(url: str, schema: str) -> None:
    assert "error: " in told(url, MINE, "--to", "x", "--schema", schema, status=2).lower()


def test_a_merchant_that_is_not_there(url: str) -> None:
    said = told(url, "nobody", "--to", "x", status=2)
    assert "there is no merchant nobody" in said


def test_a_database_without_mixpay(empty_url: str) -> None:
    assert "there is no mixpay in this database" in told(empty_url, MINE, "--to", "x", status=2)
