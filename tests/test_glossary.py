"""Nobody says what docs/glossary.md says is not said."""

import re
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from recorded import PROJECT

GLOSSARY = PROJECT / "docs" / "glossary.md"
_TEXT, _RETIRED = GLOSSARY.read_text(encoding="utf-8").split("## Words that are not used\n")
RETIRED = re.findall(r"^\| `([^`]+)` \|", _RETIRED, re.MULTILINE)
_ANY_RETIRED = re.compile(
    rf"(?<![a-z])(?:{'|'.join(map(re.escape, RETIRED))})(?![a-z])", re.IGNORECASE
)
# What is said all the same: a receiver keeps his share.
EXCEPTIONS = ("kept_on_refund", "kept on refund", "the_remainder_is_not_kept")
# The changelog tells what was called how before; migrations, too. The glossary's own list does.
WRITTEN = sorted(
    path
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "sql/**/*.sql",
        "examples/**/*",
        "mixpay_db/**/*.py",
        "mixpay_db/**/*.j2",
        "bench/**/*.py",
    )
    for path in PROJECT.glob(pattern)
    if path.is_file()
    and path not in {PROJECT / "CHANGELOG.md", GLOSSARY}
    and not {"node_modules", "__pycache__"} & set(path.parts)
)
# Everything that bears a name of ours, and what is said about it.
NAMES = """
select relname::text from pg_class where relnamespace = 'mixpay'::regnamespace
union all
select format('%s.%s', c.relname, a.attname)
from pg_attribute as a
inner join pg_class as c on c.oid = a.attrelid
where c.relnamespace = 'mixpay'::regnamespace and a.attnum > 0 and not a.attisdropped
union all
select typname::text from pg_type where typnamespace = 'mixpay'::regnamespace
union all
select conname::text from pg_constraint where connamespace = 'mixpay'::regnamespace
union all
select proname::text from pg_proc where pronamespace = 'mixpay'::regnamespace
union all
select format('%s(%s)', proname, array_to_string(proargnames, ', '))
from pg_proc
where pronamespace = 'mixpay'::regnamespace
union all
select prosrc from pg_proc where pronamespace = 'mixpay'::regnamespace
union all
select description
from pg_description
where objoid in (
    select oid from pg_class where relnamespace = 'mixpay'::regnamespace
    union all select oid from pg_type where typnamespace = 'mixpay'::regnamespace
    union all select oid from pg_proc where pronamespace = 'mixpay'::regnamespace
    union all select oid from pg_constraint where connamespace = 'mixpay'::regnamespace
)
union all
select cause from mixpay.state_transitions
"""


def said(text: str) -> list[str]:
    """The retired words in a text, each with what stands around it."""
    for phrase in EXCEPTIONS:
        text = text.replace(phrase, "")
    # An underscore parts words, as a space or the end of a line does.
    text = " ".join(re.split(r"(?:[\s_]|-- |# )+", text))
    return [
        text[max(found.start() - 40, 0) : found.end() + 40].strip()
        for found in _ANY_RETIRED.finditer(text)
    ]


def test_the_glossary_retires_words() -> None:
    assert {"held", "kept"} <= set(RETIRED)


@pytest.mark.parametrize("word", RETIRED)
@pytest.mark.parametrize("text", ["{}", "What is {} of it.", "is_{}_there", "\n-- {}\n", "p.{},"])
def test_a_retired_word_is_found(word: str, text: str) -> None:
    assert said(text.format(word))
    assert said(text.format(word.capitalize()))


def test_a_word_over_two_lines_is_found() -> None:
    assert said("-- whoever settles a channel\n    -- refund") == [
        "whoever settles a channel refund"
    ]


def test_other_words_are_not_found() -> None:
    assert (
        said("withheld, heldin, kept_on_refund, card 2 % kept on refund, holds, keeps_paid") == []
    )


def test_nothing_in_the_database_is_called_so(conn: Connection[Any]) -> None:
    names = [name for (name,) in conn.execute(NAMES).fetchall() if name]
    assert {"order_balances.in_escrow", "payments", "refund_share.refundable"} <= set(names)
    assert [found for name in names for found in said(name)] == []


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(PROJECT)))
def test_nothing_written_says_so(path: Path) -> None:
    assert said(path.name) == []
    assert said(path.read_text(encoding="utf-8")) == []


def test_the_glossary_keeps_to_itself() -> None:
    assert said(_TEXT) == []


def test_a_word_stands_once_in_the_glossary() -> None:
    words = re.findall(r"^\| ([^`|]+) \|", _TEXT, re.MULTILINE)
    words = [word for word in words if word not in {"word", "---"}]
    assert words == list(dict.fromkeys(words))
