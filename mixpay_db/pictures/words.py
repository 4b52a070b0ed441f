"""The texts of the pages, in each language: files of the same keys beside this one."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "English", "zh": "中文"}
_HERE = Path(__file__).resolve().parent / "words"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every text by its key, as in page.skip."""
    tables = tomllib.loads((_HERE / f"{language}.toml").read_text(encoding="utf-8"))
    return {
        f"{table}.{key}": text for table, texts in tables.items() for key, text in texts.items()
    }


def say(language: str, key: str, /, **values: Any) -> str:
    return catalogue(language)[key].format(**values)
