"""The adapter `http`: a channel, or a gateway to one, behind two signed HTTP requests.

`POST url` asks to send the money, `GET url/{channel_refund_no}` what became of it. Either is
answered with 200, 201, 202 or 422 and a JSON object:

    {"state": "succeeded", "channel_txn_no": "4200…", "refunded_at": "2026-01-31T12:00:00+08:00"}
    {"state": "failed", "reason": "the account is closed"}
    {"state": "processing"}
    {"state": "unknown"}    (of GET: this number never came)

Every other answer, and none, leaves the refund in doubt.

A request is signed twice: over its method, path and body (`Mixpay-Signature`), and as Standard
Webhooks says, over its id and body (`webhook-signature`). The channel checks either. The id is the
number, so a GET, which has no body, is signed for that number alone; `.` in it is written %2E.

Whoever repeats a request that he has seen moves no money: the number in the body, and in the path,
is signed with the rest, and the channel sends the money of a number once. So the channel takes the
number from there, and the header `Idempotency-Key`, which is not signed, must be the same.
"""

import http.client
import io
import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Retry, Timeout, Url, parse_url

from mixpay_db import signing
from mixpay_db.channels import (
    Asked,
    Completed,
    Doubtful,
    Failed,
    RefundRequest,
    Sent,
    Unknown,
)
from mixpay_db.problem import Problem
from mixpay_db.unanswered import why

_ANSWERS = {200, 201, 202, 422}
_LONGEST_ANSWER = 65536
_PASSING = {429, 500, 502, 503, 504}


# Of the thread's call: when it is over, by time.monotonic().
_call = threading.local()


def _time_left() -> float:
    """Of the one clock for all that belongs to a try, from connecting to the last byte."""
    left: float = _call.ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


class _Received(io.RawIOBase):
    """What comes in by a socket, whose own time-out would begin anew with each piece."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_time_left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Incoming:
    """What an answer wants of its socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Received(self._sock))


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(_Incoming(sock), *arguments, **options)  # type: ignore[arg-type]


class _Connection(HTTPConnection):
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        self.timeout = _time_left()
        sock = super()._new_conn()
        sock.settimeout(_time_left())
        return sock


class _SecureConnection(_Connection, HTTPSConnection):
    """With TLS, whose handshake is within the time-out that its socket has."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection

    def urlopen(self, *arguments: Any, **options: Any) -> Any:
        """One try; further ones come by here, too, after their waits."""
        _call.ends = time.monotonic() + _call.timeout
        return super().urlopen(*arguments, **options)


class _SecurePool(_Pool, urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


@dataclass
class HttpChannel:
    """Where the channel is, and how patient to be with it.

    `timeout` is for a whole try, from connecting to the last byte of the answer. `allow_http` is
    for a network that nobody else listens to: what is sent without TLS is signed, but not secret.
    `retries` counts further tries within one call, when no connection was made or the channel is
    busy (429 or 5xx). The waits between them begin with `backoff` seconds and double, and
    `backoff_jitter` seconds at random are added.
    """

    url: str
    secret: bytes = field(repr=False)
    timeout: float = 10.0
    retries: int = 2
    backoff: float = 0.5
    backoff_jitter: float = 0.5
    allow_http: bool = False
    _path: str = field(init=False, repr=False)
    _pool: _Pool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        place = _parsed(self.url)
        if place.scheme == "http" and not self.allow_http:
            raise Problem(
                f"url {self.url} is without TLS: everybody on the way can read what is sent",
                f"Write {self.url.replace('http', 'https', 1)}; or allow_http = true, where nobody"
                " else listens.",
            )
        if not 0 < self.timeout < float("inf"):
            raise Problem(f"timeout is {self.timeout}, not a number of seconds")
        if self.retries < 0 or self.backoff < 0 or self.backoff_jitter < 0:
            raise Problem("retries, backoff and backoff_jitter cannot be negative")
        self._path = str(place.path)
        self._pool = (_SecurePool if place.scheme == "https" else _Pool)(
            str(place.host), place.port, maxsize=64, timeout=Timeout(total=self.timeout)
        )

    def send(self, refund: RefundRequest, time_left: float) -> Sent:
        body = asdict(refund)
        del body["attempts"]
        answer = self._ask("POST", self._path, refund, time_left, body)
        return Doubtful("the channel says unknown") if isinstance(answer, Unknown) else answer

    def query(self, refund: RefundRequest, time_left: float) -> Asked:
        number = quote(refund.channel_refund_no, safe="")
        # A path segment of dots alone would be taken for a way up.
        number = number.replace(".", "%2E") if set(number) == {"."} else number
        return self._ask("GET", f"{self._path.rstrip('/')}/{number}", refund, time_left)

    def _ask(
        self,
        method: str,
        path: str,
        refund: RefundRequest,
        time_left: float,
        content: dict[str, Any] | None = None,
    ) -> Asked:
        body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        headers = {
            "Accept": "application/json",
            **signing.headers(self.secret, method, path, body),
            # The same in the way of Standard Webhooks, for whoever has a library for it.
            **signing.webhook_headers(self.secret, _message_id(refund.channel_refund_no), body),
        }
        if content is not None:
            headers["Content-Type"] = "application/json"
            headers["Idempotency-Key"] = refund.channel_refund_no
        _call.timeout = self.timeout
        try:
            response = self._pool.urlopen(
                method,
                path,
                body=body or None,
                headers=headers,
                retries=self._retry(time_left),
                redirect=False,
                preload_content=False,
            )
            data = _read(response)
        except HTTPError as error:
            return Doubtful(f"no answer: {why(error)}")
        if data is None:
            return Doubtful("the answer does not end")
        return _understand(refund, response.status, data)

    def _retry(self, time_left: float) -> Retry:
        """As many tries as end before the lease does, even if every one runs into its time-out."""
        retries, needed = 0, self.timeout
        while retries < self.retries:
            # urllib3 does not wait before the first one.
            wait = self.backoff * 2**retries + self.backoff_jitter if retries else 0.0
            needed += wait + self.timeout
            if needed > time_left:
                break
            retries += 1
        return Retry(
            total=retries,
            # A request that was sent is not sent again here: it is in doubt, and asked for later.
            read=False,
            other=0,
            status_forcelist=_PASSING,
            allowed_methods=None,
            backoff_factor=self.backoff,
            backoff_jitter=self.backoff_jitter,
            raise_on_status=False,
            # The channel's wish may be longer than the lease.
            respect_retry_after_header=False,
        )


def _message_id(number: str) -> str:
    """The number, without the points that part what is signed."""
    return quote(number, safe="").replace(".", "%2E")


def _parsed(url: str) -> Url:
    """Where the channel is. What is signed must be what is sent, so nothing is left to correct."""
    if "@" in url:
        raise Problem(
            "the url has a user or a password in it",
            "Name secret_env or secret_file instead. An @ in the path is written %40.",
        )
    wrong = f"url {url!r} is not of the form https://host/path"
    # Whether other letters can be translated depends on what else is installed.
    host = url.partition("://")[2].partition("/")[0]
    if not host.isascii():
        raise Problem(wrong, "Write the host in ASCII: xn--… for other letters.")
    try:
        place = parse_url(url)
    except HTTPError as error:
        raise Problem(wrong) from error
    if place.scheme not in ("http", "https") or not place.host or "://" not in url:
        raise Problem(wrong)
    if "?" in url or "#" in url:
        raise Problem(f"url {url!r} has a ? or #: numbers are appended to its path")
    default = {"http": 80, "https": 443}[place.scheme]
    exact = place._replace(
        port=None if place.port == default else place.port, path=place.path or "/"
    )
    if exact.url != url:
        raise Problem(f"url {url!r} would not be sent as it is written", f"Write {exact.url}")
    return exact


def _read(response: urllib3.BaseHTTPResponse) -> bytes | None:
    """The body, unless it is far too large or does not end in time."""
    data = b""
    with suppress(ReadTimeoutError):
        while len(data) <= _LONGEST_ANSWER:
            piece = response.read1(_LONGEST_ANSWER)
            if not piece:
                response.release_conn()
                return data
            data += piece
    response.close()
    return None


def _understand(refund: RefundRequest, status: int, data: bytes) -> Asked:
    if status not in _ANSWERS:
        return Doubtful(f"HTTP {status}")
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return Doubtful(f"HTTP {status} with no JSON")
    if not isinstance(answer, dict):
        return Doubtful(f"HTTP {status} with no JSON object")
    for name in ("channel_refund_no", "amount", "currency"):
        # It need not repeat them, but an answer about another refund is none to this.
        if name in answer and answer[name] != getattr(refund, name):
            return Doubtful(f"an answer about {name} {answer[name]!r}")
    reason = answer.get("reason")
    if not (isinstance(reason, str) and reason):
        reason = f"the channel says {answer.get('state')}"
    match answer.get("state"):
        case "succeeded":
            return _completed(answer.get("channel_txn_no"), answer.get("refunded_at"))
        case "failed":
            return Failed(
                reason if isinstance(reason, str) and reason else "the channel says failed"
            )
        case "processing":
            return Doubtful(reason)
        case "unknown":
            return Unknown()
        case state:
            return Doubtful(f"HTTP {status} with state {state!r}")


def _completed(channel_txn_no: Any, refunded_at: Any) -> Completed | Doubtful:
    if channel_txn_no is not None and not isinstance(channel_txn_no, str):
        return Doubtful(f"succeeded with channel_txn_no {channel_txn_no!r}")
    try:
        moment = None if refunded_at is None else datetime.fromisoformat(refunded_at)
    except (TypeError, ValueError):
        return Doubtful(f"succeeded with refunded_at {refunded_at!r}")
    if moment is not None and moment.tzinfo is None:
        return Doubtful(f"succeeded at {refunded_at}, which has no offset from UTC")
    return Completed(channel_txn_no, moment)
