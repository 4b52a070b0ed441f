"""A server's programs, but for an initdb that copies what initdb made once: a quarter of its cost.

For tests of what comes after it; named by MIXPAY_PG_BIN, a process of `mixpay` uses them, too.
"""

import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mixpay_db import embedded

_INITDB = """\
#!/bin/sh
# The directory is the last word.
for directory; do :; done
exec cp -a {made}/. "$directory"
"""


class _Made(embedded._Server):
    """Not a server, but its data."""

    def make(self, binaries: Path) -> Path:
        self._own_home()
        self._initdb(binaries)
        return self.data


@contextmanager
def copying(parent: Path) -> Iterator[Path]:
    """The directory of the programs; `parent` is one that the server's user can pass through."""
    found = embedded.find_binaries()
    with tempfile.TemporaryDirectory(prefix="mixpay-programs-", dir=parent) as name:
        home = Path(name)
        made = _Made(home, {}).make(found)
        programs = home / "bin"
        programs.mkdir()
        for program in found.iterdir():
            (programs / program.name).symlink_to(program)
        initdb = programs / "initdb"
        initdb.unlink()
        initdb.write_text(_INITDB.format(made=shlex.quote(str(made))), encoding="utf-8")
        for path in (programs, initdb):
            path.chmod(0o755)
        yield programs
