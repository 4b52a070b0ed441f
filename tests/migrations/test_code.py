"""Code is changed, not thrown away: what others granted on it and built upon it stays."""

import pytest
from test_cli_grant import names, psql
from test_cli_grant import told as granted

from mixpay_db import migrations
from mixpay_db.problem import Problem

# By what each of them is known: in place, its number stays.
OIDS = "select 'mixpay.sold'::regclass::oid, 'mixpay.refuse()'::regprocedure::oid"
SIZES = "create view mixpay.sizes as select w.widget, w.size from mixpay.widgets as w;\n"


@pytest.fixture
def cashier(project):
    """A DBA's own role with rights of its own."""
    project.append("sql/views.sql", SIZES)
    project.mixpay("migrate")
    with project.connect() as conn:
        name = f"cashier_of_{conn.info.dbname}"
        conn.execute(f"create role {name}")
        conn.execute(f"grant execute on function mixpay.refuse() to {name}")
        conn.execute(f"grant select on mixpay.sold to {name} with grant option")
        conn.execute(f"grant select (size) on mixpay.sizes to {name}")
        yield name
        conn.execute(f"drop owned by {name}")
        conn.execute(f"drop role {name}")


def rights(project):
    found = project.execute(
        "select proname, proacl::text from pg_proc where proname = 'refuse'"
        " union all select relname, relacl::text from pg_class where relname in ('sold', 'sizes')"
        " union all select attname, attacl::text from pg_attribute"
        " where attrelid = 'mixpay.sizes'::regclass and attnum > 0"
    )
    return {name: sorted((acl or "").strip("{}").split(",")) for name, acl in found}


def edit(project, old, new):
    text = project.read("sql/views.sql")
    assert old in text
    project.write("sql/views.sql", text.replace(old, new))


def test_what_is_the_same_is_not_touched(project):
    project.mixpay("migrate")
    newest = (
        "select max(xmin::text::bigint) from (select xmin from pg_proc"
        " union all select xmin from pg_class union all select xmin from pg_rewrite"
        " union all select xmin from pg_description union all select xmin from pg_type) as x"
    )
    before = project.execute(newest)
    told = project.mixpay("migrate", "--reload").output
    assert told == "load the code\n  all of it is as it should be\ndone\n"
    assert project.execute(newest) == before


@pytest.mark.usefixtures("cashier")
def test_what_keeps_its_signature_is_replaced_in_place(project):
    before, granted = project.execute(OIDS), rights(project)
    project.execute("create view public.theirs as select * from mixpay.sold")
    edit(project, "return null", "return old")
    edit(project, "as sales from", "as sales, 1 as more from")
    assert project.mixpay("migrate").output.splitlines() == [
        "load the code",
        "  replace view mixpay.sold",
        "  replace function mixpay.refuse()",
        "done",
    ]
    assert (project.execute(OIDS), rights(project)) == (before, granted)
    assert project.execute("select count(*) from public.theirs") == [(0,)]
    assert "body" not in project.mixpay("verify").output


def test_grants_on_what_must_go_are_put_back_and_told(project, cashier):
    before, granted = project.execute(OIDS), rights(project)
    edit(project, "as sales from", "as sold from")
    edit(project, "select w.widget, w.size", "select w.size, w.widget")
    assert project.mixpay("migrate").output.splitlines() == [
        "load the code",
        "  drop and create view mixpay.sold",
        "  drop and create view mixpay.sizes",
        f"  put back select (size) on table mixpay.sizes to {cashier}",
        f"  put back select on table mixpay.sold to {cashier}",
        "done",
    ]
    assert project.execute(OIDS)[0][0] != before[0][0]
    assert rights(project) == granted


def test_verify_names_grants_of_others_as_such(project, cashier):
    done = project.mixpay("verify")
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "granted: column mixpay.sizes.size",
        f"    {cashier}=r/mixpay_owner",
        "granted: function mixpay.refuse()",
        f"    {cashier}=X/mixpay_owner",
        "granted: view mixpay.sold",
        f"    {cashier}=r*/mixpay_owner",
        "all is as it should be",
    ]
    project.execute("grant execute on function mixpay.refuse() to mixpay_writer")
    differs = project.mixpay("verify")
    assert differs.exit_code == 1
    assert "changed: function mixpay.refuse()" in differs.output


def test_grants_on_what_is_no_more_are_told(project, cashier):
    edit(project, SIZES, "")
    assert project.mixpay("migrate").output.splitlines() == [
        "load the code",
        "  drop view mixpay.sizes",
        f"  gone with it: select (size) on table mixpay.sizes to {cashier}",
        "done",
    ]


def test_grants_that_go_with_all_code_are_told(project, cashier):
    project.add_color()
    project.mixpay("migrate")
    assert project.mixpay("migrate", "rollback").output.splitlines() == [
        "unload the code",
        f"  gone with it: execute on function mixpay.refuse() to {cashier}",
        f"  gone with it: select (size) on table mixpay.sizes to {cashier}",
        f"  gone with it: select on table mixpay.sold to {cashier}",
        "roll back 0002_color",
        "done",
    ]


def test_a_migration_lets_grants_stand(project, cashier):
    granted = rights(project)
    project.add_color()
    told = project.mixpay("migrate").output
    assert f"put back execute on function mixpay.refuse() to {cashier}" in told
    assert rights(project) == granted


def test_a_migration_that_says_so_lets_the_code_stand(project):
    project.mixpay("migrate")
    project.execute("create view public.theirs as select * from mixpay.sold")
    before = project.execute(OIDS)
    project.add_color()
    text = project.read("migrations/0002_color.sql")
    project.write("migrations/0002_color.sql", f"-- The code stays.\n{text}")
    edit(project, "as sales from", "as sales, max(s.sale) as last from")
    told = project.mixpay("migrate").output.splitlines()
    assert told == ["apply 0002_color", "load the code", "  replace view mixpay.sold", "done"]
    assert project.execute(OIDS) == before
    assert project.mixpay("verify").exit_code == 0


def test_what_others_built_is_named_and_dropped_only_by_its_name(project):
    project.mixpay("migrate")
    project.execute("create view public.theirs as select * from mixpay.sold")
    project.execute("create view public.upon as select * from public.theirs")
    project.execute(
        "create function public.first(mixpay.sold, int) returns mixpay.sold language sql"
        " as 'select $1'"
    )
    edit(project, "as sales from", "as sold from")
    names = ["public.upon", "public.first(mixpay.sold,integer)", "public.theirs"]
    for arguments in (
        [],
        ["--drop-dependents", "public.theirs"],
        ["--drop-dependents", ",".join(names[:2])],
    ):
        refused = project.mixpay("migrate", *arguments)
        assert refused.exit_code == 2
        assert "others depend on what has to be dropped" in refused.output
        for name in set(names) - set(",".join(arguments[1:]).split(",")):
            if name not in "".join(arguments):
                assert name in refused.output
        assert project.execute("select count(*) from public.upon") == [(0,)]
    wrong = project.mixpay("migrate", "--drop-dependents", "public.nothing")
    assert wrong.exit_code == 2
    assert "nothing by that name is in the way: public.nothing" in wrong.output
    told = project.mixpay("migrate", "--drop-dependents", ",".join(names))
    assert told.exit_code == 0, told.output
    assert "drop view public.theirs (not ours)" in told.output
    assert project.execute("select to_regclass('public.upon')") == [(None,)]
    assert project.mixpay("verify").exit_code == 0


def test_what_only_a_hand_can_drop_is_said_to_be(project):
    project.mixpay("migrate")
    project.execute("create table public.theirs (it mixpay.sold)")
    edit(project, "as sales from", "as sold from")
    refused = project.mixpay("migrate", "--drop-dependents", "public.theirs.it")
    assert refused.exit_code == 2
    assert "table column public.theirs.it" in refused.output
    assert "Drop public.theirs.it by hand" in refused.output


def test_a_trigger_of_others_is_theirs(project):
    project.mixpay("migrate")
    project.execute(
        "create function public.audit() returns trigger language plpgsql as 'begin return new; end'"
    )
    project.execute(
        "create trigger audit after insert on mixpay.sales"
        " for each row execute function public.audit()"
    )
    project.add_color()
    assert project.mixpay("migrate").exit_code == 0
    assert project.mixpay("migrate", "--reload").exit_code == 0
    triggers = "select count(*) from pg_trigger where tgname in ('audit', 'refuse')"
    assert project.execute(triggers) == [(2,)]


@pytest.mark.usefixtures("known", "shop")
def test_what_mixpay_grant_made_is_made_anew_after_an_upgrade(adopted, conn):
    assert psql(adopted, granted(adopted, "m", "--to", "pg_monitor")) == ""
    assert names(conn, "calls", "m")
    conn.execute("create view mixpay.more as select * from mixpay.trade_balances")
    assert psql(adopted, granted(adopted, "m", "--to", "pg_monitor")) == ""
    assert "more" in names(conn, "views", "m")
    with pytest.raises(Problem, match=r"view m\.more"):
        migrations.migrate(adopted, lambda _: None, reload=True)
    migrations.migrate(adopted, lambda _: None, reload=True, drop_dependents=["m.more"])
    assert psql(adopted, granted(adopted, "m", "--to", "pg_monitor", "--read-only")) == ""
    assert names(conn, "calls", "m") == set()
    assert {"trade_balances"} < names(conn, "views", "m") < names(conn, "views", "mixpay")


@pytest.mark.parametrize(
    "change",
    [
        "create or replace function mixpay.refuse() returns trigger language plpgsql"
        " as 'begin return old; end'",
        "alter function mixpay.refuse() owner to current_user",
        "comment on function mixpay.refuse() is 'theirs'",
        "alter function mixpay.refuse() security definer set search_path = mixpay",
        "alter view mixpay.sold set (security_barrier)",
        "alter view mixpay.sold owner to current_user",
        "alter view mixpay.sold rename sales to sold",
        "comment on column mixpay.sold.sales is 'theirs'",
        "alter table mixpay.sales disable trigger refuse",
        "drop trigger refuse on mixpay.sales",
        "create trigger theirs before delete on mixpay.widgets"
        " for each row execute function mixpay.refuse()",
        "create view mixpay.theirs as select 1 as one",
        "create function mixpay.theirs(mixpay.sold) returns int language sql as 'select 1'",
        "revoke select on mixpay.sold from mixpay_reader",
        "grant insert on mixpay.sold to mixpay_reader",
        "revoke usage on schema mixpay from mixpay_reader",
        "drop function mixpay.refuse() cascade",
    ],
)
def test_reload_mends_what_a_hand_did(project, change):
    project.mixpay("migrate")
    project.execute(change)
    assert project.mixpay("verify").exit_code == 1
    mended = project.mixpay("migrate", "--reload")
    assert mended.exit_code == 0, mended.output
    assert project.mixpay("verify").output == "all is as it should be\n"
    assert "as it should be" in project.mixpay("migrate", "--reload").output
