"""The site of README.md and docs, built by `make docs` in build/site.

Its sources are a copy of the documents that needs nothing from outside: diagrams are drawn, files
that a document links to are pages of their own, and a folder is a list of its files.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import mermaidx

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
SITE = PROJECT / "build" / "site"
DRAWN = PROJECT / "build" / "diagrams"
DOCUMENTS = ("*.md", "docs/*.md", "docs/services/*.md", "docs/decisions/*.md")
# What a fenced block of a file's text is called.
LANGUAGES = {"py": "python", "js": "javascript", "rb": "ruby", "out": "sql", "rs": "rust"}

_LINK = re.compile(r"(?<=\]\()(?!https?:|#)(?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
# Its letters are 16 pixels high; three quarters of that are still read without effort.
_SCALE = 0.75
_THEME = "%%{init: {'theme': 'neutral', 'fontFamily': 'DejaVu Sans, Verdana, sans-serif'}}%%\n"


def draw(diagram: str) -> str:
    """A Mermaid diagram as SVG. It takes a second or two, so what was drawn once stays."""
    number = hashlib.sha256((_THEME + diagram).encode()).hexdigest()[:12]
    drawn = DRAWN / f"{number}.svg"
    if not drawn.exists():
        _write(drawn, mermaidx.render(_THEME + diagram).svg().replace("my-svg", f"d{number}"))
    return drawn.read_text(encoding="utf-8")


def build(target: Path = SITE, *, draw: Callable[[str], str] = draw) -> None:
    """All of it; what stood there before goes."""
    with TemporaryDirectory() as folder:
        source = Path(folder)
        pages = source / "pages"
        for pattern in DOCUMENTS:
            for document in sorted(PROJECT.glob(pattern)):
                _stage(document, pages, draw)
        _copy(HERE / "site.css", pages / "docs" / "site" / "site.css")
        _copy(HERE / "zensical.toml", source / "zensical.toml")
        subprocess.run(
            [Path(sys.executable).parent / "zensical", "build", "--strict"], cwd=source, check=True
        )
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source / "site", target)


def _stage(document: Path, pages: Path, draw: Callable[[str], str]) -> None:
    """A copy of a document, and whatever it links to that is none."""
    text = document.read_text(encoding="utf-8")
    pieces: list[str] = []
    for block, is_fence in _pieces(text):
        if is_fence is None:
            pieces.append(_LINK.sub(lambda link: _target(document, link, pages), block))
        elif is_fence["language"] == "mermaid":
            pieces.append(_figure(is_fence["text"], draw))
        else:
            pieces.append(block)
    _write(pages / document.relative_to(PROJECT), "".join(pieces))


def _pieces(text: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Fenced blocks, and what is between them."""
    end = 0
    for fence in _FENCE.finditer(text):
        yield text[end : fence.start()], None
        yield fence[0], fence
        end = fence.end()
    yield text[end:], None


def _target(document: Path, link: re.Match[str], pages: Path) -> str:
    path = (document.parent / link["target"]).resolve()
    if path.is_dir() and not (path / "README.md").exists():
        _list(path, pages)
        return f"{link['target'].rstrip('/')}/README.md"
    if path.is_file() and path.suffix not in (".md", ".svg", ".png"):
        _show(path, pages)
        return f"{link['target']}.md"
    if path.is_file() and path.suffix != ".md":
        _copy(path, pages / path.relative_to(PROJECT))
    return link[0]


def _list(folder: Path, pages: Path) -> None:
    name = folder.relative_to(PROJECT)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_tracked(path)]
    for path in files:
        _show(path, pages)
    rows = (f"- [{f.relative_to(folder)}]({f.relative_to(folder)}.md)\n" for f in files)
    _write(pages / name / "README.md", f"# {name}\n\n{''.join(rows)}")


def _is_tracked(path: Path) -> bool:
    """What somebody installed or compiled beside the sources is not shown."""
    asked = subprocess.run(
        ["git", "ls-files", "--error-unmatch", path], cwd=PROJECT, capture_output=True
    )
    return asked.returncode == 0


def _show(path: Path, pages: Path) -> None:
    """A file as a page: its name, and its text in a block."""
    name = path.relative_to(PROJECT)
    kind = path.suffix.removeprefix(".")
    text = path.read_text(encoding="utf-8")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    language = LANGUAGES.get(kind, kind)
    _write(pages / f"{name}.md", f"# {name}\n\n{fence}{language}\n{text}{fence}\n")


def _figure(diagram: str, draw: Callable[[str], str]) -> str:
    described = escape(diagram.split("\n", 1)[0], quote=True)
    # One line: a blank one would end the block of HTML.
    drawn = _sized(" ".join(draw(diagram).split()))
    return (
        f'<figure class="diagram" role="img" tabindex="0" aria-label="{described}">{drawn}</figure>'
    )


def _sized(drawn: str) -> str:
    """As large as its letters want it: a wide one scrolls, a small one is not blown up."""
    width = re.search(r'^<svg[^>]* viewBox="\S+ \S+ (\S+) ', drawn)
    if width is None:
        return drawn
    return drawn.replace('width="100%"', f'width="{float(width[1]) * _SCALE:.0f}"', 1)


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    build()
