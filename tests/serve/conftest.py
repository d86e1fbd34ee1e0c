"""A browser for all tests of the local page."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from serve_tools import Person, Served, serving, start_chromium


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    """Keep the package as it is loaded: NiceGUI's simulation of a user unloads the modules that define pages."""
    loaded = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "asm_hybrid"}
    yield
    sys.modules.update(loaded)


@pytest.fixture(scope="session")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Return somebody who looks at pages in Chromium."""
    driver = start_chromium()
    yield Person(driver, tmp_path_factory.mktemp("downloads"))
    driver.quit()


@pytest.fixture
def wide(person: Person) -> Iterator[Person]:
    """Return the same at 1280 pixels, with one tab."""
    person.resizes(1280)
    yield person
    first, *others = person.driver.window_handles
    for other in others:
        person.driver.switch_to.window(other)
        person.driver.close()
    person.driver.switch_to.window(first)


@pytest.fixture(scope="module")
def bsm1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a program that serves BSM1, with nothing changed yet."""
    with serving("bsm1", folder=tmp_path_factory.mktemp("served")) as served:
        yield served
