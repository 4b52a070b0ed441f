"""What is printed somewhere and recorded in the repository; MIXPAY_RECORD=1 records it anew."""

import os
import re
import subprocess
from pathlib import Path

import psutil
from click.testing import CliRunner

from mixpay_db.cli import main
from mixpay_db.embedded import find_binaries

PROJECT = Path(__file__).resolve().parent.parent
RECORDS = bool(os.environ.get("MIXPAY_RECORD"))
# A settlement leaves for the next one what came after a transaction that still runs, be it another
# test's on the same server. So scripts wait before they settle; nobody has to see that.
WAIT = (
    "do $wait$ declare e xid8 := pg_snapshot_xmax(pg_current_snapshot()); begin "
    "while (select xid from mixpay.final_below) < e loop perform pg_sleep(0.01); end loop; end "
    "$wait$;\n"
)


def psql(url: str, script: Path) -> str:
    """All that psql prints of a script, with the script's own lines between."""
    text = re.sub(r"^(?=select [^;]* mixpay\.settle_)", WAIT, script.read_text("utf-8"), flags=re.M)
    run = subprocess.run(
        [find_binaries() / "psql", "--no-psqlrc", "--quiet", "--echo-all", url],
        input=text.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PGTZ": "UTC", "PGCLIENTENCODING": "UTF8", "LC_ALL": "C"},
        check=True,
    )
    # psql fills headings up with blanks.
    told = run.stdout.decode().replace(WAIT, "")
    return "".join(f"{line.rstrip()}\n" for line in told.splitlines())


def demo() -> str:
    """All that the demo tells."""
    running = psutil.Process().children()
    result = CliRunner().invoke(main, ["demo"], env={"MIXPAY_URL": "host=/nowhere"})
    assert result.exit_code == 0, result.output
    assert psutil.Process().children() == running, "its server runs on"
    return result.stdout
