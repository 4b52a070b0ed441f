"""examples/callback.py: whatever a channel does with its callbacks, the books are right."""

import importlib.util
import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import ModuleType
from typing import Any

import pytest
from flask.testing import FlaskClient
from psycopg import Connection
from recorded import PROJECT
from shop import Shop

from mixpay_db import signing

SECRET = b"between the two of us"
PATH = "/callbacks"
Deliver = Callable[..., int]
SUCCESS = {
    "merchant_id": "m",
    "state": "succeeded",
    "payment_no": "P",
    "channel_txn_no": "X1",
    "amount": 60,
    "paid_at": "2026-11-01T12:00:00+08:00",
}
FAILURE = {"merchant_id": "m", "state": "failed", "payment_no": "P", "reason": "declined"}


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("callback", PROJECT / "examples/callback.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def client(example: ModuleType, url: str, shop: Shop) -> FlaskClient:
    """The service, and a started payment P of 60 of a trade T of 100."""
    shop.merge("T", A=100)
    shop.start("T", "P", 60)
    client: FlaskClient = example.make_app(url, SECRET).test_client()
    return client


@pytest.fixture
def deliver(client: FlaskClient) -> Deliver:
    """`deliver(news)`: signed as the channel does it; the answer's status."""

    def deliver(news: dict[str, Any], path: str = PATH) -> int:
        body = json.dumps(news).encode()
        headers = signing.webhook_headers(SECRET, "msg-1", body)
        return post(client, body, headers, path)

    return deliver


def post(client: FlaskClient, body: bytes, headers: dict[str, str], path: str = PATH) -> int:
    response = client.post(path, data=body, headers=headers, content_type="application/json")
    return int(response.status_code)


def changes(shop: Shop) -> list[tuple[str, str]]:
    """What became of the payment after it was started."""
    rows = shop.query(
        "select from_state, to_state from mixpay.history "
        "where entity = 'payment' and from_state <> '' order by entry"
    )
    return [(row.from_state, row.to_state) for row in rows]


def test_what_is_repeated_by_whoever_saw_it_changes_nothing(
    client: FlaskClient, shop: Shop
) -> None:
    """The payment's number is signed, and each of its news is booked once; nothing goes back."""
    requests = []
    for news, status in ((FAILURE, 200), (SUCCESS, 200), (FAILURE, 409), (SUCCESS, 200)):
        body = json.dumps(news).encode()
        requests.append((body, signing.webhook_headers(SECRET, "msg-1", body)))
        assert post(client, *requests[-1]) == status
    booked = changes(shop)

    assert [post(client, *request) for request in requests] == [409, 200, 409, 200]
    assert changes(shop) == booked == [("pending", "failed"), ("failed", "succeeded")]


def test_a_success_is_booked(deliver: Deliver, shop: Shop) -> None:
    assert deliver(SUCCESS) == 200
    assert shop.row("payments", "P").channel_txn_no == "X1"
    assert shop.balance("A").paid == 60


def test_a_failure_is_booked(deliver: Deliver, shop: Shop) -> None:
    assert deliver(FAILURE) == 200
    assert changes(shop) == [("pending", "failed")]


@pytest.mark.parametrize("news", [SUCCESS, FAILURE])
def test_a_duplicate_changes_nothing(deliver: Deliver, shop: Shop, news: dict[str, Any]) -> None:
    assert deliver(news) == 200
    with shop.unchanged():
        assert [deliver(news) for _ in range(3)] == [200] * 3


def test_a_failure_after_the_success_is_refused(deliver: Deliver, shop: Shop) -> None:
    assert deliver(SUCCESS) == 200
    with shop.unchanged():
        assert deliver(FAILURE) == 409


def test_a_success_after_the_failure_is_booked(deliver: Deliver, shop: Shop) -> None:
    assert [deliver(FAILURE), deliver(SUCCESS)] == [200, 200]
    assert changes(shop) == [("pending", "failed"), ("failed", "succeeded")]
    assert shop.balance("A").paid == 60


def test_the_same_success_of_another_amount_is_refused(deliver: Deliver, shop: Shop) -> None:
    assert deliver(SUCCESS) == 200
    with shop.unchanged():
        assert deliver({**SUCCESS, "amount": 61}) == 409


def test_another_payment_s_channel_transaction_is_refused(deliver: Deliver, shop: Shop) -> None:
    shop.start("T", "P2", 40)
    assert deliver(SUCCESS) == 200
    with shop.unchanged():
        assert deliver({**SUCCESS, "payment_no": "P2", "amount": 40}) == 409


def test_identical_deliveries_at_once_are_booked_once(
    example: ModuleType,
    url: str,
    client: FlaskClient,  # noqa: ARG001 (its payment)
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
) -> None:
    body = json.dumps(SUCCESS).encode()
    headers = signing.webhook_headers(SECRET, "msg-1", body)
    app = example.make_app(url, SECRET)
    holder = connect(autocommit=False)
    holder.execute("select from mixpay.trades where trade_no = 'T' for no key update")
    answers = [background(post, app.test_client(), body, headers) for _ in range(8)]
    deadline = time.monotonic() + 20
    waiting = (
        "select from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )
    while len(shop.query(waiting)) < 8:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    holder.rollback()

    assert [answer.result(timeout=30) for answer in answers] == [200] * 8
    assert changes(shop) == [("pending", "succeeded")]
    assert shop.balance("A").paid == 60


def test_what_it_does_not_know_is_refused(deliver: Deliver, shop: Shop) -> None:
    with shop.unchanged():
        # It may be started a moment later.
        assert deliver({**SUCCESS, "payment_no": "Q"}) == 503
        assert deliver({**SUCCESS, "state": "processing"}) == 400
        assert deliver({**SUCCESS, "merchant_id": "nobody"}) == 409


def test_the_query_says_nothing(deliver: Deliver) -> None:
    assert deliver(SUCCESS, f"{PATH}?merchant_id=nobody") == 200


@pytest.mark.parametrize("forged", ["nothing", "signature", "secret", "body", "id", "moment"])
def test_what_the_channel_did_not_sign_is_nobody_s(
    client: FlaskClient, shop: Shop, forged: str
) -> None:
    body = json.dumps(SUCCESS).encode()
    secret = b"guessed" if forged == "secret" else SECRET
    headers = signing.webhook_headers(secret, "msg-1", body)
    if forged == "nothing":
        headers = {}
    if forged == "signature":
        headers[signing.WEBHOOK_SIGNATURE] = f"v1,{'A' * 43}="
    if forged == "id":
        headers[signing.WEBHOOK_ID] = "msg-2"
    if forged == "body":
        body = body.replace(b"60", b"99")
    if forged == "moment":
        moment = int(headers[signing.WEBHOOK_TIMESTAMP])
        headers[signing.WEBHOOK_TIMESTAMP] = str(moment + 1)
    with shop.unchanged():
        assert post(client, body, headers) == 401


@pytest.mark.parametrize(
    ("age", "status"), [(-310, 401), (-290, 200), (0, 200), (290, 200), (310, 401)]
)
def test_an_old_signature_is_no_longer_good(client: FlaskClient, age: int, status: int) -> None:
    body = json.dumps(SUCCESS).encode()
    timestamp = int(time.time()) - age
    headers = {
        signing.WEBHOOK_ID: "msg-1",
        signing.WEBHOOK_TIMESTAMP: str(timestamp),
        signing.WEBHOOK_SIGNATURE: signing.webhook_sign(SECRET, "msg-1", timestamp, body),
    }
    assert post(client, body, headers) == status


def test_without_a_database_the_channel_is_to_try_again(example: ModuleType) -> None:
    client = example.make_app("host=/nowhere dbname=none", SECRET).test_client()
    body = json.dumps(SUCCESS).encode()
    assert post(client, body, signing.webhook_headers(SECRET, "msg-1", body)) == 503


def test_a_lost_race_is_to_be_tried_again(
    example: ModuleType,
    url: str,
    client: FlaskClient,  # noqa: ARG001 (its payment)
    shop: Shop,
    connect: Callable[..., Connection[Any]],
) -> None:
    """Here a lock that could not be had in time; a lost connection is the same."""
    holder = connect(autocommit=False)
    holder.execute("select from mixpay.trades where trade_no = 'T' for no key update")
    impatient = example.make_app(f"{url} options='-c lock_timeout=50ms'", SECRET).test_client()
    body = json.dumps(SUCCESS).encode()
    headers = signing.webhook_headers(SECRET, "msg-1", body)
    assert post(impatient, body, headers) == 503
    holder.rollback()
    assert post(impatient, body, headers) == 200
    assert shop.balance("A").paid == 60
