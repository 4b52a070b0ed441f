"""Two migrations at once, and killed ones: it ends as if there had been one."""

import json

import pytest


def test_two_at_once_apply_once(project, gate):
    project.append("migrations/0001_first.sql", project.gate)
    first = project.start("migrate")
    project.until_waiting()
    # One that gave up meanwhile would say so, and try again.
    second = project.start("migrate", "--lock-timeout", "60000")
    project.until_waiting(2)
    gate()
    assert "apply 0001_first" in first.communicate(timeout=30)[0]
    told, _ = second.communicate(timeout=30)
    assert told.splitlines() == [
        "create mixpay_migrations",
        "another migration was faster: look again",
        "nothing to do",
    ]
    assert (first.returncode, second.returncode) == (0, 0)


def test_a_later_one_waits_for_the_one_at_work(project, gate):
    project.mixpay("migrate")
    project.add_color()
    project.append("migrations/0002_color.sql", project.gate)
    first = project.start("migrate")
    project.until_waiting()
    second = project.start("migrate")
    project.until_waiting(2)
    gate()
    assert "apply 0002_color" in first.communicate(timeout=30)[0]
    told, _ = second.communicate(timeout=30)
    assert told.splitlines() == ["wait for another migration to end", "nothing to do"]
    assert (first.returncode, second.returncode) == (0, 0)


@pytest.mark.parametrize(
    "file", ["migrations/0001_first.sql", "migrations/0002_color.sql", "sql/views.sql"]
)
@pytest.mark.parametrize("at_the_end", [False, True])
def test_killed_while_it_runs_a_file(project, gate, file, at_the_end):
    project.add_color()
    text = project.read(file)
    project.write(file, text + project.gate if at_the_end else project.gate + text)
    process = project.start("migrate")
    project.until_waiting()
    process.kill()
    process.communicate()
    # The server notices, though it was waiting, and lets go of everything.
    project.until_waiting(0)
    assert project.execute("select to_regnamespace('mixpay')::text") == [(None,)]
    gate()
    project.write(file, text)
    assert project.mixpay("migrate").exit_code == 0
    assert json.loads(project.mixpay("verify", "--json").output)["differences"] == []


@pytest.mark.parametrize("table", ["_yoyo_migration", "_yoyo_log", "contents"])
def test_killed_while_it_marks(project, table):
    project.mixpay("migrate")
    project.add_color()
    with project.connect() as conn, conn.transaction():
        conn.execute(f"lock mixpay_migrations.{table} in share mode")
        process = project.start("migrate")
        project.until_waiting()
        process.kill()
        process.communicate()
        project.until_waiting(0)
    assert json.loads(project.mixpay("migrate", "status", "--json").output) == {
        "0001_first": "applied",
        "0002_color": "pending",
        "code": "applied",
    }
    assert project.execute("select count(*) from mixpay.sold") == [(0,)]
    assert "apply 0002_color" in project.mixpay("migrate").output
    assert project.mixpay("verify").exit_code == 0
