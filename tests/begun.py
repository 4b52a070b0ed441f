"""`mixpay` in a process of its own whose Python has begun already: a fifth of its cost.

One process loads the command and waits. Each command is a child of it, with outputs, environment
and session of its own, and ends as every Python does. For tests of how Python begins this is not.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MIXPAY = Path(sys.executable).parent / "mixpay"
# What waits, its standard input a socket. A child goes on behind the loop.
_WAITS = """
import gc, json, os, socket
import click
from mixpay_db.cli import main
for name in main.list_commands(click.Context(main)):
    main.get_command(click.Context(main), name)
# What is loaded is no child's garbage: to look at it would cost more than most commands.
gc.collect()
gc.freeze()
asked = socket.socket(fileno=os.dup(0))
while True:
    text, opened, _, _ = socket.recv_fds(asked, 1 << 20, 3)
    if not text:
        raise SystemExit
    *opened, answer = opened
    child = os.fork()
    if not child:
        break
    for output in opened:
        os.close(output)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(answer, f"{status}\\n".encode())
    os.close(answer)
asked.close()
os.setsid()
os.write(answer, f"{os.getpid()}\\n".encode())
os.close(answer)
for place, output in enumerate([os.open(os.devnull, os.O_RDONLY), *opened]):
    os.dup2(output, place)
    os.close(output)
code, environment = json.loads(text)
os.environ.clear()
os.environ.update(environment)
exec(code)
"""


class Child:
    """A command that runs, in the words of subprocess.Popen."""

    def __init__(self, stdout: int, stderr: int, answer: int) -> None:
        self.stdout, self.stderr, self._answer = (
            os.fdopen(pipe, "rb", buffering=0) for pipe in (stdout, stderr, answer)
        )
        self.pid = int(self._answer.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._ended(0)

    def _ended(self, seconds: float) -> int | None:
        if self.returncode is None and select.select([self._answer], [], [], seconds)[0]:
            self.returncode = int(self._answer.readline())
            self._answer.close()
        return self.returncode

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """What it says until it ends."""
        deadline = time.monotonic() + timeout
        said: dict[Any, bytes] = {self.stdout: b"", self.stderr: b""}
        opened = [*said]
        while opened:
            ready = select.select(opened, [], [], max(0, deadline - time.monotonic()))[0]
            if not ready:
                raise subprocess.TimeoutExpired("mixpay", timeout)
            for pipe in ready:
                more = pipe.read(65536)
                said[pipe] += more
                if not more:
                    opened.remove(pipe)
        if self._ended(max(0, deadline - time.monotonic())) is None:
            raise subprocess.TimeoutExpired("mixpay", timeout)
        self.close()
        stdout, stderr = (text.decode(errors="surrogateescape") for text in said.values())
        return stdout, stderr

    def close(self) -> None:
        """However far it is."""
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._ended(60)
        self.stdout.close()
        self.stderr.close()


class Begun:
    """The process that waits: for one command after the other."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        self._child: Child | None = None

    def start(
        self, code: str, env: dict[str, str] | None = None, stdout: int | None = None
    ) -> Child:
        """Python text, with `env` beside our environment; its output goes into a pipe, or there."""
        self.close()
        pipes = [os.pipe() for _ in range(3)]
        out, err, answer = (end for _, end in pipes)
        asked = json.dumps([code, {**os.environ, **(env or {})}])
        to = [out if stdout is None else stdout, err, answer]
        socket.send_fds(self._asked, [asked.encode()], to)
        for end in (out, err, answer):
            os.close(end)
        self._child = Child(*(end for end, _ in pipes))
        return self._child

    def begin(self, *words: str) -> Child:
        """`mixpay` with these words, which goes on meanwhile."""
        return self.start(_of(words))

    def close(self) -> None:
        """The command before, if a test has failed and left it."""
        if self._child is not None:
            self._child.close()

    def run(
        self, *words: str, env: dict[str, str] | None = None, stdout: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`mixpay` with these words."""
        return self.run_code(_of(words), env, stdout)

    def run_code(
        self, code: str, env: dict[str, str] | None = None, stdout: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Python text, until it ends."""
        child = self.start(code, env, stdout)
        said = child.communicate()
        assert child.returncode is not None
        return subprocess.CompletedProcess(code, child.returncode, *said)


def _of(words: Iterable[str]) -> str:
    """What starts `mixpay` with these words."""
    argv = ["mixpay", *words]
    return f"import runpy, sys\nsys.argv = {argv!r}\nrunpy.run_path({str(MIXPAY)!r})"


@contextmanager
def begun() -> Iterator[Begun]:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # Its own outputs are what those of its children are, pipes: Python looks at them as it begins.
    with (
        ours,
        its,
        subprocess.Popen(
            [sys.executable, "-c", _WAITS],
            stdin=its.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as waits,
    ):
        its.close()
        begun = Begun(ours)
        try:
            yield begun
        finally:
            begun.close()
            ours.close()
        assert waits.communicate() == (b"", b"")
