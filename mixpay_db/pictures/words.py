"""The texts of the pages, in each language: files of the same keys beside this one.

What the database says in words of its own, as reasons and advice, is in English. Beside these files
stands how each other language says it; what a person wrote is shown as it is.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "English", "zh": "中文"}
_HERE = Path(__file__).resolve().parent / "words"
# Between two things that one text says.
_JOINS = ("; ", ", fallback, ")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every text by its key, as in page.skip."""
    tables = tomllib.loads((_HERE / f"{language}.toml").read_text(encoding="utf-8"))
    return {
        f"{table}.{key}": text for table, texts in tables.items() for key, text in texts.items()
    }


def say(language: str, key: str, /, **values: Any) -> str:
    return catalogue(language)[key].format(**values)


@cache
def _told(language: str) -> Mapping[str, Mapping[str, str]]:
    path = _HERE / f"told.{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def phrases(language: str) -> Mapping[str, str]:
    """What the database says, and how this language says it."""
    return _told(language).get("told", {})


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile("(.+?)".join(map(re.escape, phrase.split("%s")))), text)
        for phrase, text in phrases(language).items()
    ]


def translated(language: str, text: str) -> str:
    """What the database says, in this language; what nobody has a phrase for, as it is."""
    if text in phrases(language):
        return phrases(language)[text]
    for join in _JOINS:
        parts = text.split(join)
        said = [translated(language, part) for part in parts] if len(parts) > 1 else parts
        if all(part != new for part, new in zip(parts, said, strict=True)):
            return _told(language)["between"]["and"].join(said)
    for pattern, words in _patterns(language):
        if found := pattern.fullmatch(text):
            return words.format(*found.groups())
    return text
