"""Only who knows the secret can make a request, and only what was signed is right."""

import pytest

from mixpay_db.signing import headers, sign, verify

SECRET = b"secret"
NOW = 1_767_225_600
SIGNATURE = sign(SECRET, NOW, "POST", "/refunds", b'{"a":1}')


def right(
    timestamp: str | None = str(NOW),
    signature: str | None = SIGNATURE,
    method: str = "POST",
    path: str = "/refunds",
    body: bytes = b'{"a":1}',
    now: float = NOW,
    secret: bytes = SECRET,
) -> bool:
    return verify(secret, timestamp, signature, method, path, body, now=now)


def test_as_published() -> None:
    """A channel in another language has to come to the same."""
    assert SIGNATURE == "754b03dfab71f644a0f264ebdcfdca858ec3eea6df670e0d3a313ae99fa96e06"
    assert right()


def test_now() -> None:
    made = headers(SECRET, "GET", "/refunds/1", b"")
    assert verify(
        SECRET, made["Mixpay-Timestamp"], made["Mixpay-Signature"], "GET", "/refunds/1", b""
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"timestamp": str(NOW + 1)},
        {"timestamp": None},
        {"timestamp": ""},
        {"timestamp": f" {NOW}"},
        {"timestamp": f"+{NOW}"},
        {"timestamp": "٣"},
        {"timestamp": "9" * 5000},
        {"signature": None},
        {"signature": SIGNATURE.upper()},
        {"signature": SIGNATURE[:-1]},
        {"signature": "é"},
        {"method": "GET"},
        {"path": "/refunds?"},
        {"body": b'{"a":2}'},
        {"secret": b"another"},
        {"now": NOW + 301},
        {"now": NOW - 301},
    ],
)
def test_anything_else_is_wrong(changed: dict[str, object]) -> None:
    assert not right(**changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [-300, 300])
def test_clocks_may_differ_by_five_minutes(seconds: int) -> None:
    assert right(now=NOW + seconds)
