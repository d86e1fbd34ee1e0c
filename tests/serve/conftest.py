"""A browser for all tests of the local page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serve_tools import Person, Served, serving, start_chromium


@pytest.fixture(scope="session")
def person() -> Iterator[Person]:
    """Return somebody who looks at pages in Chromium."""
    driver = start_chromium()
    yield Person(driver)
    driver.quit()


@pytest.fixture(scope="module")
def bsm1(tmp_path_factory: pytest.TempPathFactory, person: Person) -> Iterator[Served]:
    """Return a program that serves BSM1, with nothing changed yet."""
    with serving("bsm1", folder=tmp_path_factory.mktemp("served")) as served:
        yield served
        assert isinstance(person, Person)
        assert Path(served.folder).is_dir()
