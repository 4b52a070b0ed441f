"""`mixpay verify`: finds whatever is not as this version makes it, and changes nothing."""

import json

import psycopg
import pytest

from mixpay_db import migrations

# What a hand can change, and what is found then.
DRIFT = {
    "drop index mixpay.widgets_size": ["missing: index mixpay.widgets_size"],
    "create index theirs on mixpay.sales (widget)": ["unexpected: index mixpay.theirs"],
    "alter table mixpay.widgets add theirs text": ["unexpected: column mixpay.widgets.theirs"],
    "alter table mixpay.widgets alter size type numeric using size": [
        "changed: column mixpay.widgets.size",
        "changed: constraint size_is_positive on mixpay.widgets",
    ],
    "alter table mixpay.widgets alter size drop not null": ["changed: column mixpay.widgets.size"],
    "alter table mixpay.widgets alter size set default 2": ["changed: column mixpay.widgets.size"],
    "alter table mixpay.widgets drop constraint size_is_positive": [
        "missing: constraint size_is_positive on mixpay.widgets"
    ],
    """
    alter table mixpay.widgets drop constraint size_is_positive,
    add constraint size_is_positive check (size >= 0)
    """: ["changed: constraint size_is_positive on mixpay.widgets"],
    """
    drop index mixpay.widgets_size;
    create index widgets_size on mixpay.widgets (size) where size > 1
    """: ["changed: index mixpay.widgets_size"],
    """
    create or replace function mixpay.refuse() returns trigger language plpgsql
    as 'begin return old; end'
    """: ["changed: function mixpay.refuse()"],
    """
    create or replace view mixpay.sold as
    select s.widget, count(*) + 1 as sales from mixpay.sales as s group by s.widget
    """: ["changed: view mixpay.sold"],
    "alter view mixpay.sold set (security_barrier)": ["changed: view mixpay.sold"],
    "alter table mixpay.sales disable trigger refuse": ["changed: trigger refuse on mixpay.sales"],
    "drop trigger refuse on mixpay.sales": ["missing: trigger refuse on mixpay.sales"],
    "create policy theirs on mixpay.sales using (sale > 0)": [
        "unexpected: policy theirs on mixpay.sales"
    ],
    "alter table mixpay.sales enable row level security": ["changed: table mixpay.sales"],
    "alter table mixpay.sales set unlogged": ["changed: table mixpay.sales"],
    "alter table mixpay.sales set (fillfactor = 50)": ["changed: table mixpay.sales"],
    "revoke select on mixpay.sold from mixpay_reader": ["changed: view mixpay.sold"],
    "grant select on mixpay.sales to mixpay_reader": ["changed: table mixpay.sales"],
    "grant select (sale) on mixpay.sales to mixpay_reader": ["changed: column mixpay.sales.sale"],
    "grant execute on function mixpay.refuse() to mixpay_writer": [
        "changed: function mixpay.refuse()"
    ],
    "revoke usage on schema mixpay from mixpay_reader": ["changed: schema mixpay"],
    "comment on table mixpay.widgets is 'theirs'": ["changed: table mixpay.widgets"],
    "alter table mixpay.sales owner to current_user": ["changed: table mixpay.sales"],
    "create sequence mixpay.theirs": ["unexpected: sequence mixpay.theirs"],
    "create type mixpay.theirs as enum ('a')": ["unexpected: type mixpay.theirs"],
    "create domain mixpay.theirs as text constraint theirs check (value > '')": [
        "unexpected: constraint theirs on mixpay.theirs",
        "unexpected: type mixpay.theirs",
    ],
    "create statistics mixpay.theirs on widget, size from mixpay.widgets": [
        "unexpected: statistics object mixpay.theirs"
    ],
    "delete from mixpay.widgets where widget = 'small'": ["missing: row of mixpay.widgets"],
    "update mixpay.widgets set size = 2 where widget = 'small'": ["missing: row of mixpay.widgets"],
}


def found(project):
    done = project.mixpay("verify", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == (0 if told["clean"] else 1)
    return [(d["kind"], d["object"]) for d in told["differences"]]


def test_finds_every_kind_of_drift(project):
    project.mixpay("migrate")
    with project.connect() as conn:
        for change, differences in DRIFT.items():
            with conn.transaction(force_rollback=True):
                conn.execute(change)
                told = [f"{d.kind}: {d.object}" for d in migrations.verify(conn)]
                assert told == differences, change
        assert migrations.verify(conn) == []


def test_what_is_spelled_otherwise_and_means_the_same_is_no_difference(project):
    """A server prints a deep expression otherwise when it has read what it printed."""
    between = "(size between 1 and 9 and size <> 5)"
    for path in ("sql/schema/tables.sql", "migrations/0001_first.sql"):
        project.write(path, project.read(path).replace("(size > 0)", between))
    project.append(
        "sql/views.sql",
        "create view mixpay.all_of_it as "
        "select u.a from (select ''::text as a union all select 'x') as u;\n",
    )
    project.mixpay("migrate")
    query = (
        "select pg_get_constraintdef(oid), pg_get_viewdef('mixpay.all_of_it') from pg_constraint "
        "where conname = 'size_is_positive'"
    )
    [(constraint, view)] = project.execute(query)
    project.execute(
        "alter table mixpay.widgets drop constraint size_is_positive, "
        f"add constraint size_is_positive {constraint}; "
        f"create or replace view mixpay.all_of_it as {view}"
    )
    [(again, view_again)] = project.execute(query)
    assert again != constraint
    assert view_again != view
    assert found(project) == []
    other_view = view.replace("'x'", "'y'")
    project.execute(
        "alter table mixpay.widgets drop constraint size_is_positive, "
        f"add constraint size_is_positive {constraint.replace('5', '6')}; "
        f"create or replace view mixpay.all_of_it as {other_view}"
    )
    assert found(project) == [
        ("changed", "constraint size_is_positive on mixpay.widgets"),
        ("changed", "view mixpay.all_of_it"),
    ]


def test_rows_of_users_are_no_difference(project):
    project.mixpay("migrate")
    project.execute("insert into mixpay.widgets values ('theirs', 5)")
    project.execute("insert into mixpay.sales values (1, 'theirs')")
    assert found(project) == []


def test_rows_that_a_function_writes_may_change_but_not_go(project):
    project.append(
        "sql/views.sql",
        "create function mixpay.resize() returns void language sql"
        " as 'update mixpay.widgets set size = size + 1';\n",
    )
    project.mixpay("migrate")
    project.execute("select mixpay.resize()")
    assert found(project) == []
    project.execute("delete from mixpay.widgets where widget = 'small'")
    assert found(project) == [("missing", "row of mixpay.widgets")]


def test_finds_broken_truths(project):
    project.write(
        "sql/checks/widgets_are_small.sql",
        "-- They are.\ncreate view mixpay._widgets_are_small as\n"
        "select * from mixpay.widgets where size > 5;\n",
    )
    project.load_check("widgets_are_small")
    project.mixpay("migrate")
    assert found(project) == [("broken", "widgets_are_small")]
    assert "1 row(s)" in project.mixpay("verify").output


def test_a_check_that_cannot_run_for_drift_is_drift(project):
    project.write(
        "sql/checks/all_is_sold.sql",
        "create view mixpay._all_is_sold as select * from mixpay.sold where sales = 0;\n",
    )
    project.load_check("all_is_sold")
    project.mixpay("migrate")
    project.execute("drop view mixpay.sold cascade")
    assert [kind for kind, _ in found(project)] == ["missing"] * 6  # two views and their columns


def test_finds_edited_migrations_and_other_code(project):
    project.mixpay("migrate")
    project.append("migrations/0001_first.sql", "-- an afterthought\n")
    project.append("sql/views.sql", "comment on view mixpay.sold is 'What went.';\n")
    assert found(project) == [
        ("edited", "0001_first"),
        ("pending", "code"),
        ("changed", "view mixpay.sold"),
    ]


def test_says_how_the_code_becomes_what_it_should_be(project):
    project.mixpay("migrate")
    project.execute("comment on view mixpay.sold is 'What went.'")
    pending = "hint: mixpay migrate brings the database to this version.\n"
    assert project.mixpay("verify").stderr == "hint: mixpay migrate --reload mends the code.\n"
    project.append("sql/views.sql", "comment on view mixpay.sold is 'What is gone.';\n")
    assert project.mixpay("verify").stderr == pending
    assert project.mixpay("migrate").exit_code == 0
    assert project.mixpay("verify").stderr == ""
    project.add_color()
    assert project.mixpay("verify").stderr == pending
    project.append("migrations/0001_first.sql", "-- an afterthought\n")
    assert project.mixpay("verify").stderr == ""


def test_says_what_is_pending_and_no_more(project):
    assert found(project) == [("pending", "0001_first"), ("pending", "code")]
    project.mixpay("migrate")
    project.add_color()
    assert found(project) == [("pending", "0002_color")]


def test_shows_what_differs(project):
    project.mixpay("migrate")
    project.execute("revoke select on mixpay.sold from mixpay_reader")
    told = project.mixpay("verify").output
    assert "changed: view mixpay.sold" in told
    assert "-grants mixpay_owner=" in told
    assert "mixpay migrate --reload" in told


def test_changes_nothing_and_waits_for_nobody_who_works(project, dump):
    project.mixpay("migrate")
    before = dump(project.url)
    with project.connect() as conn, conn.transaction():
        conn.execute("insert into mixpay.widgets values ('theirs', 5)")
        conn.execute("select * from mixpay.sold")
        assert found(project) == []
    assert dump(project.url) == before
    assert project.execute("select count(*) from mixpay.widgets") == [(3,)]


def test_stays_clean_after_dump_and_restore(project, dump):
    project.mixpay("migrate")
    project.write("dump.sql", dump(project.url, data=True))
    project.execute("drop schema mixpay cascade")
    project.psql("dump.sql")
    assert found(project) == []


@pytest.mark.parametrize("why", ["no server", "no rights"])
def test_could_not_look(project, why, tmp_path):
    project.mixpay("migrate")
    if why == "no server":
        url = f"host={tmp_path} dbname=none"
    else:
        url = psycopg.conninfo.make_conninfo(project.url, options="-c role=mixpay_reader")
    failed = project.mixpay("verify", url=url)
    assert failed.exit_code == 2
    assert failed.stdout == ""
