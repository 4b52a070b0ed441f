"""How commands end: with a status that is documented, in words, never with a stack of calls."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from begun import MIXPAY, Begun, Child, begun
from click.testing import CliRunner, Result
from conftest import _roomy
from programs import copying
from psycopg import Connection
from recorded import PROJECT
from released import VERSIONS, fill

from mixpay_db.cli import endings, main

DEEP = "[" * 9000 + "]" * 9000
DAY, EARLY = "2026-01-01T00:00+00:00", "0001-01-01T00:00+14:00"
MERGE = ("call", "merge_orders", "--merchant-id", "m", "--orders")

Run = subprocess.CompletedProcess[str]


def run(*arguments: str | bytes, url: str = "", **options: Any) -> Run:
    """The command in a process of its own, as a shell starts it."""
    environment = {**os.environ, **options.pop("env", {})}
    environment.pop("MIXPAY_URL", None)
    first = ["--url", url] if url else []
    return subprocess.run(
        [MIXPAY, *first, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=120,
        **options,
    )


@pytest.fixture(scope="module")
def python() -> Iterator[Begun]:
    with begun() as python:
        yield python


# Commands of a line, each as if it were alone, in one process: Python begins once.
ONE_AFTER_ANOTHER = """
import itertools, sys
from mixpay_db.cli import main
for is_end, words in itertools.groupby(sys.argv[1:], ";".__eq__):
    try:
        is_end or main([*words], prog_name="mixpay")
    except SystemExit as ended:
        if ended.code:
            raise
"""


def run_all(*commands: tuple[str, ...], url: str, env: dict[str, str]) -> Run:
    """Commands in one process of their own, until one fails."""
    words = [word for command in commands for word in ("--url", url, *command, ";")]
    return subprocess.run(
        [sys.executable, "-c", ONE_AFTER_ANOTHER, *words],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=120,
    )


def invoke(words: list[str], status: int, env: dict[str, str] | None = None) -> Result:
    """The command run in this process."""
    ended = CliRunner().invoke(main, words, env=env, prog_name="mixpay")
    assert isinstance(ended.exception, SystemExit | None)
    assert ended.exit_code == status, ended.stderr[-2000:]
    return ended


def here(words: list[str], status: int, env: dict[str, str] | None = None) -> str:
    """What the command says, run in this process."""
    return " ".join(invoke(words, status, env).stderr.split())


def told(ended: Run, status: int) -> str:
    """What it says, in one line."""
    assert "Traceback" not in ended.stderr
    assert ended.returncode == status, ended.stderr[-2000:]
    assert not re.search("[\udc80-\udcff]", ended.stderr)
    return " ".join(ended.stderr.split())


def test_the_statuses_are_documented() -> None:
    page = (PROJECT / "docs" / "command-line.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE))
    assert {int(status): text for status, text in table.items()} == endings.STATUSES


def test_no_other_status_is_used() -> None:
    """Not in what ends a command, nor in what a problem says that it ends with."""
    for path in (PROJECT / "mixpay_db").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"(?:\.exit|SystemExit)\(([^()]*)\)|^ +status = (\S+)", text, re.M)
        for numbers in re.findall(r"\b\d+\b", str(found)):
            assert int(numbers) in endings.STATUSES, path


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            (*MERGE, '[{"order_no": "A", "amount": 1e999, "currency": "CNY"}]'),
            2,
            "1e999 is not JSON",
        ),
        ((*MERGE, '[{"order_no": "A", "amount": NaN}]'), 2, "NaN is not JSON"),
        ((*MERGE, "9" * 5000), 2, "this is not JSON: Exceeds the limit"),
        ((*MERGE, '["\\ud800"]'), 2, "bytes that are not in its encoding"),
        ((*MERGE, '["\\u0000"]'), 1, "error: "),
        ((*MERGE, "@/nonexistent"), 2, "cannot read /nonexistent"),
        ((*MERGE, "@/"), 2, "cannot read /"),
        ((*MERGE, f"@{sys.executable}"), 2, "this is not JSON"),
        ((*MERGE, "[]", "--trade-no", b"\xff"), 2, r"bytes that are not in its encoding: '\udcff'"),
        (
            ("call", "register_merchant", "--merchant-id", b"m\xed\xa0\x80", "--title", "t"),
            2,
            "bytes",
        ),
        (("report", "merchant_list", "--merchant", b"m\xff"), 2, "bytes that are not in its"),
        (("report", b"\xff"), 2, r"No such command '\udcff'"),
        ((b"\xff",), 2, r"No such command '\udcff'"),
        ((b"--\xff",), 2, r"No such option '--\udcff'"),
        (("check", "--merchant", b"\xff"), 2, "bytes that are not in its encoding"),
        (("events", "--merchant", b"\xff"), 2, "bytes that are not in its encoding"),
        (("events", "--merchant", "m", "--after", "x"), 1, "error: MX"),
        (("events", "--merchant", "m", "--follow", "--poll", "nan"), 2, "is not a number of"),
        (("events", "--merchant", "m", "--follow", "--poll", "1e999"), 2, "is not in the range"),
        (("events", "--merchant", "m", "--follow", "--poll", "-inf"), 2, "is not in the range"),
        (("events", "--merchant", "m", "--patience", "nan"), 2, "is not a number of seconds"),
        (("migrate", "--wait", "nan"), 2, "is not a number of seconds"),
        (
            ("reconcile", "/dev/null", "--merchant", "m", "--lag", "nan"),
            2,
            "is not a number of days",
        ),
        (("migrate", "--wait", "inf"), 2, "is not in the range"),
        (("migrate", "--lock-timeout", "99999999999999"), 2, "is not in the range"),
        (("dispatch", "--config", "/dev/null", "--poll", "nan"), 2, "is not a number of seconds"),
        (("dispatch", "--config", "/dev/null"), 2, "names no channel"),
        (("dispatch", "--config", "/"), 2, "is a directory"),
        (("call", "expire_trades", "--merchant-id", "m", "--limit", "9" * 30), 2, "too large"),
        (("call", "expire_trades", "--merchant-id", "m", "--limit", str(2**63)), 2, "too large"),
        (("call", "expire_trades", "--merchant-id", "m", "--limit", "1.5"), 2, "not a whole"),
        (
            ("call", "close_period", "--merchant-id", "m", "--until", "0001-01-01T00:00+14:00"),
            1,
            "",
        ),
        (("import", "/nonexistent", "--merchant", "m", "--currency", "CNY"), 2, "cannot read"),
        (("import", b"\xff", "--merchant", "m", "--currency", "CNY"), 2, r"cannot read \xff"),
        (("import", "-", "--merchant", b"\xff", "--currency", "CNY"), 2, "bytes that are not in"),
        (("server", "--data", b"/dev/null/\xff", "start"), 2, "error: "),
        (("completion", "tcsh"), 2, "'tcsh' is not one of"),
    ],
)
def test_whatever_is_typed(
    url: str, arguments: tuple[str | bytes, ...], status: int, message: str
) -> None:
    words = [os.fsdecode(word) for word in arguments]
    assert message in here(["--url", url, *words], status)


def test_a_login_without_the_rights_is_told_the_roles(url: str) -> None:
    as_monitor = psycopg.conninfo.make_conninfo(url, options="-c role=mixpay_monitor")
    assert here(["--url", as_monitor, "metrics", "--json"], 0) == ""
    nobody = psycopg.conninfo.make_conninfo(url, options="-c role=pg_monitor")
    for who, words, status in (
        (as_monitor, ["report", "trade_balances"], 1),
        (as_monitor, ["call", "trial_balance", "--merchant-id", "m"], 1),
        (nobody, ["check"], 2),
        (nobody, ["metrics"], 2),
        (nobody, ["grant", "m", "--to", "x"], 2),
    ):
        said = here(["--url", who, *words], status)
        assert "permission denied" in said
        assert "Members of mixpay_reader read the views" in said


@pytest.mark.parametrize("words", [(), ("call",), ("server",), ("migrate", "-h"), ("report",)])
def test_a_group_alone_shows_its_help(words: tuple[str, ...]) -> None:
    """Before click 8.2 with status 0, since then with 2."""
    ended = CliRunner().invoke(main, words, prog_name="mixpay")
    lines = f"{ended.stdout}{ended.stderr}".splitlines()
    assert ended.exit_code in (endings.DONE, endings.NOT_ASKED)
    assert lines[0].startswith("Usage: mixpay")
    assert "Commands:" in lines
    assert "  Examples:" in lines
    assert not any("Error" in line for line in lines)


def test_json_is_not_nested_without_end(url: str) -> None:
    """How deep Python reads is its own to say; what it reads, the database refuses."""
    ended = CliRunner().invoke(main, ["--url", url, *MERGE, DEEP])
    told = {1: "error: MX903", 2: "this is JSON nested too deeply"}
    assert told[ended.exit_code] in ended.stderr


@pytest.mark.parametrize("url", [b"postgresql://\xff/x", "postgresql://[::", "x=", "port=99999"])
def test_urls_that_are_none(url: str | bytes) -> None:
    assert "error: " in here(["--url", os.fsdecode(url), "check"], 2)


NOT_THERE = ["check", "verify", "metrics", "trade T", "report fold_list"]


@pytest.mark.parametrize("command", NOT_THERE)
def test_a_server_that_is_not_there(command: str) -> None:
    ended = CliRunner().invoke(main, ["--url", "host=/nowhere", *command.split()])
    assert ended.exit_code == 2
    first, second = ended.stderr.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("hint: Is the server running locally")


@pytest.mark.parametrize("command", NOT_THERE)
def test_servers_that_are_not_there(command: str) -> None:
    """Each of them on a line of its own, and what libpq asks once."""
    ended = CliRunner().invoke(main, ["--url", "host=/nowhere,/else", *command.split()])
    assert ended.exit_code == 2
    first, several, one, other, hint = ended.stderr.splitlines()
    assert first.startswith("error: connection ")
    assert several.startswith("Multiple connection attempts failed")
    assert [line.split(",")[0] for line in (one, other)] == [
        "- host: '/nowhere'",
        "- host: '/else'",
    ]
    assert hint.startswith("hint: Is the server running locally")
    assert hint.count("?") == 1


def test_a_server_that_ends_a_transaction_is_told_in_words(python: Begun, url: str) -> None:
    impatient = {"PGOPTIONS": "-c idle_in_transaction_session_timeout=1"}
    ended = python.run("--url", url, "verify", env=impatient)
    assert "psycopg" not in ended.stderr
    assert told(ended, 2).startswith("error: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('adapter = ["x"]', "there is no adapter ['x']"),
        ("adapter = 1", "there is no adapter 1"),
        (
            'adapter = "http"\nurl = "https://a.example:99999/x"\nsecret_env = "HOME"',
            "is not of the",
        ),
        ('adapter = "http"\nurl = ["x"]\nsecret_env = "HOME"', "url is ['x'], which is no str"),
        ('adapter = "http"\nurl = "https://a.example/x"\nsecret_env = ["HOME"]', "are names"),
        ('adapter = "http"\nurl = "https://a.example/x"\nsecret_file = {}', "are names"),
        (
            'adapter = "http"\nurl = "https://a.example/x"\nsecret_file = "a\\u0000b"',
            "cannot read secret_file",
        ),
        (
            'adapter = "http"\nurl = "https://a.example/x"\nsecret_env = "HOME"\ntimeout = nan',
            "timeout is nan",
        ),
        (
            'adapter = "http"\nurl = "https://a.example/x"\nsecret_env = "HOME"\ntimeout = inf',
            "timeout is inf",
        ),
        (f"x = {DEEP}", "is not TOML"),
        ('adapter = "manual"\nx = 1e999999', "unknown key x"),
        ("\udcff", "is not TOML"),
    ],
)
def test_a_config_that_is_wrong(url: str, tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "c.toml"
    config.write_text(f"[channels.x]\n{text}\n", encoding="utf-8", errors="surrogateescape")
    assert message in here(["--url", url, "dispatch", "--config", str(config)], 2)


@pytest.mark.parametrize(
    "environment",
    [
        {"PGDATESTYLE": "German"},
        {"PGOPTIONS": "-c datestyle=SQL,DMY"},
        {"PGCLIENTENCODING": "LATIN1"},
        {"PGCLIENTENCODING": "nope"},
        {"PGTZ": "Asia/Kathmandu"},
        {"LANG": "C", "LC_ALL": "C"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
        {"TERM": "nope", "COLUMNS": "x", "LINES": ""},
    ],
    ids=str,
)
def test_whatever_the_environment_says(
    conn: Connection[Any], url: str, environment: dict[str, str]
) -> None:
    # What libpq reads, it reads whenever it connects; the rest, Python reads when it begins.
    is_libpqs = all(name.startswith("PG") for name in environment)

    def mixpay(*commands: tuple[str, ...]) -> None:
        if is_libpqs:
            for words in commands:
                here(["--url", url, *words], 0, environment)
        else:
            told(run_all(*commands, url=url, env=environment), 0)

    mixpay(
        ("call", "register_merchant", "--merchant-id", "m", "--title", "家具", "--json"),
        *(("report", "merchant_list", "--format", form) for form in ("table", "csv")),
        ("events", "--merchant", "m"),
    )
    assert conn.execute("select title from mixpay.merchant_list").fetchall() == [("家具",)]


def test_a_terminal_that_knows_ascii_alone(conn: Connection[Any], url: str) -> None:
    """Words that are typed there are no text; what others wrote is shown all the same."""
    ascii_alone = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    register = ("call", "register_merchant", "--merchant-id", "m", "--title")
    told(run(*register, "家具", url=url, env=ascii_alone), 2)
    conn.execute("select mixpay.register_merchant('m', '家具')")
    ended = run("report", "merchant_list", url=url, env=ascii_alone)
    assert "家具" in ended.stdout
    told(ended, 0)


def test_whatever_the_database_says(conn: Connection[Any], url: str) -> None:
    name = conn.info.dbname
    conn.execute(f'alter database "{name}" set datestyle to "SQL, DMY"')
    conn.execute("select mixpay.register_merchant('m', 'x')")
    here(["--url", url, "report", "period_list"], 0)
    here(["--url", url, "report", "facts"], 2)
    merge = [*MERGE, '[{"order_no":"A","amount":1,"currency":"CNY"}]', "--trade-no", "T", "--json"]
    assert '"trade_no": "T"' in invoke(["--url", url, *merge], 0).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "channel_list"),
        ("report", "channel_list", "--format", "csv"),
        ("types", "--json"),
        ("check",),
        ("call", "--help"),
    ],
    ids=" ".join,
)
def test_a_full_disk_and_a_closed_pipe(python: Begun, url: str, arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        ended = python.run("--url", url, *arguments, stdout=full.fileno())
    assert told(ended, 2) == "error: cannot write the output: No space left on device"
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert told(python.run("--url", url, *arguments, stdout=writing), 141) == ""
    finally:
        os.close(writing)


# Each command in a child of its own; `answer` is how each of them ended.
EACH_IN_A_CHILD = """
import gc, os, runpy, sys
from mixpay_db.cli import main
gc.collect()
gc.freeze()
answer, command, url, *lines = sys.argv[1:]
for line in lines:
    if not (child := os.fork()):
        break
    with open(answer, "a") as told:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=told)
else:
    raise SystemExit
sys.argv = ["mixpay", "--url", url, *line.split()]
runpy.run_path(command)
"""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_from_the_beginning(url: str, tmp_path: Path, closed: str) -> None:
    """Of the Python of which each is a child."""
    commands = {"report channel_list": 0, "report nope": 2, "check": 0}
    answer = tmp_path / "answer"
    ended = subprocess.run(
        ["bash", "-c", f'exec "$@" {closed}', "bash", sys.executable, "-c", EACH_IN_A_CHILD,
         answer, MIXPAY, url, *commands],
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False)
    assert [int(status) for status in answer.read_text().split()] == [*commands.values()]


@pytest.mark.parametrize("version", ["", *VERSIONS])
def test_an_old_database_is_told_to_migrate(empty_url: str, version: str) -> None:
    if version:
        fill(empty_url, version)
    commands: list[tuple[str, ...]] = [
        ("report", "order_balances"),
        ("check",),
        ("check", "--merchant", "m"),
        (*MERGE, "[]"),
        ("events", "--merchant", "m"),
        ("import", "-", "--merchant", "m", "--currency", "CNY"),
    ]
    for command in commands:
        ended = CliRunner().invoke(main, ["--url", empty_url, *command])
        assert isinstance(ended.exception, SystemExit), command
        assert ended.exit_code in (1, 2), command
        assert "mixpay migrate" in ended.stderr, (command, ended.stderr)


def test_a_database_with_fewer_columns_is_told_to_migrate(conn: Connection[Any], url: str) -> None:
    conn.execute("drop view mixpay.merchant_list cascade")
    conn.execute("create view mixpay.merchant_list as select merchant_id from mixpay.merchants")
    asked = ["--url", url, "report", "merchant_list", "--trade", "T"]
    assert "merchant_list has no column trade_no" in here(asked, 2)


def test_a_mistake_of_our_own_is_one_line(python: Begun) -> None:
    code = (
        "import click, sys\n"
        "from mixpay_db.cli import main\n"
        "@main.command()\n"
        "def oops():\n    {}['x']\n"
        "main(['oops'])"
    )
    assert "a mistake of mixpay's own: KeyError: 'x' (" in told(python.run_code(code), 70)
    assert "Traceback" in python.run_code(code, {"MIXPAY_TRACEBACK": "1"}).stderr


@pytest.fixture
def parent() -> Iterator[Path]:
    """Where the demo makes its server's directory, which is to be gone."""
    path = Path(tempfile.mkdtemp(prefix="ends-", dir=_roomy()))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    with copying(_roomy()) as programs:
        yield programs


# As the command starts it, but for the place.
DEMO = """
import runpy, sys, tempfile
make = tempfile.mkdtemp
tempfile.mkdtemp = lambda prefix, dir: make(prefix=prefix, dir={parent!r})
sys.argv = ["mixpay", "demo"]
runpy.run_path({command!r})
"""


def demo(
    python: Begun, parent: Path, programs: Path | None, *, loaded: bool
) -> subprocess.Popen[str] | Child:
    code = DEMO.format(parent=str(parent), command=str(MIXPAY))
    env = {} if programs is None else {"MIXPAY_PG_BIN": str(programs)}
    if loaded:
        return python.start(code, env)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **env},
    )


def what_goes_on(pid: int, parent: Path) -> str:
    """The processes below this one, and what the server says."""
    first = psutil.Process(pid)
    found = [p.as_dict(["pid", "status", "cmdline"]) for p in [first, *first.children(True)]]
    return "\n".join([*map(str, found), *(log.read_text() for log in parent.glob("*/server.log"))])


def those_of(parent: Path) -> list[psutil.Process]:
    return [
        found
        for found in psutil.process_iter(["cmdline"])
        if any(str(parent) in word for word in found.info["cmdline"] or [])
    ]


# The first moment at which initdb is over.
AFTER_INITDB = 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", range(8))
def test_nothing_of_the_demo_stays_when_it_is_interrupted(
    python: Begun, parent: Path, programs: Path, number: signal.Signals, moment: int
) -> None:
    """At a moment that is another one each time: what is seen of it says how far it is."""
    with_programs = programs if moment >= AFTER_INITDB else None
    process = demo(python, parent, with_programs, loaded=moment > 0)
    seen = [
        lambda: True,
        lambda: any(parent.iterdir()),
        lambda: any(parent.glob("*/data.partial")),
        lambda: any(parent.glob("*/data.partial/base")),
        lambda: any(parent.glob("*/data")),
        lambda: any(parent.glob("*/data/postmaster.pid")),
        lambda: any(parent.glob("*/socket/.s.PGSQL*")),
        lambda: bool(process.stdout and process.stdout.readline()),
    ][moment]
    while not seen() and process.poll() is None:
        time.sleep(0.001)
    if moment == 0:
        # While it is being loaded: a library of one of the first packages is there.
        maps = psutil.Process(process.pid).memory_maps
        while not any("psycopg" in found.path for found in maps()):
            time.sleep(0.001)
    os.killpg(process.pid, number)
    try:
        _, stderr = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        told = what_goes_on(process.pid, parent)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        pytest.fail(told, pytrace=False)
    assert "Traceback" not in stderr
    expected = endings.INTERRUPTED if number == signal.SIGINT else endings.TERMINATED
    # Before it has anything to put away, SIGTERM ends it as it ends everybody.
    assert process.returncode in {expected, -number if moment == 0 else expected}, stderr
    assert list(parent.iterdir()) == []
    deadline = time.monotonic() + 10
    # Whose files are gone is about to end.
    while left := those_of(parent):
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


def test_ctrl_c_ends_a_call_that_waits(conn: Connection[Any], url: str) -> None:
    conn.execute("select mixpay.register_merchant('m', 'x')")
    with psycopg.connect(url) as other:
        other.execute("lock table mixpay.merchants in access exclusive mode")
        command = ["call", "register_merchant", "--merchant-id", "m", "--title", "y"]
        process = subprocess.Popen(
            [MIXPAY, "--url", url, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        waiting = "select count(*) from pg_locks where not granted and database = %s"
        oid = "select oid from pg_database where datname = current_database()"
        [(database,)] = conn.execute(oid).fetchall()
        while conn.execute(waiting, [database]).fetchone() == (0,):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert "Traceback" not in stderr
    assert process.returncode == endings.INTERRUPTED
    assert conn.execute("select title from mixpay.merchant_list").fetchall() == [("x",)]


class Typist:
    """Somebody at a terminal."""

    def __init__(self, *command: str, env: dict[str, str]) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, env)
        self.seen = ""

    def types(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def sees(self, text: str) -> None:
        end = time.monotonic() + 60
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.seen += os.read(self.terminal, 65536).decode(errors="replace")

    def leaves(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


SHELLS = {
    "bash": ["bash", "-i"],
    "zsh": ["zsh", "-i"],
    "fish": ["fish", "-i"],
}


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_installed_and_completes(shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here")
    env = {
        "HOME": str(tmp_path),
        "PATH": f"{MIXPAY.parent}:{os.environ['PATH']}",
        "SHELL": f"/usr/bin/{shell}",
        "TERM": "dumb",
        "LANG": "C.UTF-8",
    }
    for _ in range(2):
        ended = subprocess.run(
            [MIXPAY, "completion", "--install"], env=env, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        assert str(tmp_path) in ended.stdout
    # bash, too, where its package bash-completion is installed: nobody knows whether it is loaded.
    lines = {
        path.name: path.read_text().splitlines() for path in tmp_path.iterdir() if path.is_file()
    }
    assert {name: len(found) for name, found in lines.items()} == (
        {} if shell == "fish" else {f".{shell}rc": 1}
    )
    typist = Typist(*SHELLS[shell], env=env)
    try:
        typist.types("echo rea''dy\n")
        typist.sees("ready")
        typist.types("mixpay verif\t")
        typist.sees("mixpay verify")
        typist.types("\x15mixpay report surplus_l\t")
        typist.sees("surplus_list")
        typist.types("\x15mixpay types --bigint stri\t")
        typist.sees("--bigint string")
        typist.types("\x15mixpay call record_payment --channel-t\t")
        typist.sees("--channel-txn-no")
        if shell == "zsh":
            typist.types("\x15mixpay re\t")
            typist.sees("reconcile  -- Load a statement of a channel or a bank,...")
    finally:
        typist.leaves()
    if shell == "fish":
        told = subprocess.run(
            ["fish", "-c", "complete -C 'mixpay re'"], env=env, capture_output=True, text=True
        )
        assert "reconcile\tLoad a statement of a channel or a bank,..." in told.stdout.splitlines()


def test_completion_knows_its_shell(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "SHELL": "/bin/tcsh"}
    said = here(["completion", "--install"], 2, env)
    assert "$SHELL is tcsh, which is none of bash, zsh, fish" in said
    for shell, word in (("bash", "complete -o"), ("zsh", "#compdef mixpay"), ("fish", "complete")):
        assert word in invoke(["completion", shell], 0, env).stdout
    (tmp_path / ".local").write_text("")
    assert "cannot write" in here(["completion", "bash", "--install"], 2, env)
