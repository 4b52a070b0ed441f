"""Merged orders, mixed payments and first-in-first-out refunds as a PostgreSQL package."""

from mixpay_db import api, errors, money, rows
from mixpay_db.api import *
from mixpay_db.errors import *
from mixpay_db.money import *
from mixpay_db.rows import *

# What these modules define themselves; not what they import.
__all__ = sorted(
    name
    for module in (api, errors, money, rows)
    for name, value in vars(module).items()
    if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
)
