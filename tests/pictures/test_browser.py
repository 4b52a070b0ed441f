"""The pages in a browser: Debian's Chromium, driven by its own driver.

`apt install chromium chromium-driver` brings both, `make services` brings axe; without, this is
skipped.
"""

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cheroot.wsgi import Server
from click.testing import CliRunner
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from shop import Shop, day

from mixpay_db.cli import main
from mixpay_db.pictures import books
from mixpay_db.web import LOOPBACK, create_app

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
AXE = Path(__file__).parent / "node" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = [390, 1440]
# A4 with margins; A5 is as narrow as a phone, and has its pictures.
PAPERS = [717, 524]
PAGES = [
    "/",
    "/merchant?m=weeks",
    "/merchant?m=weeks&checks=1",
    "/trade?m=weeks&no=T1",
    "/trade?m=weeks&no=T8",
    "/trade?m=weeks&no=T10",
    "/order?m=weeks&no=K",
    "/refund?m=weeks&no=RM",
    "/search?m=weeks&q=R",
    "/trade?m=weeks&no=nothing",
    "/merchant?m=weeks&lang=zh",
    "/trade?m=weeks&no=T1&lang=zh",
]
PRINTED = (
    "/merchant?m=weeks",
    "/merchant?m=weeks&lang=zh",
    "/trade?m=weeks&no=T8",
    "/refund?m=weeks&no=RM",
)
# One of each kind: the others are made of the same parts.
KINDS = [PAGES[0], PAGES[2], *PAGES[4:8], *PAGES[8:11]]
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="no Chromium with a driver: apt install chromium chromium-driver",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # Its own first page asks for 370 things, and costs more than a page of ours.
    begin = {"session.restore_on_startup": 4, "session.startup_urls": ["about:blank"]}
    options.add_experimental_option("prefs", begin)
    profile = tmp_path_factory.mktemp("profile")
    for argument in (
        "--headless=new",
        "--no-sandbox",  # as root there is none
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--hide-scrollbars",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def site(weeks: Shop, url: str) -> Iterator[str]:  # noqa: ARG001 (it comes first)
    """`mixpay web` on a port of its own."""
    app = create_app(url, hosts=LOOPBACK, zone="UTC")
    # The browser keeps its connections.
    server = Server(("127.0.0.1", 0), app, numthreads=2, shutdown_timeout=0)
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield f"http://127.0.0.1:{server.bind_addr[1]}"
    server.stop()
    thread.join()


@pytest.fixture
def turn(browser: WebDriver) -> Callable[..., None]:
    """`turn(390, "dark")`: the page as a phone shows it by night. Asking for it again costs more,
    and a page that runs nothing is the same then."""

    def turn(width: int = 1440, scheme: str = "light", media: str = "") -> None:
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        # A window of another width is not laid out anew before the next frame.
        shown = browser.execute_async_script(
            "const done = arguments[0], shown = document.documentElement;"
            "requestAnimationFrame(() => requestAnimationFrame(() => done(shown.clientWidth)))"
        )
        assert shown == width

    return turn


@pytest.fixture
def show(browser: WebDriver, turn: Callable[..., None]) -> Callable[..., None]:
    """`show(address, 390, "dark")`: opened so."""

    def show(address: str, *how: Any, **named: Any) -> None:
        browser.get(address)
        turn(*how, **named)

    return show


def errors(browser: WebDriver) -> list[str]:
    """What the console says, but that a page was asked for that is not there."""
    told = [entry["message"] for entry in browser.get_log("browser")]
    return [message for message in told if "nothing" not in message]


# What is wider than the window, or ends beyond it; what is only for a screen reader is not.
_OVERFLOWS = """
const wide = document.documentElement.clientWidth, found = [];
if (document.documentElement.scrollWidth > wide) found.push("the page");
for (const e of document.querySelectorAll("main *, header *, footer *")) {
  const box = e.getBoundingClientRect();
  if (!box.width || !box.height || e.closest(".quiet, .skip, thead, defs")) continue;
  if (box.right > wide + 1 || box.left < -1)
    found.push(e.tagName + " " + e.getAttribute("class") + " " + e.textContent.slice(0, 40));
}
return found;
"""
# Names in a picture that lie upon one another, or leave it.
_COLLIDE = """
const found = [];
for (const svg of document.querySelectorAll("svg.flow")) {
  const all = svg.getBoundingClientRect();
  if (!all.width) continue;
  const boxes = [...svg.querySelectorAll("text")]
    .map(t => [t.firstChild.textContent, t.getBoundingClientRect()]);
  boxes.forEach(([a, p], i) => {
    if (p.left < all.left - 1 || p.right > all.right + 1 || p.bottom > all.bottom + 1)
      found.push("outside: " + a);
    boxes.slice(i + 1).forEach(([b, q]) => {
      const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (across > 1 && down > 4) found.push(a + " / " + b);
    });
  });
}
return found;
"""
# Both, asked at once: to ask takes longer than to look.
_FLAWS = f"return [(() => {{{_OVERFLOWS}}})(), (() => {{{_COLLIDE}}})()]"


def test_nothing_overflows_fails_or_asks_elsewhere(
    browser: WebDriver, site: str, show: Callable[..., None], turn: Callable[..., None]
) -> None:
    """On every screen and on paper."""
    browser.get_log("performance")
    for path in PAGES:
        show(site + path)
        assert browser.execute_script("return document.querySelectorAll('h1').length") == 1
        looks = [(width, "") for width in WIDTHS]
        if path in PRINTED:
            looks += [(width, "print") for width in (*WIDTHS, *PAPERS)]
        for width, media in looks:
            turn(width, media=media)
            assert browser.execute_script(_FLAWS) == [[], []], (path, width, media)
            if width in PAPERS:
                has_the_pictures_of_its_width(browser, path, width)
        assert errors(browser) == [], path
    asked = {
        found
        for entry in browser.get_log("performance")
        if '"Network.requestWillBeSent"' in entry["message"]
        for found in re.findall(r'"request":\{.*?"url":"([^"]+)"', entry["message"])
    }
    assert f"{site}/style.css" in asked
    assert {f"{site}{path}" for path in PAGES} <= asked
    assert {address for address in asked if not address.startswith((f"{site}/", "data:"))} == set()


def has_the_pictures_of_its_width(browser: WebDriver, path: str, width: int) -> None:
    hidden = browser.execute_script(
        "return [...document.querySelectorAll('.narrow')]"
        ".map(e => getComputedStyle(e).display === 'none')"
    )
    assert all(hidden) if width > 560 else not any(hidden), path
    shown = browser.execute_script(
        "return [...document.querySelectorAll('form, .languages')]"
        ".map(e => getComputedStyle(e).display)"
    )
    assert set(shown) == {"none"}, path


@pytest.fixture
def extremes(weeks: Shop) -> list[str]:
    """Pages with the longest numbers, the largest amounts, and a number for each of many."""
    shop = Shop(weeks.conn, "extremes")
    shop.call("register_merchant", "Vereinigte Möbelhäuser und Küchen " * 3)
    for letter, amount in (("W", 10**15), ("M", 123_456_700)):
        trade, order, refund = (kind + letter * 63 for kind in "TOR")
        shop.merge(trade, **{order: amount - 1, f"{letter}2": 1})
        shop.pay(trade, "P" + letter * 63, amount - 1, "card", day(80))
        shop.refund(order, refund, amount - 2)
    shop.merge("many", **{f"SO-2026-{i:04}": 1000 + i for i in range(12)})
    for i in range(12):
        shop.pay("many", f"PAY-2026-{i:04}", 1000 + i, "wechat", day(80))
    return [
        "/merchant?m=extremes",
        "/merchant?m=extremes&lang=zh",
        "/search?m=extremes&q=R",
        "/trade?m=extremes&no=many",
        *(
            f"/{page}?m=extremes&no={kind}{letter * 63}"
            for page, kind in (("trade", "T"), ("order", "O"), ("refund", "R"))
            for letter in "WM"
        ),
    ]


@pytest.mark.writes
def test_the_longest_numbers_and_the_largest_amounts_have_room(
    browser: WebDriver,
    extremes: list[str],
    site: str,
    show: Callable[..., None],
    turn: Callable[..., None],
) -> None:
    for path in extremes:
        show(site + path)
        for width in WIDTHS:
            turn(width)
            assert browser.execute_script(_FLAWS) == [[], []], (path, width)
            # A short word or an amount is never broken within.
            broken = browser.execute_script(
                "return [...document.querySelectorAll('.what, .figures data')]"
                ".filter(e => e.getClientRects().length > 1).map(e => e.textContent)"
            )
            assert broken == [], (path, width)
            if path.endswith("no=many"):
                # Names that were cut still differ.
                names = browser.execute_script(
                    "return [...document.querySelectorAll('svg.flow .node')]"
                    ".filter(n => n.getBoundingClientRect().width)"
                    ".map(n => n.querySelector('.name').firstChild.textContent)"
                )
                assert len(names) == len(set(names)) > 24


def test_numbers_in_the_picture_are_the_views(
    browser: WebDriver,
    site: str,
    show: Callable[..., None],
    turn: Callable[..., None],
    url: str,
) -> None:
    with books.session(url, "UTC") as conn:
        told = {no: books.trade(conn, "weeks", no) for no in ("T1", "T2", "T5", "T8", "T9", "T10")}
    for number, trade in told.items():
        show(f"{site}/trade?m=weeks&no={number}")
        for width, which in ((390, "narrow"), (1440, "wide")):
            turn(width)
            drawn = browser.execute_script(
                """
                const nodes = document.querySelectorAll("svg.flow." + arguments[0] + " .node");
                return [...nodes].map(n => [
                    n.dataset.key, Number(n.dataset.units),
                    n.querySelector(".bar").getBoundingClientRect().height,
                    n.querySelector(".amount").firstChild.textContent.trim()])
                """,
                which,
            )
            heights = {key: (units, height) for key, units, height, _ in drawn}
            for row in trade.payments:
                if row["amount"]:
                    assert heights[f"payment:{row['payment_no']}"][0] == row["amount"]
            for key, units, height, text in drawn:
                kind, _, owner = key.partition(":")
                assert units == trade.flow.units((kind, owner))
                assert text == f"{units // 100:,}.{units % 100:02}"
                assert height > 0 or units == 0
            scale = max(height / units for units, height in heights.values() if units)
            for units, height in heights.values():
                assert abs(height - units * scale) < 0.6
            # The table beneath tells the same bands.
            values = browser.execute_script(
                "return [...document.querySelectorAll('#money ~ details data')]"
                ".map(d => Number(d.value))"
            )
            bands = browser.execute_script(
                "return [...document.querySelectorAll('svg.flow.' + arguments[0] + ' .band')]"
                ".map(b => Number(b.dataset.units))",
                which,
            )
            assert sorted(values) == sorted(bands) == sorted(b.units for b in trade.flow.bands)


@pytest.mark.writes
def test_a_month_of_differences_fits_on_paper(
    browser: WebDriver, site: str, show: Callable[..., None], weeks: Shop
) -> None:
    weeks.call("open_statement", "march-01.csv", "channel:card")
    told = {"kind": "payment", "currency": "CNY", "happened_at": day(60).isoformat()}
    lines = [{**told, "line_no": n, "amount": -123_456 * n} for n in range(2, 12)]
    weeks.call("load_statement_lines", "march-01.csv", lines)
    weeks.call("seal_statement", "march-01.csv", len(lines))
    weeks.rows("reconcile", "march-01.csv")
    show(f"{site}/merchant?m=weeks", 717, media="print")
    assert browser.execute_script(_OVERFLOWS) == []


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core: make services installs it")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_serious(
    browser: WebDriver, site: str, show: Callable[..., None], scheme: str, width: int
) -> None:
    source = AXE.read_text(encoding="utf-8")
    for path in KINDS:
        show(site + path, width, scheme)
        browser.execute_script(source)
        found = browser.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations.map("
            "v => [v.impact, v.id, v.nodes.map(n => n.html.slice(0, 160)"
            " + n.any.map(a => a.message))])))"
        )
        assert [v for v in found if v[0] in ("serious", "critical")] == [], path


def test_by_keyboard(browser: WebDriver, site: str, show: Callable[..., None]) -> None:
    show(f"{site}/trade?m=weeks&no=T1")

    def press(*keys: str) -> Any:
        for key in keys:
            webdriver.ActionChains(browser).send_keys(key).perform()
        return browser.switch_to.active_element

    assert press(Keys.TAB).get_attribute("href").endswith("#content")
    assert press(Keys.ENTER).get_attribute("id") == "content"
    # On from there, the first link within: a name in the picture.
    assert "/order?" in str(press(Keys.TAB).get_dom_attribute("href"))
    show(f"{site}/trade?m=weeks&no=T1")
    for _ in range(4):
        focused = press(Keys.TAB)
    assert focused.get_attribute("id") == "q"
    press("T", "2", Keys.ENTER)
    assert "/trade?m=weeks&no=T2" in browser.current_url


def test_a_file_is_the_same_page(
    browser: WebDriver,
    show: Callable[..., None],
    turn: Callable[..., None],
    weeks: Shop,
    url: str,
    tmp_path: Path,
) -> None:
    assert weeks.merchant == "weeks"
    for name, more in (("merchant", []), ("trade", ["--trade", "T8"])):
        path = tmp_path / f"{name}.html"
        ran = CliRunner().invoke(
            main,
            [
                "--url",
                url,
                "report",
                "--html",
                str(path),
                "--merchant",
                "weeks",
                "--zone",
                "UTC",
                *more,
            ],
        )
        assert ran.exit_code == 0, ran.output
        show(path.as_uri())
        for width in WIDTHS:
            turn(width, "dark")
            assert errors(browser) == []
            assert browser.execute_script(_OVERFLOWS) == []
            # Its own style is what its policy lets in.
            paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
            assert paper == "rgb(20, 24, 27)"
