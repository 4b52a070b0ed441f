"""The texts of the pages, in each language: files of the same keys beside this one.

What the database says in words of its own, as reasons and advice, is in English, with amounts in
smallest units. Beside these files stands how each language says it to people. What a person wrote
is shown as it is.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
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


def check(language: str, name: str) -> str:
    """What a check says, in this language; in English, its name says it."""
    return _told(language).get("checks", {}).get(name) or name.replace("_", " ")


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile("(.+?)".join(map(re.escape, phrase.split("%s")))), text)
        for phrase, text in phrases(language).items()
    ]


class _Named(str):
    """What a phrase names. Written as {0:money} it is an amount, in decimals if there are any."""

    __slots__ = ("money",)
    money: Callable[[int], str] | None

    def __format__(self, spec: str) -> str:
        if spec == "money" and self.money is not None and re.fullmatch("-?[0-9]+", self):
            return self.money(int(self))
        return str(self)


def translated(language: str, text: str, money: Callable[[int], str] | None = None) -> str:
    """What the database says, in this language; what nobody has a phrase for, as it is.

    `money` writes an amount of the currency that the text is about.
    """
    if text in phrases(language):
        return phrases(language)[text]
    for join in _JOINS:
        parts = text.split(join)
        said = [translated(language, part, money) for part in parts] if len(parts) > 1 else parts
        if all(part != new for part, new in zip(parts, said, strict=True)):
            return _told(language)["between"]["and"].join(said)
    for pattern, words in _patterns(language):
        if found := pattern.fullmatch(text):
            named = [_Named(group) for group in found.groups()]
            for name in named:
                name.money = money
            return words.format(*named)
    return text
