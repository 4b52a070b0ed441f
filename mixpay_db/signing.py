"""Signatures of HTTP requests between mixpay and a channel, in both directions.

`webhook_headers` and `is_webhook` are those of the Standard Webhooks specification, which many
libraries know. `sign` and `verify` also cover the method and the path.

HMAC-SHA256 over the timestamp, the method, the path and the body, under a secret that both sides
know. So nobody else can make a request, change one, or send an old one again much later.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

TIMESTAMP_HEADER = "Mixpay-Timestamp"
SIGNATURE_HEADER = "Mixpay-Signature"
WEBHOOK_ID = "webhook-id"
WEBHOOK_TIMESTAMP = "webhook-timestamp"
WEBHOOK_SIGNATURE = "webhook-signature"
_SECRET_PREFIX = b"whsec_"


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


def webhook_key(secret: bytes) -> bytes:
    """The key that a secret stands for: `whsec_` and base64, or the bytes as they are."""
    if not secret.startswith(_SECRET_PREFIX):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("what follows whsec_ is not base64") from error


def webhook_sign(secret: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the signature in base64, of what the specification says is signed."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digest = hmac.new(webhook_key(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def webhook_headers(secret: bytes, webhook_id: str, body: bytes) -> dict[str, str]:
    """What a message that is sent now has to bear; its id is the same whenever it is sent."""
    timestamp = int(time.time())
    return {
        WEBHOOK_ID: webhook_id,
        WEBHOOK_TIMESTAMP: str(timestamp),
        WEBHOOK_SIGNATURE: webhook_sign(secret, webhook_id, timestamp, body),
    }


def is_webhook(
    secret: bytes,
    headers: Mapping[str, str],
    body: bytes,
    now: float | None = None,
    tolerance: float = 300,
) -> bool:
    """Whether a message comes from somebody who knows the secret, and was sent just now.

    `headers` finds names in lower case. Of several signatures one has to be right: a sender that
    changes its secret signs with both for a while.
    """
    webhook_id, timestamp = headers.get(WEBHOOK_ID), headers.get(WEBHOOK_TIMESTAMP)
    signatures = headers.get(WEBHOOK_SIGNATURE)
    # With a point in it, the id could end in what another message has as its timestamp.
    if not (webhook_id and timestamp and signatures) or "." in webhook_id:
        return False
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):
        return False
    if not signatures.isascii():
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > tolerance:
        return False
    expected = webhook_sign(secret, webhook_id, int(timestamp), body)
    found = [hmac.compare_digest(expected, signature) for signature in signatures.split(" ")]
    return any(found)
