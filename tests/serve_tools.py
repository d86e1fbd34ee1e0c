"""The local page in a real browser: a program that serves, a Chromium that looks, and what people do with both."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

PATIENCE = 60.0
"""Time after which something that should happen has not [s]: no measure of speed, machines may be busy."""
Found = TypeVar("Found")


@dataclass
class Served:
    """A program that serves a page.

    Attributes
    ----------
    process : Popen
        The program.
    address : str
        The address that it printed, with the token.
    folder : Path
        Its working folder.
    """

    process: subprocess.Popen[str]
    address: str
    folder: Path

    @property
    def host(self) -> str:
        """Host and port."""
        return self.address.split("/")[2]

    def page(self, path: str) -> str:
        """Return the address of a page, with the token."""
        return self.address.replace("/?", f"{path}?")


@contextmanager
def serving(*arguments: str, folder: Path) -> Iterator[Served]:
    """Start ``asm-hybrid serve`` with some arguments in a folder, and end it."""
    command = [sys.executable, "-c", "from asm_hybrid.cli import main; main()", "serve", *arguments, "--no-browser"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "http://" in line:
                yield Served(process, line.strip(), folder)
                break
        else:
            raise AssertionError("".join(said))
    finally:
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def start_chromium(width: int = 1280, height: int = 1000) -> webdriver.Chrome:
    """Start a headless Chromium that records every request; the test is skipped where there is none."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("there is no Chromium with its chromedriver here (Debian: chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    still = ("--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-gpu")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", *still):
        options.add_argument(argument)
    options.add_argument(f"--window-size={width},{height}")
    options.add_argument("--force-prefers-reduced-motion")  # a page that still scrolls moves below the pointer
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


@dataclass
class Person:
    """Somebody who looks at the page.

    Attributes
    ----------
    driver : Chrome
        The browser.
    folder : Path
        Gets what is downloaded.
    """

    driver: webdriver.Chrome
    folder: Path

    def __post_init__(self) -> None:
        where = {"behavior": "allow", "downloadPath": str(self.folder)}
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", where)

    def downloads(self, button: str, name: str) -> bytes:
        """Click a button, and return the file that comes."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        self.clicks(button)
        self.waits(path.exists)  # it appears under its name when it is whole
        return path.read_bytes()

    def goes(self, address: str) -> None:
        """Open an address."""
        self.driver.get(address)

    def waits(self, for_what: Callable[[], Found]) -> Found:
        """Wait until something is true, and return it; what is not there yet is waited for."""
        end, last = time.monotonic() + PATIENCE, "it never became true"
        while time.monotonic() < end:
            try:
                found = for_what()
                if found:
                    return found
            except WebDriverException as error:
                last = str(error.msg)
            time.sleep(0.05)
        raise AssertionError(f"waited {PATIENCE:g} s: {last}\n{self.text}")

    @property
    def text(self) -> str:
        """Everything that is to be read."""
        return str(self.driver.execute_script("return document.body.innerText"))

    def sees(self, text: str) -> None:
        """Wait until a text can be read."""
        self.waits(lambda: text in self.text)

    def one(self, selector: str) -> WebElement:
        """Return an element, as soon as it is there."""
        return self.waits(lambda: self.driver.find_element(By.CSS_SELECTOR, selector))

    def labelled(self, label: str) -> WebElement:
        """Return the field with a label, as screen readers read it."""
        return self.waits(lambda: next(e for e in self._fields() if e.accessible_name == label))

    def _fields(self) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, "input, select, textarea, [role=slider], [role=combobox]")

    def clicks(self, name: str) -> None:
        """Click a button or a link by its name, as screen readers read it."""

        def click() -> bool:
            kinds = ("button, [role=button]", "a, summary")  # a button before a link of the same name
            elements = [e for kind in kinds for e in self.driver.find_elements(By.CSS_SELECTOR, kind)]
            element = next((e for e in elements if e.accessible_name == name and e.is_displayed()), None)
            if element is None:
                return False
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
            element.click()
            return True

        self.waits(click)

    def types(self, label: str, value: str) -> None:
        """Write into a field in the place of what is there."""
        field = self.labelled(label)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(value)

    def presses(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def tabs(self, *, backwards: bool = False) -> None:
        """Go to the next or to the last element by the keyboard."""
        actions = webdriver.ActionChains(self.driver)
        if backwards:
            actions.key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
        else:
            actions.send_keys(Keys.TAB).perform()

    def requests(self) -> set[str]:
        """Return the addresses of all requests since the last call, apart from those that leave no process."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            parameters: dict[str, Any] = message.get("params", {})
            if message["method"] == "Network.requestWillBeSent":
                found.add(parameters["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                found.add(parameters["url"])
        return {url for url in found if not url.startswith(("data:", "blob:", "chrome:", "about:"))}

    def faults(self) -> list[str]:
        """Return the serious and critical faults that axe finds, with the elements that have them."""
        import axe_core_python

        script = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
        self.driver.execute_script(script)
        result = self.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
        return [
            f"{fault['id']} ({fault['impact']}): {node['html'][:160]}"
            for fault in result["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    def width(self) -> tuple[int, int]:
        """Return how wide the page is, and how wide the window [pixel]."""
        inner = self.driver.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        return inner[0], inner[1]

    def resizes(self, width: int, height: int = 900) -> None:
        """Look through a window of another size, as a telephone has it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
