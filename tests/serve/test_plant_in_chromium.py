"""The page of a plant, as people use it, in a real browser."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from serve_tools import Person, Served

import asm_hybrid as ah

pytestmark = pytest.mark.slow

KLA = "kLa of tank_5 [1/d]"


def opened(person: Person, served: Served) -> None:
    """Open the page of the plant, and wait until the base case is there."""
    person.goes(served.page("/plant"))
    person.sees("Simulated:")
    person.one("[data-place]")


def status(person: Person) -> str:
    return person.one(".ah-status").text


def cell(person: Person, row: str, column: int) -> str:
    """Return the text of a cell of the table of indicators."""
    script = """const [row, column] = arguments;
    const found = [...document.querySelectorAll('.ah-results tr')].find(r => r.cells[0].innerText === row);
    return found ? found.cells[column].innerText : ''"""
    return str(person.driver.execute_script(script, row, column))


def test_a_scenario_from_the_first_click_to_a_file(person: Person, bsm1: Served) -> None:
    person.requests()
    opened(person, bsm1)
    person.waits(lambda: cell(person, "effluent.NH4 mean", 2))
    before = cell(person, "effluent.NH4 mean", 2)
    person.one('[data-place="tank:tank_5"]').click()
    person.sees("Tank tank_5: S_NH [g N/m³]")
    slider = person.labelled(f"{KLA}, slider")
    for _ in range(20):
        slider.send_keys("\ue014")  # the right arrow
    person.sees("press Run")
    given = float(person.labelled(KLA).get_attribute("value") or "nan")
    assert given > 84
    person.clicks("Run")
    person.sees("base case and 1 scenario")
    person.waits(lambda: cell(person, "effluent.NH4 mean", 3))
    assert cell(person, "effluent.NH4 mean", 2) == before
    assert cell(person, "effluent.NH4 mean", 3).split()[0] != before
    person.types("Scenario file, below the working folder", "more-air.yaml")
    person.clicks("Save")
    person.sees("The same by the command line")
    file = bsm1.folder / "more-air.yaml"
    person.goes(bsm1.page("/plant"))  # the page is loaded anew, and nothing is lost
    person.waits(lambda: person.labelled(KLA).get_attribute("value") == f"{given:g}")
    assert_like_the_command_line(person, file)
    hosts = {url.split("/")[2] for url in person.requests()}
    assert hosts == {bsm1.host}


def assert_like_the_command_line(person: Person, file: Path) -> None:
    """Compare all indicators that the page shows, and the means of the effluent, with the same file simulated."""
    found = ah.simulate("bsm1", file)
    table = found.indicators
    for name in ("EQI", "OCI", "aeration energy", "effluent.NH4 mean", "effluent.TN mean"):
        for k, case in enumerate(("base", "scenario-1")):
            shown = cell(person, name, 2 + k).split()[0].replace("−", "-")
            assert float(shown) == float(f"{table.loc[name, case]:.4g}"), (name, case)
    assert isinstance(io.StringIO, type)
    assert isinstance(table, pd.DataFrame)
