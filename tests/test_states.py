"""docs/states.md is what mixpay.state_transitions says."""

import re
from html import unescape
from typing import Any

from psycopg import Connection

from mixpay_db import docs


def test_the_committed_states_are_fresh(conn: Connection[Any]) -> None:
    assert docs.STATES.read_text("utf-8") == docs.states(conn), "run make docs"


def test_each_transition_is_an_arrow_and_a_row(conn: Connection[Any]) -> None:
    text = docs.states(conn)
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    arrows = {
        (entity, source.replace("[*]", ""), target, unescape(cause.replace("#", "&#")))
        for entity, section in sections.items()
        for source, target, cause in re.findall(r"^ +(\S+) --> (\w+) : (.+)$", section, re.M)
    }
    rows = {
        (entity, *row)
        for entity, section in sections.items()
        for row in re.findall(r"^\| (\w*) \| (\w+) \| (.+) \|$", section, re.MULTILINE)
    }
    stored = conn.execute(
        "select entity, from_state, to_state, cause from mixpay.state_transitions"
    )
    assert arrows == set(stored.fetchall())
    assert {row for row in rows if row[1] != "from"} == arrows
    of_money = ["trade", "order", "payment", "refund", "channel_refund", "return", "chargeback"]
    of_payees = ["release", "dispute", "split", "repricing", "settlement", "repayment"]
    of_payees += ["adjustment", "channel_fee", "channel_payout"]
    assert list(sections) == of_money + of_payees
    assert text.count("```mermaid\nstateDiagram-v2\n") == len(sections)


def test_causes_are_escaped(conn: Connection[Any]) -> None:
    """A Mermaid label ends at ; and :, and a cell at a bar."""
    conn.execute(
        "insert into mixpay.state_transitions "
        "values ('trade', 'closed', 'open', 'a: b; c | 100%% <d> --> #e')"
    )
    text = docs.states(conn)
    assert "    closed --> open : a#58; b#59; c #124; 100#37;#37; #60;d#62; --#62; #35;e\n" in text
    assert "| closed | open | a: b; c \\| 100%% <d> --> #e |" in text


def test_what_the_triggers_pass_over_is_legal(conn: Connection[Any]) -> None:
    """Their conditions, asked of every two states that an entity has."""
    triggers = conn.execute(
        r"""
        select
            encode(tgargs, 'escape'), tgtype & 4 <> 0,
            substring(pg_get_triggerdef(oid) from ' WHEN \((.*)\) EXECUTE ')
        from pg_trigger where tgname like 'refuse_illegal_%'
        """
    ).fetchall()
    passed_over = set()
    for argument, is_insert, condition in triggers:
        entity = argument.removesuffix("\\000")
        condition = condition or "true"
        for side in ("old", "new"):
            condition = condition.replace(f"{side}.state", f"{side}.state::text")
        found = conn.execute(
            f"""
            with states as (
                select from_state as state from mixpay.state_transitions where entity = %(entity)s
                union select to_state from mixpay.state_transitions where entity = %(entity)s
            )
            select %(entity)s, old.state, new.state from states as old cross join states as new
            where new.state not in (old.state, '') and (old.state = '') = %(is_insert)s
                and not ({condition})
            """,
            {"entity": entity, "is_insert": is_insert},
        ).fetchall()
        passed_over |= set(found)
    legal = conn.execute("select entity, from_state, to_state from mixpay.state_transitions")
    assert ("trade", "open", "paid") in passed_over
    assert passed_over <= set(legal.fetchall())
