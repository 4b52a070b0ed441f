"""What is printed somewhere and recorded in the repository; MIXPAY_RECORD=1 records it anew."""

import os
import subprocess
from pathlib import Path

from mixpay_db.embedded import find_binaries

PROJECT = Path(__file__).resolve().parent.parent
RECORDS = bool(os.environ.get("MIXPAY_RECORD"))


def psql(url: str, script: Path) -> str:
    """All that psql prints of a script, with the script's own lines between."""
    run = subprocess.run(
        [find_binaries() / "psql", "--no-psqlrc", "--quiet", "--echo-all", url],
        input=script.read_bytes(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PGTZ": "UTC", "PGCLIENTENCODING": "UTF8", "LC_ALL": "C"},
        check=True,
    )
    # psql fills headings up with blanks.
    return "".join(f"{line.rstrip()}\n" for line in run.stdout.decode().splitlines())
