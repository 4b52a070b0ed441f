"""A channel as they are: an HTTP server with books of its own, which fails in every known way.

with Channel(SECRET) as channel:
    channel.plan = ["lost"]  # what happens to the next calls, then nothing more
    ...
    assert channel.executed() == {"C1": 50}
"""

import json
import random
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import quote, unquote

from mixpay_db import signing

# What a call that sends may meet: in what state the books are afterwards, and what is answered.
SEND_FAULTS = (
    "late",  # executes, and answers when nobody listens any more
    "lost",  # executes, and closes the connection
    "error before",  # 5xx, and nothing executed
    "error after",  # 5xx, but executed
    "duplicate",  # the request comes in twice
    "slow",  # says processing, and executes later
    "failed, then succeeded",  # says failed, and executes later all the same
)
QUERY_FAULTS = ("late", "lost", "error before")
# What a plan may have besides, and "answer …" and "status …".
TRICKLES = ("trickled status", "trickled header", "trickled chunk", "trickled body")
PLANNED = {*SEND_FAULTS, *TRICKLES, "refused", "stalled", "endless", None}


# How far an answer comes before it trickles.
BEGUN = {
    "trickled status": b"HTTP/1.1 200 ",
    "trickled header": b"HTTP/1.1 200 OK\r\nX: ",
    "trickled chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    "trickled body": b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n",
}


@dataclass
class Entry:
    amount: int
    request: dict[str, Any]
    state: str = "new"
    executions: int = 0
    refunded_at: datetime | None = None

    def execute(self) -> None:
        if self.state != "succeeded":
            self.state = "succeeded"
            self.executions += 1
            self.refunded_at = datetime.now(UTC)


class Channel:
    """`rate` of the calls meet a fault, chosen by `rng`; `plan` goes before."""

    def __init__(self, secret: bytes, rate: float = 0, rng: random.Random | None = None) -> None:
        self.secret = secret
        self.rate = rate
        self.rng = rng or random.Random(0)
        self.plan: list[str | None] = []
        self.books: dict[str, Entry] = {}
        self.calls: list[tuple[str, str]] = []
        # What the dispatcher should never have sent.
        self.wrong: list[str] = []
        # Called when a refund was said to have failed, and is going to be executed.
        self.on_late_success: Callable[[str], None] = lambda _number: None
        # "stalled" is answered when the test says so.
        self.stalled = threading.Event()
        self.release = threading.Event()
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/refunds"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def executed(self) -> dict[str, int]:
        """What was sent, by number."""
        with self._lock:
            return {
                number: entry.amount * entry.executions
                for number, entry in self.books.items()
                if entry.executions
            }

    def execute(self, number: str) -> Entry:
        with self._lock:
            self.books[number].execute()
            return self.books[number]

    # What its handler asks.

    def fault(self, method: str) -> str | None:
        with self._lock:
            if self.plan:
                planned = self.plan.pop(0)
                if planned not in PLANNED and not str(planned).startswith(("answer ", "status ")):
                    self.wrong.append(f"a plan that nobody knows: {planned}")
                return planned
            if self.rng.random() >= self.rate:
                return None
            return self.rng.choice(SEND_FAULTS if method == "POST" else QUERY_FAULTS)

    def send(self, number: str, request: dict[str, Any], fault: str | None) -> dict[str, Any]:
        with self._lock:
            entry = self.books.setdefault(number, Entry(request["amount"], request))
            if entry.request != request:
                self.wrong.append(f"{number} came with another request")
            if entry.state == "new":
                match fault:
                    case "slow":
                        entry.state = "processing"
                    case "failed, then succeeded" | "refused":
                        entry.state = "failed"
                    case _:
                        entry.execute()
                if fault == "failed, then succeeded":
                    self.on_late_success(number)
            return self._answer(number, entry)

    def query(self, number: str) -> dict[str, Any]:
        with self._lock:
            entry = self.books.get(number)
            if entry is None:
                return {"state": "unknown"}
            if entry.state == "processing":
                entry.execute()
            return self._answer(number, entry)

    def _answer(self, number: str, entry: Entry) -> dict[str, Any]:
        answer: dict[str, Any] = {"state": entry.state, "channel_refund_no": number}
        if entry.state == "failed":
            answer["reason"] = "insufficient funds"
        if entry.refunded_at is not None:
            answer["channel_txn_no"] = f"X{number}"
            answer["refunded_at"] = entry.refunded_at.isoformat()
        return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Whoever was asked too late has hung up."""


def _handler(channel: Channel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = json.loads(body)
            # The one that is signed.
            number = request["channel_refund_no"]
            if number != self.headers["Idempotency-Key"]:
                channel.wrong.append(f"{number} is another in the header")
                self.answer(400, b"{}")
                return
            self.meet("POST", number, body, lambda fault: channel.send(number, request, fault))

        def do_GET(self) -> None:
            number = unquote(self.path.removeprefix("/refunds/"))
            self.meet("GET", number, b"", lambda _fault: channel.query(number))

        def meet(
            self,
            method: str,
            number: str,
            body: bytes,
            work: Callable[[str | None], dict[str, Any]],
        ) -> None:
            if not signing.verify(
                channel.secret,
                self.headers[signing.TIMESTAMP_HEADER],
                self.headers[signing.SIGNATURE_HEADER],
                method,
                self.path,
                body,
            ):
                channel.wrong.append(f"{number} is not signed")
                self.answer(401, b"{}")
                return
            if not signing.is_webhook(channel.secret, self.headers, body):
                channel.wrong.append(f"{number} is not signed as a webhook")
            if self.headers[signing.WEBHOOK_ID] != quote(number, safe="").replace(".", "%2E"):
                channel.wrong.append(f"{number} has another webhook-id")
            channel.calls.append((method, number))
            fault = channel.fault(method)
            if fault == "error before":
                self.answer(503, b"busy")
                return
            if fault and fault.startswith("answer "):
                self.answer(200, fault.removeprefix("answer ").encode())
                return
            if fault and fault.startswith("status "):
                self.answer(int(fault.removeprefix("status ")), b'{"state": "failed"}')
                return
            if fault == "endless":
                self.answer_for_ever(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
                return
            if fault in TRICKLES:
                self.answer_for_ever(BEGUN[fault], 0.05)
                return
            told = work(fault)
            if fault == "duplicate":
                told = work(None)
            if fault == "stalled":
                channel.stalled.set()
                channel.release.wait(30)
            if fault == "late":
                self.wait_until_nobody_listens()
            if fault == "lost":
                self.close_connection = True
            elif fault == "error after":
                self.answer(500, b"oops")
            else:
                status = {"failed": 422, "processing": 202}.get(told["state"], 200)
                self.answer(status, json.dumps(told).encode())

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def wait_until_nobody_listens(self) -> None:
            """Who has asked says nothing more, so there is only his hanging up to read."""
            while not channel.closing.is_set():
                if select.select([self.connection], [], [], 0.05)[0]:
                    return

        def answer_for_ever(self, begun: bytes, pause: float = 0) -> None:
            """One more byte after each pause; without pauses, as much as there is room for."""
            self.close_connection = True
            self.wfile.write(begun)
            while not channel.closing.wait(pause):
                self.wfile.write(b"0" if pause else b"0" * 4096)
                self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Not in the output of the tests."""

    return Handler
