"""Why a request over HTTP has no answer, for people: not what sent it, nor how often."""

import re
from collections.abc import Iterator

from urllib3.exceptions import HTTPError


def why(error: HTTPError) -> str:
    """What the system says of it, as in "Connection refused"."""
    *_, first = _causes(error)
    said = getattr(first, "strerror", None) or str(first)
    # An error of urllib3 begins with the object that it is of.
    return re.sub(r"^\w+\(host=[^)]*\): ", "", said) or type(first).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # An aborted connection has its cause among its arguments only.
        inner = (cause for cause in error.args if isinstance(cause, BaseException))
        error = error.__cause__ or next(inner, None)
