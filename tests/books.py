"""The books, added up movement by movement: what balances and statements must agree with."""

import re
from collections import defaultdict
from datetime import datetime, timedelta

from shop import Row, Shop

KINDS = (
    "channel", "order", "payee", "receiver", "fee", "surplus", "refund", "anomaly", "outside",
    "channel_fee", "bank", "loss", "rounding",
)  # fmt: skip
# Accounts of orders, payments and refunds, which account_balances leaves out.
UNLISTED = ("order:", "surplus:", "refund:", "anomaly:")
# Sums: what came in, what went out, and the difference, in each currency.
Total = dict[str, tuple[int, int, int]]


class Books:
    """All movements of a shop, as the view shows them now."""

    def __init__(self, shop: Shop) -> None:
        self.movements = shop.query(
            "select *, epoch::bigint as era, xid::text::bigint as id from mixpay.journal "
            "where merchant_id = %s order by created_at, era, id, source, number, entry",
            shop.merchant,
        )

    def accounts(self) -> list[str]:
        """Every kind, and every account that something moved, by name."""
        named = {f"{j.from_account}:{j.from_owner}" for j in self.movements if j.from_owner}
        named |= {f"{j.to_account}:{j.to_owner}" for j in self.movements if j.to_owner}
        return [*KINDS, *sorted(named)]

    def sides(self, account: str) -> list[tuple[Row, int]]:
        """Its movements, above zero what came in; what went from one to another, as both."""
        kind, _, owner = account.partition(":")
        found = []
        for j in self.movements:
            if j.from_account == kind and owner in ("", j.from_owner):
                found.append((j, -j.amount))
            if j.to_account == kind and owner in ("", j.to_owner):
                found.append((j, j.amount))
        return found

    def total(self, account: str, at: datetime | None = None) -> Total:
        return self.totals(at).get(account, {})

    def totals(self, at: datetime | None = None) -> dict[str, Total]:
        """Of every kind, and of every account, that something moved by then."""
        sums: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        for j in self.movements:
            if at is None or j.created_at <= at:
                sides = (j.to_account, j.to_owner), (j.from_account, j.from_owner)
                for side, (kind, owner) in enumerate(sides):
                    for account in (kind, f"{kind}:{owner}") if owner else (kind,):
                        sums[account][j.currency][side] += j.amount
        return {
            account: {c: (came, went, came - went) for c, (came, went) in each.items()}
            for account, each in sums.items()
        }

    def moments(self) -> list[datetime]:
        """Each at which something was written, and just before it."""
        written = {j.created_at for j in self.movements}
        return sorted(written | {at - timedelta(microseconds=1) for at in written})


def told(shop: Shop, account: str, at: datetime | None = None) -> Total:
    """What account_balance says."""
    return _told(account, shop.rows("account_balance", account, at))


def _told(account: str, rows: list[Row]) -> Total:
    kind, _, owner = account.partition(":")
    assert all((r.account, r.owner) == (kind, owner) for r in rows)
    assert [r.currency for r in rows] == sorted(r.currency for r in rows)
    return {r.currency: (r.came_in, r.went_out, r.balance) for r in rows}


def told_of_all(shop: Shop, accounts: list[str], at: datetime | None) -> dict[str, Total]:
    """What it says of each of them, asked in one statement."""
    found: dict[str, list[Row]] = {account: [] for account in accounts}
    for row in shop.query(
        "select a.account as asked, b.* from unnest(%s::text[]) as a (account) "
        "cross join lateral mixpay.account_balance(%s, a.account, %s) with ordinality as b "
        "order by a.account, b.ordinality",
        accounts,
        shop.merchant,
        at,
    ):
        found[row.asked].append(row)
    return {account: _told(account, rows) for account, rows in found.items()}


def trial(shop: Shop, at: datetime | None = None) -> dict[str, Total]:
    """What trial_balance says of each kind."""
    found: dict[str, Total] = defaultdict(dict)
    for r in shop.rows("trial_balance", at):
        found[r.account][r.currency] = (r.came_in, r.went_out, r.balance)
    return found


def shown(shop: Shop) -> dict[str, Total]:
    """What the view account_balances says."""
    found: dict[str, Total] = defaultdict(dict)
    for r in shop.query(
        "select * from mixpay.account_balances where merchant_id = %s", shop.merchant
    ):
        account = f"{r.account}:{r.owner}" if r.owner else r.account
        found[account][r.currency] = (r.came_in, r.went_out, r.balance)
    return found


def agree(shop: Shop, *moments: datetime | None) -> None:
    """Balances are what the journal sums to: of every account, now and at these moments."""
    books = Books(shop)
    accounts = books.accounts()
    for at in (None, *moments):
        totals = books.totals(at)
        assert totals.keys() <= {*accounts}
        for account, total in told_of_all(shop, accounts, at).items():
            assert total == totals.get(account, {}), (account, at)
        kinds = {kind: totals[kind] for kind in KINDS if kind in totals}
        assert trial(shop, at) == kinds, at
    assert shown(shop) == {
        account: total
        for account, total in books.totals().items()
        if account == "outside" or (":" in account and not account.startswith(UNLISTED))
    }


def clock(shop: Shop) -> datetime:
    """A moment between what was written and what will be."""
    ((moment,),) = shop.query("select clock_timestamp()")
    assert isinstance(moment, datetime)
    return moment


def fold(shop: Shop) -> Row:
    """All that is there, with nothing that runs and would be left for the next time."""
    shop.until_final()
    return shop.call("fold_balances")


def let_folds_be_small(shop: Shop, facts: int = 1) -> None:
    """A step takes this many facts, and whole transactions; half as many movements fill a fold."""
    ((definition,),) = shop.query("select pg_get_functiondef('mixpay.fold_balances'::regproc)")
    changed, times = re.subn(r"bigint := \d+;", f"bigint := {facts};", definition)
    assert times == 1
    shop.conn.execute(changed.encode())
