"""The pages' texts are complete in each language, and use the glossary's words."""

import re
from string import Formatter

import pytest
from recorded import PROJECT

from mixpay_db.pictures.words import LANGUAGES, catalogue

_WHO_AND_WHAT = (
    (PROJECT / "docs" / "glossary.md")
    .read_text(encoding="utf-8")
    .split("## Who and what")[1]
    .split("\n## ")[0]
    .split("|---|\n")[1]
)
GLOSSARY = re.findall(r"^\| ([a-z ]+) \| ([^|,]+?)(?:,[^|]*)? \|", _WHO_AND_WHAT, re.MULTILINE)
# A word, and what was never to be said for it.
OTHERWISE = {"en": re.compile(r"\b(held|kept|hold for|held back)\b", re.IGNORECASE)}


def fields(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_each_language_has_every_text() -> None:
    english = catalogue("en")
    for language in LANGUAGES:
        assert list(catalogue(language)) == list(english), language


def test_each_text_says_the_same_values() -> None:
    english = catalogue("en")
    for language in LANGUAGES:
        for key, text in catalogue(language).items():
            assert text.strip(), (language, key)
            assert fields(text) == fields(english[key]), (language, key)


def test_chinese_is_chinese() -> None:
    """Whoever adds a text in English says it in Chinese, too."""
    same = {
        key
        for key, text in catalogue("zh").items()
        if not re.search(r"[\u4e00-\u9fff]", Formatter().vformat(text, (), _Blank()))
    }
    names_only = {"flow.order", "flow.payment", "flow.payee", "flow.receiver"}
    assert same <= names_only


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


@pytest.mark.parametrize(("word", "chinese"), GLOSSARY)
def test_things_are_called_as_in_the_glossary(word: str, chinese: str) -> None:
    key = f"term.{word.replace(' ', '_')}"
    assert catalogue("en")[key].lower() == word
    # What stands in brackets is the longer name of the same thing.
    assert catalogue("zh")[key] == chinese.partition(" (")[0]


def test_the_glossary_is_read() -> None:
    assert len(GLOSSARY) > 20


@pytest.mark.parametrize("language", OTHERWISE)
def test_nothing_is_called_by_a_word_that_the_glossary_retired(language: str) -> None:
    for key, text in catalogue(language).items():
        assert not OTHERWISE[language].search(text), key


def test_every_state_has_a_word() -> None:
    states = (PROJECT / "sql" / "schema" / "state_transitions.sql").read_text(encoding="utf-8")
    named = {
        state
        for row in re.findall(r"^ *\((.*?)\)[,;]?$", states, re.MULTILINE)
        for state in re.findall(r"'([a-z_]+)'", row)[1:]
    }
    assert len(named) > 10
    assert {f"state.{state}" for state in named} <= set(catalogue("en"))
