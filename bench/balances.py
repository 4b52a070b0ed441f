"""Measure balances over a journal of ten million movements.

    make bench                     python bench/balances.py --help

A merchant has 2,000 payees, and more than a fifth of all that was sold was one payee's. The tables
are filled by `insert … select`, as if they had grown for a year, on a temporary server with fsync
off. The same questions are then asked three times: before anything was folded, after
fold_balances, and when more has come since. A figure is the median of five calls (the first one, if
that takes longer than two seconds) in a session that has made its plans; a buffer is a page that
was touched. That folded balances are the sums of the journal is compared at the end.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from mixpay_db import database
from mixpay_db.cli.events import raise_epoch
from mixpay_db.embedded import EmbeddedServer

OPTIONS = {
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "fsync": "off",
    "full_page_writes": "off",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "8GB",
    "shared_buffers": "2GB",
    "synchronous_commit": "off",
}
PAYEES, BUSIEST, DAYS = 2000, "S0", 365
# A trade's four lines are paid and cleared; of every twentieth, one line is refunded.
MOVEMENTS = 2 * 4 + 3 / 20
BATCH = 10_000
PIECE = 500

# What is sold, in four lines of each trade. What hashes say is the same each time.
LINES = """
select
    'T' || n as trade_no, n || '-' || i as order_no, 'P' || n as payment_no, i as position,
    case when n %% 20 = 0 and i = 1 then 'R' || n end as refund_no,
    'S' || floor(%(payees)s * ((hashint8extended(n, i) & 1048575) / 1048576.0) ^ 5) as payee_no,
    100 + (hashint8extended(n, 10 + i) & 8191) as amount,
    case hashint8extended(n, 20) & 7 when 0 then 'USD' else 'CNY' end as currency,
    (array['wechat', 'alipay', 'card', 'bank'])[1 + (hashint8extended(n, 30) & 3)] as channel,
    %(since)s::timestamptz + n * %(pace)s::interval as at
from generate_series(%(first)s::bigint, %(last)s::bigint) as n, generate_series(1, 4) as i
"""
FILL = f"""
create temp table lines on commit drop as {LINES};
insert into mixpay.orders (merchant_id, order_no, payee_no, currency, amount, created_at)
select 'bench', order_no, payee_no, currency, amount, at from lines;
insert into mixpay.trades (
    merchant_id, trade_no, currency, amount, state, allocation, created_at
)
select 'bench', trade_no, min(currency), sum(amount), 'open', 'fifo', min(at)
from lines group by trade_no;
insert into mixpay.trade_orders (
    merchant_id, trade_no, order_no, position, nth, asked, amount, paid, refunded, live, payee_no,
    cleared
)
select
    'bench', trade_no, order_no, position, 1, amount, amount, amount,
    case when refund_no is null then 0 else amount end, false, payee_no,
    case when refund_no is null then amount else 0 end
from lines;
insert into mixpay.payments (
    merchant_id, payment_no, trade_no, channel, recorded, asked, amount, applied, refunded, state,
    paid_at, seq, created_at
)
select
    'bench', payment_no, min(trade_no), min(channel), true, sum(amount), sum(amount), sum(amount),
    coalesce(sum(amount) filter (where refund_no is not null), 0), 'succeeded',
    min(at) + '1 minute', 1, min(at) + '1 minute'
from lines group by payment_no;
insert into mixpay.refunds (merchant_id, refund_no, kind, order_no, amount, created_at)
select 'bench', refund_no, 'order', order_no, amount, at + '1 hour'
from lines where refund_no is not null;
insert into mixpay.refund_details (merchant_id, refund_no, payment_no, amount)
select 'bench', refund_no, payment_no, amount from lines where refund_no is not null;
insert into mixpay.channel_refunds (
    merchant_id, channel_refund_no, refund_no, payment_no, channel, amount, state, due_at,
    created_at, cleared
)
select
    'bench', 'C' || refund_no, refund_no, payment_no, channel, amount, 'pending', at, at + '1 hour',
    amount
from lines where refund_no is not null;
update mixpay.channel_refunds as c
set state = 'succeeded', due_at = null, refunded_at = l.at + '2 hours'
from lines as l where c.merchant_id = 'bench' and c.channel_refund_no = 'C' || l.refund_no;
update mixpay.refunds as r set state = 'succeeded', succeeded = r.amount
from lines as l where r.merchant_id = 'bench' and r.refund_no = l.refund_no;
insert into mixpay.facts (
    merchant_id, log, log_no, entry, epoch, xid, entity, number, payment_no, order_no, refund_no,
    channel_refund_no, from_state, to_state, from_account, from_owner, to_account, to_owner, amount,
    currency, happened_at, created_at
)
select
    'bench', 'trade', l.trade_no, f.entry, 1,
    -- As if each call had been a transaction of its own.
    (1000 + (1000 * extract(epoch from f.at - %(since)s::timestamptz))::bigint)::text::xid8,
    f.entity,
    case f.entity
        when 'trade' then l.trade_no when 'payment' then l.payment_no when 'refund' then l.refund_no
        else 'C' || l.refund_no
    end,
    case when f.entity <> 'refund' and f.entry > 1 then l.payment_no end,
    case when f.entity <> 'trade' then l.order_no end, case when f.entry > 10 then l.refund_no end,
    case when f.entity = 'channel_refund' then 'C' || l.refund_no end, f.from_state, f.to_state,
    f.from_account,
    case f.from_account
        when 'channel' then l.channel when 'order' then l.order_no when 'payee' then l.payee_no
        when 'refund' then l.refund_no
    end,
    f.to_account,
    case f.to_account
        when 'channel' then l.channel when 'order' then l.order_no when 'payee' then l.payee_no
        when 'refund' then l.refund_no
    end,
    case when f.from_account is not null then l.amount end, l.currency, f.at, f.at
from lines as l
cross join lateral (values
    (1, l.at, 'trade', '', 'open', null, null),
    (
        1 + l.position, l.at + '1 minute', 'payment', case l.position when 1 then '' end,
        case l.position when 1 then 'succeeded' end, 'channel', 'order'
    ),
    (5 + l.position, l.at + '1 minute', 'payment', null, null, 'order', 'payee'),
    (10, l.at + '1 minute', 'trade', 'open', 'paid', null, null),
    (11, l.at + '1 hour', 'refund', '', 'processing', null, null),
    (12, l.at + '1 hour', 'refund', null, null, 'payee', 'order'),
    (13, l.at + '1 hour', 'channel_refund', '', 'pending', 'order', 'refund'),
    (14, l.at + '2 hours', 'channel_refund', 'pending', 'succeeded', 'refund', 'channel'),
    (15, l.at + '2 hours', 'refund', 'processing', 'succeeded', null, null)
) as f (entry, at, entity, from_state, to_state, from_account, to_account)
where case when f.entry between 2 and 9 then true when f.entry <= 10 then l.position = 1
    else l.refund_no is not null end
order by f.at;
update mixpay.trades as t
set state = 'paid', paid = t.amount, refunded = l.refunded, last_seq = 1, last_entry = l.entries
from (
    select
        trade_no, coalesce(sum(amount) filter (where refund_no is not null), 0) as refunded,
        10 + 5 * count(refund_no) as entries
    from lines group by trade_no
) as l
where t.merchant_id = 'bench' and t.trade_no = l.trade_no;
"""
# What comes later, by the calls that services make.
SELL = f"""
create temp table lines on commit drop as {LINES};
select count(*) from mixpay.merge_many('bench', (
    select jsonb_agg(t.trade) from (
        select jsonb_build_object('trade_no', trade_no, 'orders', jsonb_agg(jsonb_build_object(
            'order_no', order_no, 'payee_no', payee_no, 'amount', amount, 'currency', currency
        ))) as trade
        from lines group by trade_no
    ) as t
));
select count(*) from mixpay.record_payments('bench', (
    select jsonb_agg(p.payment) from (
        select jsonb_build_object(
            'trade_no', trade_no, 'payment_no', min(payment_no), 'channel', min(channel),
            'amount', sum(amount)
        ) as payment
        from lines group by trade_no
    ) as p
));
"""

QUESTIONS = {
    "busiest payee, now": "account_balance('bench', 'payee:{busiest}')",
    "busiest payee, half a year ago": "account_balance('bench', 'payee:{busiest}', '{past}')",
    "small payee, now": "account_balance('bench', 'payee:{small}')",
    "all payees together, now": "account_balance('bench', 'payee')",
    "trial balance, now": "trial_balance('bench')",
    "trial balance, half a year ago": "trial_balance('bench', '{past}')",
    "busiest payee's statement of a day": (
        "account_statement('bench', 'payee:{busiest}', '{past}', '{next_day}')"
    ),
    "busiest payee, in account_balances": (
        "account_balances where (merchant_id, account, owner) = ('bench', 'payee', '{busiest}')"
    ),
    "all accounts, in account_balances": "account_balances where merchant_id = 'bench'",
}


@dataclass(frozen=True)
class Figures:
    milliseconds: float
    buffers: int


class Bench:
    def __init__(self, url: str, movements: int) -> None:
        self.url, self.trades = url, round(movements / MOVEMENTS)
        self.since = datetime.now(UTC) - timedelta(days=DAYS + 1)
        self.past = self.since + timedelta(days=DAYS // 2)
        self.conn = self.connect()

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True, cursor_factory=psycopg.ClientCursor)

    def numbers(self, first: int, last: int) -> dict[str, Any]:
        pace = timedelta(days=DAYS) / self.trades
        return {
            "first": first,
            "last": last,
            "payees": PAYEES,
            "since": self.since,
            "pace": pace,
        }

    def fill(self) -> None:
        database.install(self.conn)
        self.conn.execute(
            "select mixpay.register_merchant('bench', 'Bench');"
            "insert into mixpay.payees (merchant_id, payee_no, title) "
            f"select 'bench', 'S' || i, 'Store ' || i from generate_series(0, {PAYEES - 1}) as i"
        )

        def fill_from(start: int) -> None:
            with self.connect() as conn:
                for first in range(start * BATCH, self.trades, 2 * BATCH):
                    last = min(first + BATCH, self.trades) - 1
                    conn.execute(FILL, self.numbers(first, last))

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(fill_from, range(2)))
        # The transaction ids were made up: as after a restore, the server's own begin anew.
        raise_epoch(self.conn)
        self.conn.execute("vacuum analyze")

    def sell(self, trades: int) -> None:
        """So many trades more, as of now."""
        for first in range(self.trades, self.trades + trades, PIECE):
            self.conn.execute(SELL, self.numbers(first, first + PIECE - 1))

    def value(self, query: str) -> Any:
        row = self.conn.execute(query.encode()).fetchone()
        return row[0] if row else None

    def call(self, query: str) -> Figures:
        plan = self.value(f"explain (analyze, buffers, timing off, format json) {query}")[0]
        touched = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
        return Figures(plan["Planning Time"] + plan["Execution Time"], touched)

    def ask(self, question: str) -> Figures:
        query = "select * from mixpay." + question.format(
            busiest=BUSIEST, small=f"S{PAYEES // 2}", past=self.past,
            next_day=self.past + timedelta(days=1),
        )  # fmt: skip
        calls = [self.call(query)]
        while len(calls) < 6 and calls[0].milliseconds < 2000:
            calls.append(self.call(query))
        return Figures(
            statistics.median(call.milliseconds for call in calls[-5:]), calls[-1].buffers
        )

    def differences(self) -> int:
        """How many balances are not what the journal sums to: now, and half a year ago."""
        query = """
            with sides as (
                select to_account as account, to_owner as owner, currency, amount, created_at
                from mixpay.journal
                union all
                select from_account, from_owner, currency, -amount, created_at from mixpay.journal
            ), sums as (
                select owner, currency, sum(amount) as balance
                from sides where account = 'payee' and created_at <= coalesce({at}, 'infinity')
                group by 1, 2
            )
            select count(*) from sums
            full join (
                select p.payee_no as owner, b.currency, b.balance
                from mixpay.payees as p
                cross join mixpay.account_balance('bench', 'payee:' || p.payee_no, {at}) as b
            ) as b using (owner, currency)
            where sums.balance is distinct from b.balance
        """
        moments = ("null::timestamptz", f"'{self.past}'::timestamptz")
        return sum(self.value(query.format(at=at)) for at in moments)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--movements", type=int, default=10_000_000)
    parser.add_argument("--later", type=int, default=40_000, help="movements that come after it")
    arguments = parser.parse_args()
    console = Console()

    def timed(what: str, work: Callable[[], Any]) -> None:
        started = time.monotonic()
        said = work()
        seconds = time.monotonic() - started
        console.print(f"{what}: {seconds:,.2f} s" + (f", {said}" if said is not None else ""))

    with EmbeddedServer(OPTIONS) as server:
        bench = Bench(server.url("postgres"), arguments.movements)
        console.print("filling the tables …")
        timed("filled", bench.fill)

        def size_of(table: str) -> str:
            name = f"mixpay.{table}"
            return str(bench.value(f"select pg_size_pretty(pg_total_relation_size('{name}'))"))

        def fold() -> str:
            folds = bench.value("select fold from mixpay.fold_balances('bench')")
            return f"{folds} folds of {size_of('folded_balances')}"

        def settle(number: str) -> str:
            call = f"mixpay.settle_payee('bench', '{BUSIEST}', '{number}', null, 'CNY')"
            return f"{bench.value(f'select amount from {call}'):,} paid out"

        def look_at_payees(condition: str) -> str:
            view = f"mixpay.payee_balances where merchant_id = 'bench' and {condition}"
            return f"{bench.value(f'select count(*) from {view}'):,} rows"

        count = bench.value("select count(*) from mixpay.journal")
        busiest = bench.value(f"select count(*) from mixpay.facts where to_owner = '{BUSIEST}'")
        console.print(
            f"{count:,} movements, {busiest:,} of them to the busiest payee; "
            f"facts: {size_of('facts')}"
        )
        answers = [[bench.ask(question) for question in QUESTIONS.values()]]
        timed("first fold", fold)
        bench.conn.execute("vacuum analyze mixpay.folded_balances, mixpay.balance_folds")
        answers.append([bench.ask(question) for question in QUESTIONS.values()])
        timed("settled the busiest payee's year", lambda: settle("first"))
        bench.sell(round(arguments.later / 8))
        answers.append([bench.ask(question) for question in QUESTIONS.values()])
        timed("settled what came since", lambda: settle("second"))
        timed("payee_balances, of the busiest payee", lambda: look_at_payees("payee_no = 'S0'"))
        timed("payee_balances, of all", lambda: look_at_payees("true"))
        timed("second fold", fold)
        timed("compared with the journal", lambda: f"{bench.differences()} differences")
        bench.conn.close()
    table = Table(title="milliseconds, pages")
    for column in ("", "never folded", "folded", f"{arguments.later:,} later"):
        table.add_column(column, justify="left" if column == "" else "right")
    for question, *figures in zip(QUESTIONS, *answers, strict=True):
        cells = (f"{f.milliseconds:,.1f}, {f.buffers:>6,}" for f in figures)
        table.add_row(question, *cells)
    console.print(table)


if __name__ == "__main__":
    main()
