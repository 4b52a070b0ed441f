"""The site of `make docs`: all is in it, links lead somewhere, and it asks nobody else."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from recorded import PROJECT

HERE = "https://site.example/"


def builder() -> ModuleType:
    found = importlib.util.spec_from_file_location("build", PROJECT / "docs" / "site" / "build.py")
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


class Page(HTMLParser):
    """What a page links to, loads, and can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.anchors.add(said.get("id", ""))
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        elif tag in ("script", "img", "iframe", "source") and "src" in said:
            self.loads.append(said["src"])
        elif tag == "link" and said.get("rel") not in ("canonical", "prev", "next", "alternate"):
            self.loads.append(said["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without drawing, which takes a second for each diagram."""
    target = tmp_path_factory.mktemp("site") / "site"
    builder().build(target, draw=lambda diagram: f"<svg><title>{len(diagram)}</title></svg>")
    return target


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {
        urljoin(HERE, path.relative_to(site).as_posix().removesuffix("index.html")): Page(
            path.read_text(encoding="utf-8")
        )
        for path in site.rglob("*.html")
    }


def test_has_every_document(site: Path) -> None:
    expected = {
        path.relative_to(PROJECT).as_posix()
        for pattern in builder().DOCUMENTS
        for path in PROJECT.glob(pattern)
    }
    assert {"README.md", "docs/tour.md", "docs/services/java.md"} <= expected
    for document in expected:
        name = re.sub(r"README\.md$|\.md$", "", document)
        assert (site / name / "index.html").is_file(), document


def test_leads_to_every_document() -> None:
    """A page that is in no menu is found by nobody."""
    settings = tomllib.loads((PROJECT / "docs/site/zensical.toml").read_text(encoding="utf-8"))

    def named(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        entries = entry.values() if isinstance(entry, dict) else entry
        return [name for each in entries for name in named(each)]

    documents = {
        path.relative_to(PROJECT).as_posix()
        for pattern in builder().DOCUMENTS
        for path in PROJECT.glob(pattern)
    }
    assert sorted(named(settings["project"]["nav"])) == sorted(documents)


def test_links_lead_somewhere(site: Path, pages: dict[str, Page]) -> None:
    checked = 0
    for address, page in pages.items():
        if address.endswith("404.html"):
            continue
        for link in page.links:
            target, _, anchor = urljoin(address, link).partition("#")
            if not target.startswith(HERE):
                continue
            path = unquote(urlsplit(target).path)
            assert target in pages or (site / path.lstrip("/")).is_file(), f"{address}: {link}"
            if anchor and target in pages:
                assert unquote(anchor) in pages[target].anchors, f"{address}: {link}"
            checked += 1
    assert checked > 1000


def test_loads_nothing_from_elsewhere(site: Path, pages: dict[str, Page]) -> None:
    for address, page in pages.items():
        for link in page.loads:
            assert urljoin(address, link).startswith(HERE), f"{address}: {link}"
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.findall(r"url\([\"']?(?:https?:)?//", styles)


def test_diagrams_are_drawn(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each kind; all of them are what `make docs` draws."""
    build = builder()
    monkeypatch.setattr(build, "DRAWN", tmp_path)
    for kind, document in (("stateDiagram", "states"), ("erDiagram", "tables")):
        text = (PROJECT / "docs" / f"{document}.md").read_text(encoding="utf-8")
        diagram = min(re.findall(r"^```mermaid\n(.*?)^```$", text, re.M | re.S), key=len)
        assert diagram.startswith(kind)
        assert re.match(r'<svg[^>]* width="100%"[^>]* viewBox="', build.draw(diagram))
        assert "Syntax error" not in build.draw(diagram)
        shown = (site / "docs" / document / "index.html").read_text(encoding="utf-8")
        assert shown.count('class="diagram"') == text.count("```mermaid\n")
        assert f"<title>{len(diagram)}</title>" in shown


def test_diagrams_are_as_large_as_their_letters_want() -> None:
    """Whatever the page's width is: a wide one scrolls, and can be scrolled with the keyboard."""
    drawn = '<svg id="d1" width="100%" viewBox="0 0 2000.5 300"><rect width="100%"/></svg>'
    shown = builder()._figure("erDiagram\n", lambda _: drawn)
    assert 'width="1500" viewBox="0 0 2000.5 300"><rect width="100%"/>' in shown
    assert 'tabindex="0"' in shown


def test_follows_the_system_until_somebody_chooses() -> None:
    """The first scheme is what a visitor gets, and it is remembered."""
    settings = tomllib.loads((PROJECT / "docs/site/zensical.toml").read_text(encoding="utf-8"))
    media = [scheme["media"] for scheme in settings["project"]["theme"]["palette"]]
    assert media == [
        "(prefers-color-scheme)",
        "(prefers-color-scheme: light)",
        "(prefers-color-scheme: dark)",
    ]


def test_files_are_pages(site: Path) -> None:
    shown = (site / "examples" / "surplus.out" / "index.html").read_text(encoding="utf-8")
    assert '<h1 id="examplessurplusout">examples/surplus.out' in shown
    assert "register_merchant" in shown
