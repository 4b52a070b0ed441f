"""Events as webhooks: signed as the specification says, in order, until they are taken."""

import base64
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from shop import Shop

from mixpay_db import signing, webhooks
from mixpay_db.cli import main
from mixpay_db.problem import Problem
from mixpay_db.webhooks import Webhook

SECRET = b"whsec_" + base64.b64encode(b"between the two of us, and long enough")
# As the specification's own libraries test it: standard-webhooks/standard-webhooks,
# libraries/go/webhook_test.go.
KEY = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, STAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


class Receiver:
    """Answers with the statuses of its plan, then 204; remembers what it took."""

    def __init__(self) -> None:
        self.plan: list[int] = []
        self.seen: list[tuple[str, bool, dict[str, Any]]] = []
        self.taken: list[dict[str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                right = signing.is_webhook(SECRET, self.headers, body)
                content = json.loads(body)
                receiver.seen.append((self.headers["webhook-id"], right, content))
                status = receiver.plan.pop(0) if receiver.plan else 204
                if status == 204:
                    receiver.taken.append(content)
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Not in the output of the tests."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever, args=[0.05])
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it would have waited."""
    waited: list[float] = []
    monkeypatch.setattr(webhooks, "_sleep", waited.append)
    return waited


def run(url: str, receiver: Receiver, *options: str) -> Result:
    post = ["--post", receiver.url, "--secret-env", "HOOK"]
    return CliRunner().invoke(
        main,
        ["--url", url, "events", "--merchant", "m", *post, *options],
        env={"HOOK": SECRET.decode()},
    )


def test_as_the_specification_publishes_it() -> None:
    assert signing.webhook_sign(KEY, ID, STAMP, BODY) == SIGNATURE
    headers = {"webhook-id": ID, "webhook-timestamp": str(STAMP), "webhook-signature": SIGNATURE}
    assert signing.is_webhook(KEY, headers, BODY, now=STAMP)
    # Beside others, of a secret that is not known any more or of another version.
    several = {**headers, "webhook-signature": f"v1,xxxx {SIGNATURE} v1a,yyyy"}
    assert signing.is_webhook(KEY, several, BODY, now=STAMP)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_other"},
        {"webhook-id": "a.b"},
        {"webhook-id": ""},
        {"webhook-timestamp": str(STAMP + 1)},
        {"webhook-timestamp": f" {STAMP}"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-signature": SIGNATURE.removeprefix("v1,")},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "é"},
        {"webhook-signature": SIGNATURE.replace("v1,", "v1a,")},
    ],
)
def test_anything_else_is_wrong(changed: dict[str, str]) -> None:
    headers = {"webhook-id": ID, "webhook-timestamp": str(STAMP), "webhook-signature": SIGNATURE}
    assert not signing.is_webhook(KEY, {**headers, **changed}, BODY, now=STAMP)
    for name in headers:
        fewer = {key: value for key, value in headers.items() if key != name}
        assert not signing.is_webhook(KEY, fewer, BODY, now=STAMP)
    assert not signing.is_webhook(KEY, headers, BODY + b" ", now=STAMP)
    assert not signing.is_webhook(b"another", headers, BODY, now=STAMP)
    assert not signing.is_webhook(KEY, headers, BODY, now=STAMP + 301)


def test_each_event_is_sent_once_and_in_order(
    url: str, shop: Shop, receiver: Receiver, pauses: list[float], tmp_path: Path
) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card")
    bookmark = tmp_path / "position"
    sent = run(url, receiver, "--bookmark", str(bookmark))
    assert sent.exit_code == 0, sent.output
    printed = CliRunner().invoke(main, ["--url", url, "events", "--merchant", "m"])
    expected = [json.loads(line) for line in printed.stdout.splitlines()]
    assert [content["data"] for content in receiver.taken] == [
        {
            **event,
            "happened_at": taken["data"]["happened_at"],
            "created_at": taken["data"]["created_at"],
        }
        for event, taken in zip(expected, receiver.taken, strict=True)
    ]
    assert all(right for _, right, _ in receiver.seen)
    assert len({webhook_id for webhook_id, _, _ in receiver.seen}) == len(expected) > 2
    assert [json.loads(line)["position"] for line in sent.stdout.splitlines()] == [
        event["position"] for event in expected
    ]
    # Nothing more: the bookmark says where it ended. And then only what is new.
    count = len(receiver.taken)
    assert run(url, receiver, "--bookmark", str(bookmark)).exit_code == 0
    assert len(receiver.taken) == count
    shop.refund("A", "R", 10)
    assert run(url, receiver, "--bookmark", str(bookmark)).exit_code == 0
    assert len(receiver.taken) > count
    assert pauses == []


def test_what_is_not_taken_is_sent_again_under_its_id_after_growing_pauses(
    url: str, shop: Shop, receiver: Receiver, pauses: list[float]
) -> None:
    shop.merge("T", A=100)
    receiver.plan = [500, 429, 302, 404, 503]
    sent = run(url, receiver)
    assert sent.exit_code == 0, sent.output
    ids = [webhook_id for webhook_id, _, _ in receiver.seen]
    assert len(set(ids[:6])) == 1
    assert len(set(ids)) == len(ids) - 5
    assert [round(pause / 2**i, 1) for i, pause in enumerate(pauses)] == pytest.approx(
        [1] * 5, abs=0.25
    )
    assert "HTTP 302; again in 4 s" in sent.stderr


def test_it_gives_up_and_says_where(
    url: str, shop: Shop, receiver: Receiver, pauses: list[float], tmp_path: Path
) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card")
    bookmark = tmp_path / "position"
    receiver.plan = [204, 500, 500, 500]
    sent = run(url, receiver, "--tries", "3", "--bookmark", str(bookmark))
    assert sent.exit_code == 2
    assert "was not taken: HTTP 500" in sent.stderr
    assert bookmark.read_text().strip() == receiver.taken[0]["data"]["position"]
    assert len(pauses) == 2
    # Who is gone is not asked again.
    receiver.plan = [410]
    assert run(url, receiver, "--bookmark", str(bookmark)).exit_code == 2
    assert len(pauses) == 2
    assert run(url, receiver, "--bookmark", str(bookmark)).exit_code == 0
    positions = [content["data"]["position"] for content in receiver.taken]
    assert len(positions) == len(set(positions))


def test_nobody_listens(url: str, shop: Shop, receiver: Receiver, pauses: list[float]) -> None:
    shop.merge("T", A=100)
    receiver.url = "http://127.0.0.1:1/hooks"
    sent = run(url, receiver, "--tries", "2")
    assert sent.exit_code == 2
    assert "was not taken: no answer: Connection refused\n" in sent.stderr
    assert len(pauses) == 1


@pytest.mark.parametrize(
    ("url", "secret", "message"),
    [
        ("http://shop.example/hooks", b"s", "without TLS"),
        ("ftp://shop.example/hooks", b"s", "is not of the form"),
        ("https://user:password@shop.example/", b"s", "is not of the form"),
        ("https://shop.example:99999/", b"s", "is not of the form"),
        ("nothing", b"s", "is not of the form"),
        ("https://shop.example/hooks", b"", "secret is empty"),
        ("https://shop.example/hooks", b"whsec_!", "is not base64"),
    ],
)
def test_where_it_may_not_go(url: str, secret: bytes, message: str) -> None:
    with pytest.raises(Problem, match=message) as raised:
        Webhook(url, secret)
    assert "password" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--post", "https://a.example/"], "needs --secret-env or --secret-file"),
        (["--post", "https://a.example/", "--secret-env", "NOPE"], "the environment has no NOPE"),
        (["--post", "https://a.example/", "--secret-file", "/nope"], "cannot read /nope"),
        (["--bookmark", "x"], "--bookmark goes with --post"),
        (["--tries", "3"], "--tries goes with --post"),
    ],
)
def test_options_that_do_not_go_together(url: str, options: list[str], message: str) -> None:
    ended = CliRunner().invoke(main, ["--url", url, "events", "--merchant", "m", *options])
    assert ended.exit_code == 2
    assert message in ended.stderr


@pytest.mark.parametrize("place", ["missing/position", "pipe", "/dev/full"])
def test_a_bookmark_that_cannot_be_written_is_told_before_anything_is_sent(
    url: str, shop: Shop, receiver: Receiver, tmp_path: Path, place: str
) -> None:
    shop.merge("T", A=1)
    os.mkfifo(tmp_path / "pipe")
    sent = run(url, receiver, "--bookmark", str(tmp_path / place))
    assert sent.exit_code == 2
    assert "Name another: --bookmark" in sent.stderr
    assert not receiver.taken
    assert not list(tmp_path.glob("*.partial"))
