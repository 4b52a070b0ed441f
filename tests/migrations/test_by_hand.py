"""What a DBA did by hand with psql: ran the plan, or sql/install.sql."""

import json

import pytest


@pytest.mark.parametrize("pending", ["everything", "a migration", "the code"])
def test_psql_runs_the_plan_and_then_nothing_is_pending(project, pending):
    if pending != "everything":
        project.mixpay("migrate")
    if pending == "a migration":
        project.add_color()
    elif pending == "the code":
        project.append("sql/views.sql", "create view mixpay.one as select 1 as one;\n")
    plan = project.mixpay("migrate", "--plan").output
    assert project.mixpay("migrate", "--plan").output == plan  # printing it changed nothing
    project.write("plan.sql", plan)
    project.psql("plan.sql")
    assert project.mixpay("migrate").output == "nothing to do\n"
    assert project.mixpay("verify").exit_code == 0


def test_a_plan_that_fails_changes_nothing(project):
    project.append("migrations/0001_first.sql", "select 1 / 0;\n")
    project.write("plan.sql", project.mixpay("migrate", "--plan").output)
    with pytest.raises(AssertionError, match="division by zero"):
        project.psql("plan.sql")
    assert project.execute("select to_regnamespace('mixpay')::text") == [(None,)]


def test_a_plan_is_for_the_state_that_it_was_made_for(project, dump):
    project.write("plan.sql", project.mixpay("migrate", "--plan").output)
    project.psql("plan.sql")
    for faster in ([], ["migrate"], ["migrate", "rollback"]):
        if faster == ["migrate"]:
            project.add_color()
            project.write("plan.sql", project.mixpay("migrate", "--plan").output)
        if faster:
            assert project.mixpay(*faster).exit_code == 0
        before = dump(project.url)
        with pytest.raises(AssertionError, match="was made for another state of the database"):
            project.psql("plan.sql")
        assert dump(project.url) == before


def test_a_plan_for_an_empty_database_is_for_no_other(project):
    project.write("plan.sql", project.mixpay("migrate", "--plan").output)
    project.psql("sql/install.sql")
    told = "Made for: no schema mixpay. Found: a schema mixpay without marks."
    with pytest.raises(AssertionError, match=told):
        project.psql("plan.sql")
    assert project.mixpay("migrate").exit_code == 0
    with pytest.raises(AssertionError, match="Found: marks of migrations"):
        project.psql("plan.sql")


def test_the_plan_of_nothing_is_no_sql(project):
    project.mixpay("migrate")
    assert project.mixpay("migrate", "--plan").output == "-- nothing to do\n"
    assert json.loads(project.mixpay("migrate", "--plan", "--json").output) == {"sql": ""}


def test_adopts_what_psql_installed(project):
    project.add_color()
    project.psql("sql/install.sql")
    assert project.mixpay("verify").exit_code == 0
    assert project.mixpay("migrate").output.splitlines() == [
        "create mixpay_migrations",
        "adopt 0001_first",
        "adopt 0002_color",
        "adopt the code",
        "hand mixpay_migrations over to mixpay_owner",
        "done",
    ]
    assert project.mixpay("migrate").output == "nothing to do\n"
    assert project.mixpay("verify").exit_code == 0
    assert project.mixpay("migrate", "rollback").exit_code == 0


def test_the_plan_of_an_adoption_marks_only(project):
    project.psql("sql/install.sql")
    plan = project.mixpay("migrate", "--plan").output
    assert "create table mixpay." not in plan
    project.write("plan.sql", plan)
    project.psql("plan.sql")
    assert project.mixpay("migrate").output == "nothing to do\n"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("drop index mixpay.widgets_size", "missing: index mixpay.widgets_size"),
        ("delete from mixpay.widgets", "missing: row of mixpay.widgets"),
        ("create table mixpay.theirs ()", "unexpected: table mixpay.theirs"),
    ],
)
def test_adopts_nothing_that_differs(project, change, named):
    project.psql("sql/install.sql")
    project.execute(change)
    refused = project.mixpay("migrate")
    assert refused.exit_code == 2
    assert named in refused.output
    assert project.execute("select to_regnamespace('mixpay_migrations')::text") == [(None,)]


def test_a_plan_names_what_others_have_built_whatever_psql_expects(project, monkeypatch):
    project.mixpay("migrate")
    project.execute('create view public."家具" as select widget from mixpay.sold')
    project.write("sql/views.sql", project.read("sql/views.sql").replace("as sales", "as sold"))
    planned = project.mixpay("migrate", "--plan", "--drop-dependents", 'public."家具"')
    assert "家具" in planned.stdout
    project.write("plan.sql", planned.stdout)
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    project.psql("plan.sql")
    assert project.mixpay("migrate").stdout == "nothing to do\n"
