"""Events sent to a URL as Standard Webhooks says: signed, in order, until they are taken."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, parse_url

from mixpay_db import signing
from mixpay_db.problem import Problem
from mixpay_db.rows import Event
from mixpay_db.unanswered import why

_LONGEST_ANSWER = 2**16
_GONE = 410
_sleep = time.sleep
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def message(event: Event) -> tuple[str, bytes]:
    """The message of an event, and its id: the same ones whenever it is sent."""
    place = f"{event.merchant_id}\0{event.position}".encode()
    content = {
        "type": f"{event.entity}.{event.to_state}",
        "timestamp": event.happened_at.isoformat(),
        "data": {"position": event.position, **asdict(event)},
    }
    body = json.dumps(content, default=str, ensure_ascii=False, separators=(",", ":")).encode()
    return f"evt_{hashlib.sha256(place).hexdigest()[:40]}", body


@dataclass
class Webhook:
    """Where messages go, and how patient to be: pauses double from `first` to `longest` seconds.

    The next message waits until this one is taken, so a receiver sees them in their order, and
    perhaps one twice.
    """

    url: str
    secret: bytes = field(repr=False)
    timeout: float = 15.0
    tries: int = 12
    first: float = 1.0
    longest: float = 300.0
    allow_http: bool = False
    tell: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        try:
            place = parse_url(self.url)
        except HTTPError as error:
            raise Problem(f"url {self.url!r:.200} is not of the form https://host/path") from error
        if place.scheme not in ("http", "https") or not place.host or place.auth:
            raise Problem(
                f"url {place.scheme}://{place.host} is not of the form https://host/path",
                "Names and passwords do not belong into it.",
            )
        if place.scheme == "http" and place.host not in _LOOPBACK and not self.allow_http:
            raise Problem(
                f"url {self.url} is without TLS: everybody on the way can read what is sent",
                "Write https; or say --allow-http, where nobody else listens.",
            )
        if not self.secret:
            raise Problem("the webhook's secret is empty")
        try:
            signing.webhook_key(self.secret)
        except ValueError as error:
            raise Problem(f"the webhook's secret cannot be read: {error}") from error
        self._pool = urllib3.PoolManager(maxsize=1, retries=False)

    def send(self, event: Event) -> None:
        """Until it is taken, or a problem that names the event."""
        webhook_id, body = message(event)
        pause = self.first
        for nth in range(1, self.tries + 1):
            status, said = self._post(webhook_id, body)
            if status is not None and 200 <= status < 300:
                return
            if status == _GONE or nth == self.tries:
                break
            self.tell(f"event {event.position}: {said}; again in {pause:.0f} s")
            # At random, so that senders who failed together do not come back together.
            _sleep(pause * (0.8 + 0.4 * random.random()))  # noqa: S311 (no secret)
            pause = min(pause * 2, self.longest)
        raise Problem(
            f"event {event.position} was not taken: {said}",
            "Everything before it was. Go on with the same --bookmark, or --after.",
        )

    def _post(self, webhook_id: str, body: bytes) -> tuple[int | None, str]:
        headers: dict[str, Any] = {
            "Content-Type": "application/json",
            **signing.webhook_headers(self.secret, webhook_id, body),
        }
        try:
            answer = self._pool.request(
                "POST",
                self.url,
                body=body,
                headers=headers,
                timeout=Timeout(total=self.timeout),
                redirect=False,
                preload_content=False,
            )
            answer.read(_LONGEST_ANSWER)
            answer.close()
        except HTTPError as error:
            return None, f"no answer: {why(error)}"
        return answer.status, f"HTTP {answer.status}"
