"""The pages' texts are complete in each language, and use the glossary's words."""

import ast
import re
import tomllib
from pathlib import Path
from string import Formatter
from types import ModuleType

import pytest
from recorded import PROJECT

from mixpay_db import web
from mixpay_db.pictures import books
from mixpay_db.pictures.words import LANGUAGES, catalogue, check, phrases, translated

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


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_states_have_one_word(language: str) -> None:
    told = catalogue(language)
    states = [text for key, text in told.items() if key.startswith("state.")]
    assert sorted(states) == sorted(set(states))


def test_what_english_says_by_one_word_chinese_tells_apart() -> None:
    told = catalogue("zh")
    # A payee's money is payable in another sense than an order.
    assert told["column.payable"] == told["flow.payable"] != told["state.payable"]
    assert told["work.doubt"] == told["state.doubt"]


SQL = PROJECT / "sql"
WORDS = PROJECT / "mixpay_db" / "pictures" / "words"
# Where the database says something in words of its own, that a page shows.
SAYS = {
    "views/reconciliation_differences.sql": r"(?:then|else|format\()\s*'([^']+ [^']+)'",
    "views/due_list.sql": r"(?:then|format\()\s*'([^']+ [^']+)'",
    "functions/reserving/_find_destination.sql": (
        r"(?:format\(|reason := )\s*'([a-z]+: [^']+|manual)'"
    ),
}
REASON = re.compile(r"reason := (?:format\()?'([^',;]+)'")


def said_by_the_database() -> set[str]:
    found = {
        phrase
        for path, pattern in SAYS.items()
        for phrase in re.findall(pattern, (SQL / path).read_text(encoding="utf-8"))
    }
    for path in (SQL / "functions").rglob("*.sql"):
        found |= set(REASON.findall(path.read_text(encoding="utf-8")))
    return found


def test_what_the_database_says_is_said_in_each_language() -> None:
    said = said_by_the_database()
    assert len(said) > 30
    for language in LANGUAGES:
        if language != "en":
            assert said <= set(phrases(language)), said - set(phrases(language))


def problems(module: ModuleType) -> set[str]:
    """What a page says when it cannot show what was asked for, and what to do then."""
    texts = [
        ast.unparse(text)
        for call in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("Problem", "NotOnRecord")
        # What to do about a number that is not there is for the terminal.
        for text in call.args[: 1 if ast.unparse(call.func) == "NotOnRecord" else 2]
        if isinstance(text, ast.Constant | ast.JoinedStr)
    ]
    return {re.sub(r"\{[^}]*\}", "x", ast.literal_eval(text.removeprefix("f"))) for text in texts}


def test_problems_of_the_pages_are_said_in_each_language() -> None:
    said = problems(books) | problems(web)
    assert len(said) > 12
    assert {text for text in said if translated("zh", text) == text} == set()


def test_what_channels_are_said_to_say_is_said_in_each_language() -> None:
    said = [
        "manual: claimed before, so look whether it was sent",
        "no answer: Connection refused",
        "no answer before the lease ends",
        "the answer does not end",
        "the channel says unknown",
        "HTTP 200 with no JSON object",
        "HTTP 200 with no JSON",
        "HTTP 200 with state 'odd'",
        "an answer about amount 100",
    ]
    assert {text for text in said if translated("zh", text) == text} == set()
    assert translated("zh", "no answer: Connection refused") == "没有应答：Connection refused"


def test_each_check_is_said_in_each_language() -> None:
    checks = sorted(path.stem for path in (SQL / "checks").glob("*.sql"))
    assert len(checks) > 85
    said = tomllib.loads((WORDS / "told.zh.toml").read_text(encoding="utf-8"))["checks"]
    assert list(said) == checks
    for name, text in said.items():
        assert re.search(r"[\u4e00-\u9fff]", text), name
        assert check("zh", name) == text
        assert check("en", name) == name.replace("_", " ")


def test_phrases_name_what_they_are_given() -> None:
    for language in LANGUAGES:
        for phrase, text in phrases(language).items():
            places = {str(i) for i in range(phrase.count("%s"))}
            assert fields(text) == places, phrase
            assert re.search(r"[\u4e00-\u9fff]" if language == "zh" else "[a-z]", text), phrase


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("another line says the same", "另有一行内容相同"),
        (
            "the statement says 2999, and -3000 is on record",
            "对账单为 29.99，账上为 -30.00",
        ),
        ("channel transaction X 1; its moment came later", "通道交易 X 1；时间后来才得知"),
        (
            "manual, fallback, window: pos sends money back for 1 day after a payment",
            "需人工处理；期限：pos 只在支付后 1 day 内退款",
        ),
        ("the buyer said so", "the buyer said so"),
        ("said; and done", "said; and done"),
    ],
)
def test_what_a_person_said_stays_as_it_is(text: str, told: str) -> None:
    assert translated("zh", text, lambda units: f"{units / 100:.2f}") == told
    assert translated("en", text) == text


def test_every_result_has_a_word() -> None:
    types = (SQL / "schema" / "types.sql").read_text(encoding="utf-8")
    domain = types.split("create domain mixpay.reconciliation_result")[1].split(";")[0]
    results = set(re.findall(r"'([a-z_]+)'", domain))
    assert len(results) == 10
    assert {f"result.{result}" for result in results} <= set(catalogue("en"))
