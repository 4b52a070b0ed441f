"""Signatures of HTTP requests between mixpay and a channel, in both directions.

HMAC-SHA256 over the timestamp, the method, the path and the body, under a secret that both sides
know. So nobody else can make a request, change one, or send an old one again much later.
"""

import hashlib
import hmac
import time

TIMESTAMP_HEADER = "Mixpay-Timestamp"
SIGNATURE_HEADER = "Mixpay-Signature"


def sign(secret: bytes, timestamp: int, method: str, path: str, body: bytes) -> str:
    """The signature, in hexadecimal.

    `timestamp` is in seconds since 1970; `path` is what the request line says, with its query.
    """
    signed = f"{timestamp}\n{method.upper()}\n{path}\n".encode() + body
    return hmac.new(secret, signed, hashlib.sha256).hexdigest()


def headers(secret: bytes, method: str, path: str, body: bytes) -> dict[str, str]:
    """What a request that is sent now has to bear."""
    timestamp = int(time.time())
    return {
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: sign(secret, timestamp, method, path, body),
    }


def verify(
    secret: bytes,
    timestamp: str | None,
    signature: str | None,
    method: str,
    path: str,
    body: bytes,
    now: float | None = None,
    tolerance: float = 300,
) -> bool:
    """Whether the values of the two headers, None if one is missing, are right for the request.

    A timestamp that is more than `tolerance` seconds away from `now` is not.
    """
    # Only what `sign` was given: int() would read much more than that.
    if not (timestamp and signature and timestamp.isascii() and timestamp.isdigit()):
        return False
    if len(timestamp) > 15 or not signature.isascii():
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > tolerance:
        return False
    expected = sign(secret, int(timestamp), method, path, body)
    return hmac.compare_digest(expected, signature)
