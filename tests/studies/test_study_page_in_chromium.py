"""The page of a study in a browser: by mouse, by keyboard, on a telephone, with ten thousand cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from serve_tools import Person, start_chromium
from study_tools import plant_study
from test_study_page import HOSTILE, TITLE

from asm_hybrid.report.study_page import write_study_page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    driver = start_chromium()
    driver.set_script_timeout(300)
    yield Person(driver, tmp_path_factory.mktemp("downloads"))
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study_page(plant_study(120, HOSTILE, name=TITLE), tmp_path_factory.mktemp("study"))


def cells(person: Person, column: int) -> list[str]:
    script = "return [...document.querySelectorAll('#table tbody tr')].map(r => r.cells[arguments[0]].innerText)"
    return [str(text) for text in person.driver.execute_script(script, column)]


def sort_of(person: Person, column: int) -> str:
    return str(
        person.driver.execute_script("return document.querySelectorAll('#table th')[arguments[0]].ariaSort", column)
    )


def test_by_keyboard_and_mouse_and_nothing_foreign_runs(person: Person, page: Path) -> None:
    person.resizes(1280)
    person.requests()
    person.goes(page.as_uri())
    person.sees("1 to 50 of 120")
    assert {url for url in person.requests() if not url.startswith("file:")} == set()
    head = person.one("#table th:nth-child(2) button")
    head.send_keys(Keys.ENTER)
    assert sort_of(person, 1) == "ascending"
    rising = [float(text) for text in cells(person, 1)]
    assert rising == sorted(rising)
    head.send_keys(Keys.SPACE)
    assert sort_of(person, 1) == "descending"
    assert float(cells(person, 1)[0]) > rising[-1]
    person.one("#table th:nth-child(7) button").send_keys(
        Keys.ENTER
    )  # figures: cases without one stand last, both ways
    assert sort_of(person, 1) == "none"
    person.clicks("Last")
    assert cells(person, 6)[-1] == "–"
    person.sees("101 to 120 of 120")

    person.clicks("Ranges by numbers")
    person.types("load [-], at least".replace("load [-]", HOSTILE[0]), "1.0\n")
    person.sees("cases are kept")
    kept = int(person.one("#kept").text.split(" of ")[0])
    assert 0 < kept < 120
    person.sees(f"of {kept}")
    assert all(float(text) >= 1.0 for text in cells(person, 1))
    person.clicks("Let all go")
    person.sees("1 to 50 of 120")

    hit = person.one("#lines .hit")
    person.driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", hit)
    webdriver.ActionChains(person.driver).move_to_element_with_offset(hit, 0, 20).click_and_hold().move_by_offset(
        0, 60
    ).release().perform()
    person.sees("cases are kept")
    webdriver.ActionChains(person.driver).move_to_element_with_offset(hit, 0, -40).click().perform()
    person.waits(lambda: person.one("#kept").text == "")

    person.one("#table tbody button").send_keys(Keys.ENTER)
    assert person.one("#table tbody button").get_attribute("aria-pressed") == "true"
    assert [entry for entry in person.driver.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert person.driver.title.startswith(TITLE)


def test_on_a_telephone_nothing_is_wider_than_the_screen(person: Person, page: Path) -> None:
    person.resizes(390)
    person.goes(page.as_uri())
    person.sees("1 to 50 of 120")
    wide, window = person.width()
    assert wide <= window


def test_axe_finds_no_serious_fault(person: Person, tmp_path: Path) -> None:
    person.resizes(1280)
    person.goes(write_study_page(plant_study(8), tmp_path).as_uri())
    person.sees("1 to 8 of 8")
    assert person.faults() == []


def test_ten_thousand_cases_stay_fluid(person: Person, tmp_path: Path) -> None:
    path = write_study_page(plant_study(10_000, method="search", limits={}), tmp_path)
    assert path.stat().st_size < 4e6
    person.resizes(1280)
    person.goes(path.as_uri())
    person.sees("1 to 50 of 10000")
    assert len(cells(person, 0)) == 50
    for column in range(2, 8):
        person.one(f"#table th:nth-child({column}) button").send_keys(Keys.ENTER)
    assert sort_of(person, 6) == "ascending"
    assert len(cells(person, 0)) == 50
    person.clicks("Last")
    person.sees("9951 to 10000 of 10000")
