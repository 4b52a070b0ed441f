"""`mixpay web`: reads, for whom it is meant, and sends nobody anywhere else."""

import re
import socket
import subprocess
import sys
from typing import Any

import pytest
from flask.testing import FlaskClient
from psycopg import Connection
from shop import Shop

from mixpay_db.pictures import books
from mixpay_db.web import LOOPBACK, create_app


@pytest.fixture
def client(weeks: Shop, url: str) -> FlaskClient:  # noqa: ARG001 (it comes first)
    return create_app(url, hosts=LOOPBACK, zone="UTC").test_client()


PAGES = [
    "/merchant?m=weeks",
    "/trade?m=weeks&no=T1",
    "/order?m=weeks&no=A",
    "/refund?m=weeks&no=R1",
    "/search?m=weeks&q=R",
    "/search?m=weeks&q=",
]


@pytest.mark.parametrize("path", PAGES)
def test_pages(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script|\sstyle=|<style", answer.text)


def test_every_link_leads_to_a_page(client: FlaskClient) -> None:
    seen: set[str] = set()
    todo = ["/merchant?m=weeks"]
    while todo and len(seen) < 120:
        path = todo.pop()
        answer = client.get(path, follow_redirects=True)
        assert answer.status_code == 200, path
        for link in re.findall(r'href="([^"]+)"', answer.text):
            link = link.replace("&amp;", "&").partition("#")[0]
            if link.startswith("/") and link not in seen:
                seen.add(link)
                todo.append(link)
            assert link in ("", "data:,") or link.startswith("/"), link
    kinds = {path.partition("?")[0] for path in seen}
    assert {"/merchant", "/trade", "/order", "/refund", "/", "/style.css"} <= kinds


def test_a_number_that_is_there_once_is_shown_at_once(client: FlaskClient) -> None:
    assert "/trade?m=weeks&no=T1" in client.get("/search?m=weeks&q=T1").headers["Location"]
    assert "/trade?m=weeks&no=T2" in client.get("/search?m=weeks&q=P3").headers["Location"]


def test_one_merchant_is_home(shop: Shop, conn: Connection[Any], url: str) -> None:
    client = create_app(url).test_client()
    assert shop.merchant in client.get("/").headers["Location"]
    assert client.get("/").status_code == 302
    conn.execute("select mixpay.register_merchant('second', 'Second')")
    answer = client.get("/")
    assert answer.status_code == 200
    assert "/merchant?m=second" in answer.text.replace("&amp;", "&")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/trade?m=weeks&no=nothing", 404),
        ("/trade?m=weeks", 404),
        ("/trade?no=T1", 404),
        ("/trade?m=nobody&no=T1", 404),
        ("/merchant?m=weeks&from=tomorrow", 400),
        ("/merchant?m=weeks&from=2026-02-01&to=2026-01-01", 400),
        ("/merchant?m=weeks&from=9999-12-31&to=9999-12-31", 400),
        ("/merchant?m=weeks&zone=Mars", 400),
        ("/search?m=weeks&q=%00", 400),
        ("/trade?m=%00&no=x", 400),
        ("/elsewhere", 404),
        ("/trade?m=weeks&no=" + "x" * 5000, 404),
        ("/trade?m=weeks&no=%ff%fe", 404),
    ],
)
def test_what_cannot_be_shown_is_told(client: FlaskClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text
    assert "<h1>" in answer.text


def test_what_cannot_be_shown_is_told_in_chinese(client: FlaskClient) -> None:
    for path in ("/trade?m=weeks&no=x", "/merchant?m=nobody", "/merchant?m=weeks&from=tomorrow"):
        text = re.sub(r"<[^>]+>", "", client.get(f"{path}&lang=zh").text.split("<main")[1])
        assert not re.search(r"[a-z]{2,} [a-z]{2,}", text), text


def test_nothing_is_posted(client: FlaskClient) -> None:
    for path in PAGES:
        assert client.post(path).status_code == 405


def test_it_answers_by_its_own_name_only(client: FlaskClient) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/", headers={"Host": "localhost:8020"}).status_code in (200, 302)
    assert client.get("/", headers={"Host": "[::1]:8020"}).status_code in (200, 302)


def test_the_language_is_the_browser_s_or_what_is_asked_for(client: FlaskClient) -> None:
    def language(path: str, wants: str) -> str:
        answer = client.get(path, headers={"Accept-Language": wants})
        return re.findall(r'<html lang="(\w+)">', answer.text)[0]

    assert language(PAGES[1], "de, zh;q=0.8") == "zh"
    assert language(PAGES[1], "de") == "en"
    assert language(PAGES[1] + "&lang=zh", "en") == "zh"
    assert language(PAGES[1] + "&lang=xx", "zh-CN, en;q=0.1") == "zh"


def test_no_other_merchant_s_number_is_shown(client: FlaskClient) -> None:
    for path in ("/trade?m=second&no=T1", "/order?m=second&no=A", "/refund?m=second&no=R1"):
        assert client.get(path).status_code == 404


def test_a_database_that_lacks_what_is_asked_says_migrate(empty_url: str) -> None:
    """Whichever view it lacks: an older one, or one in which nothing was made."""
    client = create_app(empty_url).test_client()
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code == 503, path
        assert "mixpay migrate" in answer.text
        assert "does not exist" not in answer.text


def test_a_server_on_which_nothing_was_made_says_migrate(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has not even the role. That has the SQLSTATE of a time zone that is none."""
    monkeypatch.setattr(books, "_READER", "nobody_made_it")
    answer = create_app(url).test_client().get("/")
    assert answer.status_code == 503
    assert "mixpay migrate" in answer.text


def test_a_server_that_is_away_is_told_without_its_address() -> None:
    app = create_app("postgresql://somebody:secret@/db?host=/nonexistent")
    answer = app.test_client().get("/merchant?m=x")
    assert answer.status_code == 503
    assert "secret" not in answer.text
    assert "nonexistent" not in answer.text


def test_a_port_in_use_is_told_in_the_system_s_words(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        command = [sys.executable, "-c", "from mixpay_db.cli import main; main()", "--url", url]
        refused = subprocess.run(
            [*command, "web", "--port", port], capture_output=True, text=True, timeout=60
        )
    assert refused.returncode == 2
    assert refused.stderr == (
        f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n"
        "hint: Name another --port or --host.\n"
    )
