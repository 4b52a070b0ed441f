"""docs/reference.md is what the catalog says."""

import re
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from mixpay_db import calls, docs, errors


def test_the_committed_reference_is_fresh(conn: Connection[Any]) -> None:
    assert docs.REFERENCE.read_text("utf-8") == docs.reference(conn), "run make docs"


def test_it_has_everything(conn: Connection[Any]) -> None:
    text = docs.reference(conn)
    headings = set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
    named = conn.execute(
        "select relname from pg_class "
        "where relnamespace = 'mixpay'::regnamespace and relkind in ('r', 'v', 'c') "
        "and relname not like '\\_%'"
    )
    assert headings == {*calls.CALLS, *(name for (name,) in named)}
    for code, error in errors.CLASSES.items():
        assert f"{code} | {error.__name__} | {error.__doc__}" in text


def test_its_links_lead_somewhere(conn: Connection[Any]) -> None:
    text = docs.reference(conn)
    places = {heading.lower() for heading in re.findall(r"^#+ (\w+)$", text, re.MULTILINE)}
    places |= set(re.findall(r'<a id="(\w+)">', text))
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert len(links) > 50
    assert links <= places


def test_make_docs_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REFERENCE", "STATES"):
        monkeypatch.setattr(docs, name, tmp_path / f"{name}.md")
    docs.main()
    assert (tmp_path / "REFERENCE.md").read_text("utf-8").startswith("# Reference\n")
    assert (tmp_path / "STATES.md").read_text("utf-8").startswith("# States\n")
