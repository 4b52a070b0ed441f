"""Payments and refunds of a legacy system, read from CSV and loaded through the database's calls.

Two passes. The first, a `Reader`, judges the whole input and keeps its good rows in memory, grouped
into orders and trades: an order's amount may be the sum of rows that stand far apart. The second,
a `Loader`, sends the trades in batches over several connections, each batch in one transaction.
What the database refuses is taken out of its order, and the rest is sent anew: a row that is
refused counts in nothing. What is sent depends on the input alone, never on what is loaded already:
a second run, or one after a crash, repeats the same calls, and the database answers with what is
there.
"""

from mixpay_db.importer.calls import LARGEST_BATCH
from mixpay_db.importer.loader import Loader, connect, look, register, sum_up
from mixpay_db.importer.reader import KINDS, OPTIONAL, REQUIRED, Reader, Reading
from mixpay_db.importer.rows import Rejects, Summary, Tally

__all__ = [
    "KINDS",
    "LARGEST_BATCH",
    "OPTIONAL",
    "REQUIRED",
    "Loader",
    "Reader",
    "Reading",
    "Rejects",
    "Summary",
    "Tally",
    "connect",
    "look",
    "register",
    "sum_up",
]
