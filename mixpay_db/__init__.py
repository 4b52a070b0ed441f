"""Merged orders, mixed payments and first-in-first-out refunds as a PostgreSQL package."""

from importlib import import_module, util
from typing import TYPE_CHECKING, Any

# psycopg raises these from now on.
from mixpay_db.errors import *

if TYPE_CHECKING:
    from mixpay_db.api import *
    from mixpay_db.money import *
    from mixpay_db.rows import *

_SHOWN = ("api", "errors", "money", "rows")


def __getattr__(name: str) -> Any:
    """What is shown here is loaded when somebody asks for it: the command starts without most."""
    if name in _SHOWN:
        return import_module(f"{__name__}.{name}")
    # Of a module that is about to be imported Python asks here first.
    if name != "__all__" and (name.startswith("_") or util.find_spec(f"{__name__}.{name}")):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals().update(_shown())
    try:
        return globals()[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *_SHOWN, *_shown()})


def _shown() -> dict[str, Any]:
    """What these modules define themselves; not what they import."""
    shown = {
        name: value
        for module in map(import_module, (f"{__name__}.{name}" for name in _SHOWN))
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }
    return {**shown, "__all__": sorted(shown)}
