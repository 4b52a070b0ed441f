"""Upgrades and reloads under busy callers: none fails, and no caller gets an error.

How long a caller waited is printed; only `make soak`, which has the machine to itself, judges it.
"""

import os

import psycopg
import pytest
from traffic import Traffic

from mixpay_db import database, migrations

SOAK = bool(os.environ.get("MIXPAY_SOAK"))
UPGRADES, RELOADS = (50, 200) if SOAK else (6, 16)
# How many there are, and how long each rests between two calls: what it costs is theirs.
CALLERS, PAUSE = (8, 0) if SOAK else (4, 0.08)
# Reloads share one database: without a pause, callers would fill it with a million calls meanwhile.
RELOAD_PAUSE = 0.02 if SOAK else PAUSE


def silent(_):
    pass


def is_well(url):
    with psycopg.connect(url, autocommit=True) as conn:
        assert [check.name for check in database.run_checks(conn) if check.rows] == []


@pytest.fixture
def get_to_know(request):
    """From then on, what there is to be is known: callers have met the finding out of it."""
    return lambda: SOAK or request.getfixturevalue("known")


def judge(longest, what):
    print(f"{what}: nobody waited longer than {longest:.2f} s")  # noqa: T201
    assert longest < 1 or not SOAK


def test_upgrades_under_traffic(lend, get_to_know):
    """From 0.3.0, whose calls give other rows: what waits is told to repeat, by 40001 or 0A000."""
    longest = 0.0
    for i in range(UPGRADES):
        if i == 2:
            get_to_know()
        url = lend("money", "money_code")
        with Traffic(url, CALLERS, PAUSE) as traffic:
            migrations.migrate(url, silent)
            traffic.go_on(2)
        assert traffic.errors == []
        assert set(traffic.repeated) <= {"40001", "0A000"}
        longest = max(longest, traffic.longest)
    is_well(url)
    judge(longest, f"{UPGRADES} upgrades")


# What `migrate --reload` finds: by and by all that it knows to do, in place and otherwise.
CHANGES = [
    "select",
    "alter function mixpay._check_merchant(text) set jit = off",
    "comment on function mixpay.refund_order is 'theirs'",
    "alter view mixpay.trade_balances set (security_barrier)",
    "alter table mixpay.trades disable trigger trades_stay",
    "create view mixpay.more as select * from mixpay.trade_balances",
    "drop view mixpay.manual_list",
    # Something goes: all calls wait, and then go on as if nothing had been.
    "create function mixpay._less(mixpay.payments) returns int language sql as 'select 1'",
]


def test_reloads_under_traffic(url, get_to_know, verify):
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("select mixpay.register_merchant('m', 'Shop')")
        conn.execute("set role mixpay_owner")
        traffic = Traffic(url, CALLERS, RELOAD_PAUSE)
        with traffic:
            for i in range(RELOADS):
                if i == 2:
                    get_to_know()
                conn.execute(CHANGES[i % len(CHANGES)])
                migrations.migrate(url, silent, reload=True)
                traffic.go_on(1)
        assert traffic.errors == []
        assert traffic.repeated == {}
    with psycopg.connect(url, autocommit=True) as conn:
        assert verify(conn) == []
    judge(traffic.longest, f"{RELOADS} reloads")
