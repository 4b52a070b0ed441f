"""The rules of the schema, asked from the catalog, so that nobody has to remember them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import namedtuple_row

Ask = Callable[[str], list[Any]]


@pytest.fixture
def ask(conn: Connection[Any]) -> Ask:
    """`ask("select …")`: the rows. $mixpay is the schema. There is always something to judge."""

    def ask(query: str) -> list[Any]:
        cursor = conn.cursor(row_factory=namedtuple_row)
        rows = cursor.execute(query.replace("$mixpay", "'mixpay'::regnamespace").encode())
        found = rows.fetchall()
        assert found
        return found

    return ask


def test_everything_has_a_comment(ask: Ask) -> None:
    rows = ask("""
        select 'schema mixpay' as name, obj_description($mixpay, 'pg_namespace') as comment
        union all
        select 'function ' || oid::regprocedure, obj_description(oid, 'pg_proc')
        from pg_proc where pronamespace = $mixpay
        union all
        select oid::regclass::text, obj_description(oid, 'pg_class')
        from pg_class where relnamespace = $mixpay and relkind in ('r', 'p', 'v')
        and relname not like '\\_%'
        union all
        select 'type ' || t.oid::regtype, obj_description(t.oid, 'pg_type')
        from pg_type as t left join pg_class as c on c.oid = t.typrelid
        where t.typnamespace = $mixpay and (t.typtype in ('d', 'e') or c.relkind = 'c')
    """)
    assert [row.name for row in rows if not (row.comment or "").strip()] == []
    # What shows only the first line of a comment shows something.
    assert [row.name for row in rows if row.comment[0].isspace()] == []


# Functions.

FUNCTIONS = """
    select p.oid::regprocedure as name, p.proname, p.prosecdef, p.proconfig, l.lanname,
           p.proowner::regrole::text as owner, p.proargnames, p.proargmodes, p.prokind, p.prosrc,
           p.proargtypes::regtype[]::text[] as types, obj_description(p.oid, 'pg_proc') as comment,
           p.proname not like '\\_%' as public, p.prosqlbody is not null as is_bound
    from pg_proc as p inner join pg_language as l on l.oid = p.prolang
    where p.pronamespace = $mixpay
    order by p.oid
"""


def test_every_function_pins_its_search_path(ask: Ask) -> None:
    path = "search_path=mixpay, pg_temp"
    functions = ask(FUNCTIONS)
    assert [f.name for f in functions if path not in (f.proconfig or ()) and not f.is_bound] == []


def test_public_functions_and_only_they_run_as_the_owner(ask: Ask) -> None:
    functions = ask(FUNCTIONS)
    assert {f.owner for f in functions} == {"mixpay_owner"}
    # Who watches may see no merchant, and asks whether there is one.
    public = {f.proname for f in functions if f.public} | {"_is_merchant"}
    assert {f.proname for f in functions if f.prosecdef} == public


def test_functions_are_plain(ask: Ask) -> None:
    """No overloads, no out parameters, no procedures; PL/pgSQL, so that calls can be delegated.

    But for what is put where it is called for: it is in SQL, bound when it is made.
    """
    functions = ask(FUNCTIONS)
    names = [f.proname for f in functions]
    assert len(names) == len(set(names))
    assert [f.name for f in functions if f.proargmodes or f.prokind != "f"] == []
    assert {f.lanname for f in functions if not f.is_bound} == {"plpgsql"}
    assert {f.proname for f in functions if f.is_bound} == {"_fact", "_new_number", "_number_day"}


def test_parameters_are_of_types_that_every_driver_resolves(ask: Ask) -> None:
    allowed = {"text", "bigint", "boolean", "timestamp with time zone", "interval", "jsonb"}
    allowed |= {"text[]"}
    of_all_merchants = {"register_channel", "due_merchants"}
    for f in ask(FUNCTIONS):
        assert all(name.startswith("p_") for name in f.proargnames or ()), f.name
        if f.public:
            assert set(f.types) <= allowed, f.name
            tenant = f.proargnames[0] == "p_merchant_id"
            assert tenant != (f.proname in of_all_merchants), f.name


# What a function does not raise, although it calls what does.
UNREACHABLE = {
    "_lock_trade_of_payment": {"MX104"},  # a payment has a trade
    "_lock_channel_refund": {"MX201"},  # a channel refund has a payment
    "reverse_chargeback": {"MX201"},  # a chargeback has a payment
    "preview_refund": {"MX306", "MX313"},  # it names no payments, and hands out nothing
    "record_refund": {"MX306"},  # nor does it
    "record_channel_refund": {"MX313", "MX321"},  # an order's refund, by its own channel
    "_refund_once": {"MX313"},  # it hands out nothing
    "claim_channel_refunds": {"MX303", "MX321"},  # it claims what is there and is to be sent
    "defer_channel_refund": {"MX203"},  # a channel refund has a channel
    "start_payment": {"MX110"},  # a trade has a currency
    "complete_channel_refunds": {"MX902"},  # it has no amounts
    # it names no statement
    "mark_received": {"MX420", "MX433"},
    # the account is there, and so is the currency of its lines; a difference has an amount
    "write_off_difference": {"MX102", "MX110", "MX407", "MX902"},
    # what was booked is there, with all that it names, and its opposite is named in full
    "take_back_resolution": {
        "MX102",
        "MX103",
        "MX104",
        "MX110",
        "MX111",
        "MX201",
        "MX203",
        "MX222",
        "MX223",
        "MX224",
        "MX225",
        "MX226",
        "MX321",
        "MX401",
        "MX407",
        "MX416",
        "MX902",
    },
    # a line is of an account and a currency that are there; it asks for all that is returned
    "book_line": {"MX212", "MX222", "MX321"},
    "settle_all": {"MX403", "MX902"},  # that is the account's problem, which it tells
    # a dispute has an order, and its refund a new number, no named payments, and no cash
    "close_dispute": {"MX103", "MX302", "MX306", "MX313", "MX904"},
}


def test_raises_is_what_the_body_raises(ask: Ask) -> None:
    functions = {f.proname: f for f in ask(FUNCTIONS)}

    bodies = {name: re.sub(r"--.*", "", f.prosrc) for name, f in functions.items()}
    called = {n: set(re.findall(r"\b(\w+)\s*\(", b)) & functions.keys() for n, b in bodies.items()}
    raised = {n: set(re.findall(r"'(MX\d{3})'", b)) for n, b in bodies.items()}
    # What is called raises what it calls raises, and so on, until nothing is added.
    before = None
    while raised != before:
        before = raised
        raised = {
            n: (codes | set().union(*(before[c] for c in called[n]))) - UNREACHABLE.get(n, set())
            for n, codes in before.items()
        }

    for f in functions.values():
        _, _, told = (f.comment or "").partition("Raises:")
        if f.public or told:
            assert set(re.findall(r"MX\d{3}", told)) == raised[f.proname], f.name


def test_locks_are_told_by_whoever_locks(ask: Ask) -> None:
    for f in ask(FUNCTIONS):
        if "for no key update" in f.prosrc:
            assert "Locks:" in f.comment, f.name
        assert not re.search(r"\bfor update\b", f.prosrc), f.name
        assert "when others" not in f.prosrc.lower(), f.name


# What moves a part of a refund, and neither frees nor reserves any of it.
FREES_NOTHING = {
    "claim_channel_refunds",
    "defer_channel_refund",
    "doubt_channel_refund",
    "write_off",
}


def test_who_locks_what_trades_share_tells_of_splits_and_of_totals(ask: Ask) -> None:
    """`_lock_shared` locks both, and `_order_fact` counts in totals: so does whoever calls them."""
    functions = {f.proname: f for f in ask(FUNCTIONS)}
    calls = {
        name: set(re.findall(r"\b(\w+)\s*\(", re.sub(r"--.*", "", f.prosrc))) & functions.keys()
        for name, f in functions.items()
    }
    reach = {"_lock_shared", "_order_fact"}
    while more := {name for name, called in calls.items() if called & reach} - reach:
        reach |= more
    told = {name for name in reach if functions[name].public} - FREES_NOTHING

    assert len(told) >= 22
    assert reach >= FREES_NOTHING
    for name in told:
        _, _, locks = functions[name].comment.partition("Locks:")
        locks, _, _ = locks.partition("Raises:")
        assert re.search(r"\bsplits?\b", locks), name
        assert re.search(r"\btotals\b", locks), name


def test_a_body_can_be_read_at_one_sight(ask: Ask) -> None:
    """At most 100 lines, and none above 120 characters."""
    for f in ask(FUNCTIONS):
        lines = f.prosrc.strip("\n").splitlines()
        assert len(lines) <= 100, f"{f.name}: {len(lines)} lines"
        assert [line for line in lines if len(line) > 120] == [], f.name


def test_one_function_writes_the_log(ask: Ask) -> None:
    writers = [f.proname for f in ask(FUNCTIONS) if re.search(r"insert into facts\b", f.prosrc)]
    assert writers == ["_write_facts"]


# Tables.

CONSTRAINTS = """
    select c.conrelid::regclass::text as name, c.conname, c.contype, c.confrelid, c.condeferrable,
           c.confdeltype, c.confupdtype, c.conrelid, c.conkey,
           array(select a.attname from unnest(c.conkey) with ordinality as k (attnum, i)
                 inner join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum
                 order by k.i)::text[] as columns,
           array(select a.attname from unnest(c.confkey) with ordinality as k (attnum, i)
                 inner join pg_attribute as a on a.attrelid = c.confrelid and a.attnum = k.attnum
                 order by k.i)::text[] as referenced,
           exists (select from pg_attribute as a
                   where a.attrelid = c.conrelid and a.attname = 'merchant_id') as tenant
    from pg_constraint as c
    where c.connamespace = $mixpay and c.contype in ('p', 'u', 'f')
    order by 1, 2
"""
INDEXES = """
    select i.indrelid, i.indrelid::regclass::text as table, i.indexrelid::regclass::text as name,
           i.indpred is null or pg_get_expr(i.indpred, i.indrelid) like '% IS NOT NULL)' as whole,
           i.indisunique, i.indpred is not null as has_predicate,
           string_to_array(i.indkey::text, ' ')::smallint[] as key,
           exists (select from pg_attribute as a
                   where a.attrelid = i.indrelid and a.attname = 'merchant_id'
                   and a.attnum = any(i.indkey)) as has_merchant,
           exists (select from pg_attribute as a
                   where a.attrelid = i.indrelid and a.attname = 'merchant_id') as tenant
    from pg_index as i inner join pg_class as c on c.oid = i.indrelid
    where c.relnamespace = $mixpay
"""


def test_every_foreign_key_has_an_index(ask: Ask) -> None:
    indexes = ask(INDEXES)
    for key in ask(CONSTRAINTS):
        if key.contype == "f":
            columns = set(key.conkey)
            assert any(
                index.indrelid == key.conrelid
                and index.whole
                and set(index.key[: len(columns)]) == columns
                for index in indexes
            ), f"{key.name} {key.columns}"


def test_the_merchant_comes_first_in_every_key_of_a_tenant_and_stands_in_every_index(
    ask: Ask,
) -> None:
    keys = [key for key in ask(CONSTRAINTS) if key.tenant]
    assert len(keys) > 20
    for key in keys:
        assert key.columns[0] == "merchant_id", f"{key.name} {key.conname}"
        if key.contype == "f":
            assert key.referenced[0] == "merchant_id", f"{key.name} {key.conname}"
    assert [i.name for i in ask(INDEXES) if i.tenant and not i.has_merchant] == []


def test_e55_a_merchant_is_no_key_to_the_planner(ask: Ask) -> None:
    """Whatever ANALYZE has seen, and although only the key can be told by the costs of one row."""
    told = ask("""
        select a.attrelid::regclass::text as name,
            coalesce('n_distinct=-0.01' = any (a.attoptions), false) as is_told
        from pg_attribute as a inner join pg_class as c on c.oid = a.attrelid
        where c.relnamespace = $mixpay and c.relkind in ('r', 'p') and a.attname = 'merchant_id'
    """)
    forgotten = {t.name for t in told if not t.is_told}
    assert forgotten == {"mixpay.merchants"}
    # An index beside the key has a predicate, so that whoever asks by the key cannot use it.
    keys = {f"mixpay.{key.conname}" for key in ask(CONSTRAINTS) if key.contype in "pu"}
    indexes = [i for i in ask(INDEXES) if i.tenant and i.name not in keys]
    assert len(indexes) > 20
    assert [i.name for i in indexes if not i.has_predicate] == []


def test_every_table_has_a_key_and_foreign_keys_do_nothing_by_themselves(ask: Ask) -> None:
    constraints = ask(CONSTRAINTS)
    tables = ask("select oid::regclass::text from pg_class where relnamespace = $mixpay "
                 "and relkind in ('r', 'p')")  # fmt: skip
    assert {t for (t,) in tables} == {c.name for c in constraints if c.contype == "p"}
    for c in constraints:
        assert not c.condeferrable, c.conname
        if c.contype == "f":
            assert (c.confdeltype, c.confupdtype) == ("a", "a"), f"{c.name} {c.conname}"


def test_reference_tables_and_tenants_do_not_refer_to_each_other(ask: Ask) -> None:
    constraints = ask(CONSTRAINTS)
    tenants = {c.conrelid for c in constraints if c.tenant}
    references = [c for c in constraints if c.contype == "f"]
    assert [c.name for c in references if (c.confrelid in tenants) != c.tenant] == []


COLUMNS = """
    select c.oid::regclass || '.' || a.attname as name, a.attname, a.attnotnull,
           format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) as type,
           l.collname as collation
    from pg_attribute as a
    inner join pg_class as c on c.oid = a.attrelid
    inner join pg_type as t on t.oid = a.atttypid
    left join pg_collation as l on l.oid = a.attcollation
    where c.relnamespace = $mixpay and c.relkind in ('r', 'p')
      and a.attnum > 0 and not a.attisdropped
"""


def test_no_column_is_inexact(ask: Ask) -> None:
    exact = {
        "text",
        "text[]",
        "bigint",
        "smallint",
        "date",
        "boolean",
        "timestamp with time zone",
        "xid8",
        "pg_snapshot",
    }
    exact |= {"interval"}
    # Notes are the callers' own: no call reads them.
    notes = [column.name for column in ask(COLUMNS) if column.type == "jsonb"]
    assert notes == ["mixpay.notes.notes"]
    assert {column.type for column in ask(COLUMNS)} <= exact | {"jsonb"}
    small = [column.name for column in ask(COLUMNS) if column.type == "smallint"]
    assert small == ["mixpay.currencies.exponent"]


def test_views_have_columns_of_plain_types_so_that_every_tool_reads_them(ask: Ask) -> None:
    rows = ask("""
        select c.oid::regclass || '.' || a.attname as name, t.typtype
        from pg_attribute as a
        inner join pg_class as c on c.oid = a.attrelid
        inner join pg_type as t on t.oid = a.atttypid
        where c.relnamespace = $mixpay and c.relkind = 'v' and a.attnum > 0
        and c.relname not like '\\_%'
    """)
    assert [row.name for row in rows if row.typtype == "d"] == []


def test_moments_are_named_so(ask: Ask) -> None:
    for column in ask(COLUMNS):
        is_moment = column.type == "timestamp with time zone"
        is_named_so = column.attname.endswith("_at") or column.attname == "not_before"
        assert is_named_so == is_moment, column.name


def test_numbers_and_names_are_compared_byte_by_byte(ask: Ask) -> None:
    keys = (
        r"(\w+_no|merchant_id|channel|currency|receiver|number|account|owner|\w+_account|\w+_owner)"
    )
    for column in ask(COLUMNS):
        if re.fullmatch(keys, column.attname) and column.type != "bigint":
            assert column.collation == "C", column.name


def test_every_constraint_is_named_by_the_truth_it_states(ask: Ask) -> None:
    checks = ask("""
        select conrelid::regclass::text as name, conname from pg_constraint
        where connamespace = $mixpay and contype = 'c'
    """)
    assert [c.conname for c in checks if re.search(r"_check\d*$", c.conname)] == []


# Who may.


def test_public_has_nothing(ask: Ask) -> None:
    rows = ask("""
        with things (name, acl) as (
            select 'schema', coalesce(nspacl, acldefault('n', nspowner))
            from pg_namespace where oid = $mixpay
            union all
            select 'function ' || oid::regprocedure, coalesce(proacl, acldefault('f', proowner))
            from pg_proc where pronamespace = $mixpay
            union all
            select oid::regclass::text, coalesce(relacl, acldefault('r', relowner))
            from pg_class where relnamespace = $mixpay and relkind <> 'i'
            union all
            -- An array has the rights of its elements.
            select 'type ' || oid::regtype, coalesce(typacl, acldefault('T', typowner))
            from pg_type where typnamespace = $mixpay and typcategory <> 'A'
        )
        select t.name, exists (select from aclexplode(t.acl) as x where x.grantee = 0) as open
        from things as t
    """)
    assert [row.name for row in rows if row.open] == []


def test_everything_is_the_owners(ask: Ask) -> None:
    rows = ask("""
        select nspowner::regrole::text as owner from pg_namespace where oid = $mixpay
        union select relowner::regrole::text from pg_class where relnamespace = $mixpay
        union select proowner::regrole::text from pg_proc where pronamespace = $mixpay
        union select typowner::regrole::text from pg_type where typnamespace = $mixpay
    """)
    assert [row.owner for row in rows] == ["mixpay_owner"]
