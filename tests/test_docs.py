"""The documents lead somewhere: their links, and the tests and files that they name."""

import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest
from recorded import PROJECT

DOCUMENTS = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]
EDGE_CASES = (PROJECT / "docs" / "edge-cases.md").read_text(encoding="utf-8")
# Each case's number, and what stands below its heading.
CASES = re.findall(r"^## (E\d\d) .+\n((?:(?!## ).*\n)+)", EDGE_CASES, re.MULTILINE)


@cache
def all_tests() -> list[str]:
    """All of them, as tests/FILE.py::NAME."""
    return [
        f"{path.relative_to(PROJECT).as_posix()}::{name}"
        for path in sorted((PROJECT / "tests").rglob("test_*.py"))
        for name in re.findall(
            r"^ *(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    ]


def named(text: str) -> list[str]:
    return re.findall(r"`(tests/[^`]+::[^`]+)`", text)


@cache
def anchors(document: Path) -> set[str]:
    """Of each heading, as GitHub makes them, and those that are written out."""
    text = document.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = [re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings]
    return {*made, *re.findall(r'<a id="([^"]+)"', text)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if re.match(r"https?:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (document.parent / target).resolve() if target else document
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:sql|docs|examples|tests|mixpay_db)/[\w./-]+)`", text):
        assert (PROJECT / name).exists(), name


def test_every_edge_case_has_its_place() -> None:
    numbers = [number for number, _ in CASES]
    assert numbers == [f"E{i:02}" for i in range(1, 56)]
    # Whoever writes a test of a case writes down the case.
    tested = {number for test in all_tests() for number in re.findall(r"_(e\d\d)_", test)}
    assert tested <= {number.lower() for number in numbers}


@pytest.mark.parametrize(("number", "text"), CASES, ids=[number for number, _ in CASES])
def test_an_edge_case_names_its_tests(number: str, text: str) -> None:
    patterns = named(text)
    for pattern in patterns:
        assert any(fnmatchcase(test, pattern) for test in all_tests()), pattern
    for test in all_tests():
        if f"_{number.lower()}_" in test.partition("::")[2]:
            assert any(fnmatchcase(test, pattern) for pattern in patterns), test
    assert patterns or "Not yet." in text
    assert not patterns or "Not yet." not in text


def test_every_edge_case_is_an_answer() -> None:
    questions = (PROJECT / "docs" / "faq.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\[(E\d\d)\]", questions)) == {number for number, _ in CASES}


def test_tests_that_are_named_exist() -> None:
    for document in DOCUMENTS:
        for pattern in named(document.read_text(encoding="utf-8")):
            assert any(fnmatchcase(test, pattern) for test in all_tests()), f"{document}: {pattern}"
