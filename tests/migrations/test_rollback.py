"""`mixpay migrate rollback`: takes back tables, never rows by mistake."""

import pytest


def test_rolls_back_the_last_or_down_to_a_name(project):
    project.add_color()
    project.migration("0003_more", "create table mixpay.more ();", "drop table mixpay.more;")
    project.mixpay("migrate")
    assert project.mixpay("migrate", "rollback").output.splitlines() == [
        "unload the code",
        "roll back 0003_more",
        "done",
    ]
    assert project.execute("select to_regclass('mixpay.more')::text") == [(None,)]
    assert project.mixpay("migrate", "status").output.count("pending") == 2  # it and the code
    project.mixpay("migrate")
    down = project.mixpay("migrate", "rollback", "--to", "0001_first")
    assert "roll back 0003_more\nroll back 0002_color\n" in down.output
    assert project.mixpay("migrate", "rollback", "--to", "0001_first").output == "nothing to do\n"
    assert project.mixpay("migrate", "rollback", "--to", "0002_color").exit_code == 2
    project.mixpay("migrate", "rollback")
    assert project.execute("select to_regnamespace('mixpay')::text") == [(None,)]
    assert project.mixpay("migrate", "rollback").exit_code == 2
    operations = project.execute(
        "select operation, count(*) from mixpay_migrations._yoyo_log group by 1"
    )
    assert dict(operations) == {"apply": 4, "rollback": 4}


@pytest.mark.parametrize(
    "change",
    [
        "insert into mixpay.widgets values ('theirs', 5)",
        "update mixpay.widgets set size = 2 where widget = 'small'",
        "insert into mixpay.sales values (1, 'small')",
    ],
)
def test_loses_no_rows_unless_told(project, change):
    project.mixpay("migrate")
    project.execute(change)
    rows = "select (select count(*) from mixpay.widgets), (select count(*) from mixpay.sold)"
    before = project.execute(rows)
    refused = project.mixpay("migrate", "rollback")
    assert refused.exit_code == 2
    assert "rows would be lost" in refused.output
    assert project.execute(rows) == before
    assert project.mixpay("migrate", "status").output.count("pending") == 0
    assert project.mixpay("migrate", "rollback", "--drop-rows").exit_code == 0


def test_a_column_of_rows_counts_as_rows(project):
    project.add_color()
    project.mixpay("migrate")
    project.execute("insert into mixpay.widgets values ('theirs', 5)")
    assert "rows would be lost from widgets" in project.mixpay("migrate", "rollback").output
    assert project.execute("select count(*) from mixpay.widgets where color is null") == [(3,)]


def test_rows_elsewhere_do_not_matter(project):
    project.migration("0002_more", "create table mixpay.more ();", "drop table mixpay.more;")
    project.append("sql/schema/tables.sql", "create table mixpay.more ();\n")
    project.mixpay("migrate")
    project.execute("insert into mixpay.sales values (1, 'small')")
    assert project.mixpay("migrate", "rollback").exit_code == 0
    project.mixpay("migrate")
    assert project.execute("select * from mixpay.sold") == [("small", 1)]


def test_without_a_rollback_file_there_is_no_way_back(project):
    project.add_color()
    project.mixpay("migrate")
    (project.root / "migrations/0002_color.rollback.sql").unlink()
    refused = project.mixpay("migrate", "rollback")
    assert refused.exit_code == 2
    assert "0002_color.rollback.sql is missing" in refused.output
    assert project.mixpay("migrate", "status").output.count("applied") == 3
