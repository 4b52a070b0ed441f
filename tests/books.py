"""The books, added up movement by movement: what balances and statements must agree with."""

import re
from collections import defaultdict
from datetime import datetime, timedelta

from shop import Row, Shop

KINDS = (
    "channel", "order", "payee", "receiver", "fee", "surplus", "refund", "anomaly", "outside",
    "channel_fee", "bank", "loss", "rounding",
)  # fmt: skip
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
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for j, amount in self.sides(account):
            if at is None or j.created_at <= at:
                sums[j.currency][amount < 0] += abs(amount)
        return {c: (came, went, came - went) for c, (came, went) in sums.items()}

    def moments(self) -> list[datetime]:
        """Each at which something was written, and just before it."""
        written = {j.created_at for j in self.movements}
        return sorted(written | {at - timedelta(microseconds=1) for at in written})


def told(shop: Shop, account: str, at: datetime | None = None) -> Total:
    """What account_balance says."""
    rows = shop.rows("account_balance", account, at)
    kind, _, owner = account.partition(":")
    assert all((r.account, r.owner) == (kind, owner) for r in rows)
    assert [r.currency for r in rows] == sorted(r.currency for r in rows)
    return {r.currency: (r.came_in, r.went_out, r.balance) for r in rows}


def trial(shop: Shop, at: datetime | None = None) -> dict[str, Total]:
    """What trial_balance says of each kind."""
    found: dict[str, Total] = defaultdict(dict)
    for r in shop.rows("trial_balance", at):
        found[r.account][r.currency] = (r.came_in, r.went_out, r.balance)
    return found


def agree(shop: Shop, *moments: datetime | None) -> None:
    """Balances are what the journal sums to: of every account, now and at these moments."""
    books = Books(shop)
    for at in (None, *moments):
        for account in books.accounts():
            assert told(shop, account, at) == books.total(account, at), (account, at)
        kinds = {kind: total for kind in KINDS if (total := books.total(kind, at))}
        assert trial(shop, at) == kinds, at


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
