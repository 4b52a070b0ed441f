"""Within a major version, what a view shows and a call gives stays, and gets columns at its end.

Whoever prepared a statement, or reads by position, goes on. tests/columns.json is what the first
release of this major version has; while that is not released, MIXPAY_RECORD=1 writes it anew.
"""

import json
import os
from pathlib import Path
from typing import Any

from psycopg import Connection

RECORDED = Path(__file__).with_name("columns.json")
COLUMNS = """
with things as (
    select 'view ' || c.relname as thing, c.oid as relation, null::oid as type
    from pg_class as c
    where c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'v' and left(c.relname, 1) <> '_'
    union all
    select 'call ' || p.proname, t.typrelid, t.oid
    from pg_proc as p inner join pg_type as t on t.oid = p.prorettype
    where p.pronamespace = 'mixpay'::regnamespace and left(p.proname, 1) <> '_'
)
select t.thing, coalesce(array_agg(
    a.attname || ' ' || format_type(a.atttypid, a.atttypmod) order by a.attnum
) filter (where a.attname is not null), array[format_type(t.type, null)])
from things as t
left join pg_attribute as a on a.attrelid = t.relation and a.attnum > 0 and not a.attisdropped
group by t.thing, t.type
order by 1
"""


def test_columns_stay_and_are_only_appended(conn: Connection[Any]) -> None:
    now = dict(conn.execute(COLUMNS).fetchall())
    if os.environ.get("MIXPAY_RECORD"):
        RECORDED.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert len(recorded) > 90
    stayed = {thing: now.get(thing, [])[: len(then)] for thing, then in recorded.items()}
    assert stayed == recorded
