"""The site in Chromium: what it asks for, search, narrow screens, and what axe-core says of accessibility."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.skipif(
    shutil.which("chromium") is None or shutil.which("chromedriver") is None,
    reason="there is no chromium with its chromedriver on this machine",
)
NARROW, WIDE = 390, 1280
PAGES = (
    "index.html",
    "start/index.html",
    "start/zh.html",
    "config.html",
    "decisions.html",
    "reference/config-keys.html",
    "reference/cli.html",
    "reference/python.html",
    "reference/glossary.html",
    "reference/tables/asm2d.html",
    "files/configs/quickstart.yaml.html",
)
SMALL_PAGES = (
    "index.html",
    "start/zh.html",
    "reference/equation-keys.html",
    "reference/tables/lotka_volterra.html",
    "files/configs/n2o.yaml.html",
)
"""One of each kind: axe-core takes minutes for a page of thousands of cells."""
STRUCTURE = ("link-name", "image-alt", "label", "list", "listitem", "definition-list", "dlitem", "th-has-data-cells")
"""Rules of axe-core that large pages keep in seconds."""
AXE_LEVELS = {"serious", "critical"}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve the site to this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium, which notes down what it asks for."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def asked(browser: Any) -> set[str]:
    """Return the hosts that pages have asked since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return {urlsplit(url).netloc for url in urls if urlsplit(url).scheme not in ("data", "blob", "chrome")}


def wait_for(browser: Any, script: str) -> Any:
    """Return what a script in the page gives as soon as it gives something."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 300).until(lambda driver: driver.execute_script(script))


def search(browser: Any, words: str, *wanted: str) -> None:
    """Search in the open page until pages with these titles are found; results come one after the other."""
    browser.execute_script(
        "const field = document.querySelector('input[data-md-component=search-query]');"
        "document.querySelector('#__search').click(); field.focus(); field.value = arguments[0];"
        "for (const kind of ['keyup', 'input']) field.dispatchEvent(new Event(kind, {bubbles: true}))",
        words,
    )
    titles = "[...document.querySelectorAll('.md-search-result__item h1')].map(title => title.textContent)"
    wait_for(browser, f"const found = {titles}; return {json.dumps(wanted)}.every(title => found.includes(title))")


def test_pages_and_search_ask_no_other_host(browser: Any, address: str) -> None:
    asked(browser)
    for page in PAGES:
        browser.get(f"{address}/{page}")
    browser.get(f"{address}/index.html")
    search(browser, "heterotrophs", "Glossary", "asm1")
    assert asked(browser) == {urlsplit(address).netloc}
    assert [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_search_works_in_pages_opened_from_the_disk(browser: Any, site: Path) -> None:
    asked(browser)
    browser.get((site / "start" / "index.html").as_uri())
    search(browser, "heterotrophs", "Glossary")
    assert asked(browser) == {""}


def test_no_page_is_wider_than_a_telephone(browser: Any, address: str) -> None:
    browser.set_window_size(NARROW, 844)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": NARROW, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    )
    wide = {}
    for page in PAGES:
        browser.get(f"{address}/{page}")
        width = browser.execute_script("return document.documentElement.scrollWidth")
        if width > NARROW:
            wide[page] = width
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide == {}


def faults(browser: Any, page: str, options: dict[str, Any]) -> list[list[Any]]:
    """Return the serious faults that axe-core finds in a page, each with its first places."""
    import axe_core_python

    browser.get(page)
    browser.execute_script((Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    browser.set_script_timeout(120)
    found = browser.execute_async_script(
        "const done = arguments[1]; axe.run(arguments[0]).then(done, error => done({error: String(error)}))", options
    )
    assert "violations" in found, found
    return [
        [
            page,
            fault["id"],
            len(fault["nodes"]),
            [f"{n['html'][:120]}: {n['failureSummary'][:200]}" for n in fault["nodes"][:3]],
        ]
        for fault in found["violations"]
        if fault["impact"] in AXE_LEVELS
    ]


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_no_serious_fault(browser: Any, address: str, dark: bool) -> None:
    browser.set_window_size(WIDE, 900)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(f"{address}/{SMALL_PAGES[0]}")
    browser.execute_script("localStorage.clear()")  # the theme keeps what a reader has chosen
    browser.refresh()
    assert browser.execute_script("return document.body.dataset.mdColorScheme") == ("slate" if dark else "default")
    found = [fault for page in SMALL_PAGES for fault in faults(browser, f"{address}/{page}", {})]
    assert not found, json.dumps(found, indent=1)


@pytest.mark.slow
def test_links_pictures_tables_and_lists_are_readable_to_screen_readers(browser: Any, address: str) -> None:
    rules = {"runOnly": {"type": "rule", "values": list(STRUCTURE)}}
    found = [fault for page in PAGES for fault in faults(browser, f"{address}/{page}", rules)]
    assert not found, json.dumps(found, indent=1)
