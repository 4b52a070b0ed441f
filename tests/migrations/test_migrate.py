"""What `mixpay migrate` does and says."""

import json


def test_applies_then_loads_the_code_then_has_nothing_to_do(project):
    first = project.mixpay("migrate")
    assert first.output.splitlines() == [
        "create mixpay_migrations",
        "apply 0001_first",
        "load the code",
        "hand mixpay_migrations over to mixpay_owner",
        "done",
    ]
    remembered = project.execute("select * from mixpay_migrations.contents order by name")
    assert [name for name, *_ in remembered] == ["0001_first", "code"]
    assert project.mixpay("migrate").output == "nothing to do\n"
    assert project.execute("select * from mixpay_migrations.contents order by name") == remembered


def test_a_later_migration_finds_no_code_in_its_way(project):
    project.mixpay("migrate")
    project.migration(
        "0002_type",
        "alter table mixpay.sales alter sale type numeric;",
        "alter table mixpay.sales alter sale type bigint;",
    )
    assert project.mixpay("migrate").output.splitlines() == [
        "unload the code",
        "apply 0002_type",
        "load the code",
        "done",
    ]
    assert project.execute("select count(*) from mixpay.sold") == [(0,)]


def test_changed_code_is_loaded_and_leaves_nothing_behind(project):
    project.mixpay("migrate")
    views = project.read("sql/views.sql").replace("mixpay.sold", "mixpay.sold_widgets")
    project.write("sql/views.sql", views)
    assert project.mixpay("migrate").output.splitlines() == [
        "load the code",
        "  drop view mixpay.sold",
        "  create view mixpay.sold_widgets",
        "done",
    ]
    assert project.execute("select viewname from pg_views where schemaname = 'mixpay'") == [
        ("sold_widgets",)
    ]


def test_reload_mends_code_that_was_changed_by_hand(project):
    project.mixpay("migrate")
    project.execute("drop view mixpay.sold")
    assert project.mixpay("migrate").output == "nothing to do\n"
    assert project.mixpay("migrate", "--reload").output.splitlines() == [
        "load the code",
        "  create view mixpay.sold",
        "done",
    ]
    assert project.mixpay("verify").exit_code == 0


def test_a_migration_that_fails_changes_nothing_and_is_named(project):
    project.mixpay("migrate")
    project.add_color()
    project.append("migrations/0002_color.sql", "select 1 / 0;\n")
    failed = project.mixpay("migrate")
    assert failed.exit_code == 2
    assert "division by zero" in failed.output
    assert "0002_color.sql" in failed.output
    assert project.mixpay("migrate", "status").output.count("pending") == 1
    assert project.execute("select count(*) from mixpay.sold") == [(0,)]


def test_code_that_fails_takes_the_migrations_with_it(project):
    project.append("sql/views.sql", "create view mixpay.wrong as select no_such_column;\n")
    failed = project.mixpay("migrate")
    assert failed.exit_code == 2
    assert "views.sql" in failed.output
    assert project.execute("select to_regnamespace('mixpay')::text") == [(None,)]


def test_json(project):
    project.append("migrations/0001_first.sql", "select 'yoyo prints what this finds';\n")
    steps = json.loads(project.mixpay("migrate", "--json").stdout)
    assert steps == {
        "steps": [
            "create mixpay_migrations",
            "apply 0001_first",
            "load the code",
            "hand mixpay_migrations over to mixpay_owner",
        ]
    }
    assert json.loads(project.mixpay("migrate", "rollback", "--json").stdout) == {
        "rolled_back": ["0001_first"]
    }


def test_status_and_plan_write_nothing(project):
    for command in (["migrate", "status"], ["migrate", "--plan"], ["verify"]):
        project.mixpay(*command)
    assert project.execute(
        "select count(*) from pg_class where relnamespace::regnamespace::text"
        " not in ('pg_catalog', 'pg_toast', 'information_schema')"
    ) == [(0,)]
