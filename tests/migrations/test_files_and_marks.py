"""Files that do not agree with the marks, and folders that hold no migrations."""

import json

import pytest


def test_an_edited_migration_is_refused(project):
    project.mixpay("migrate")
    project.append("migrations/0001_first.sql", "-- an afterthought\n")
    for command in (["migrate"], ["migrate", "--plan"], ["migrate", "rollback"]):
        refused = project.mixpay(*command)
        assert refused.exit_code == 2
        assert "edited since it was applied: 0001_first" in refused.output
    assert (
        json.loads(project.mixpay("migrate", "status", "--json").output)["0001_first"] == "edited"
    )


def test_a_database_of_a_newer_version_is_refused(project):
    project.add_color()
    project.mixpay("migrate")
    (project.root / "migrations/0002_color.sql").unlink()
    refused = project.mixpay("migrate")
    assert refused.exit_code == 2
    assert "unknown to this version: 0002_color" in refused.output
    assert (
        json.loads(project.mixpay("migrate", "status", "--json").output)["0002_color"] == "unknown"
    )
    assert project.mixpay("verify").exit_code == 1


def test_a_schema_dropped_by_hand_is_noticed(project):
    project.mixpay("migrate")
    project.execute("drop schema mixpay cascade")
    assert "schema mixpay is gone" in project.mixpay("migrate").output
    assert project.mixpay("verify").output == "missing: schema mixpay\n"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("0002_python.py", "step('select 1')"),
        ("post-apply.sql", "select 1;"),
        ("misnamed.sql", "select 1;"),
        ("0002_outside.sql", "-- transactional: false\nselect 1;"),
    ],
)
def test_only_migrations_may_be_in_the_folder(project, file, text):
    project.write(f"migrations/{file}", text)
    refused = project.mixpay("migrate")
    assert refused.exit_code == 2
    assert file in refused.output


@pytest.mark.parametrize("missing", [True, False])
def test_no_migrations_is_an_error(project, missing):
    folder = project.root / "migrations"
    folder.rename(project.root / "elsewhere")
    if not missing:
        folder.mkdir()
    refused = project.mixpay("migrate")
    assert refused.exit_code == 2
    assert "there are no migrations" in refused.output
