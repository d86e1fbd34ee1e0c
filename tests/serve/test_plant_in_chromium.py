"""The page of a plant, as people use it, in a real browser."""

from __future__ import annotations

import io
import os
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from serve_tools import Person, Served, serving

import asm_hybrid as ah

pytestmark = pytest.mark.slow

KLA = "kLa of tank_5 [1/d]"
FILE = "Scenario file, below the working folder"


@pytest.fixture
def fresh(tmp_path: Path, wide: Person) -> Iterator[Served]:
    """Return a program that serves BSM1, opened at its page, with the base case simulated."""
    with serving("bsm1", folder=tmp_path) as served:
        opened(wide, served)
        yield served


def opened(person: Person, served: Served) -> None:
    person.goes(served.page("/plant"))
    person.sees("Simulated:")
    person.one("[data-place]")


def value(person: Person, label: str) -> str | None:
    return person.labelled(label).get_attribute("value")


def cell(person: Person, row: str, column: int) -> str:
    """Return the text of a cell of the table of indicators, empty while it is not there."""
    script = """const [row, column] = arguments;
    const found = [...document.querySelectorAll('.ah-results tr')].find(r => r.cells[0].innerText === row);
    return found && found.cells[column] ? found.cells[column].innerText : ''"""
    return str(person.driver.execute_script(script, row, column))


def test_from_the_first_click_to_a_file_as_the_command_line_has_it(wide: Person, bsm1: Served) -> None:
    wide.requests()
    opened(wide, bsm1)
    before = wide.waits(lambda: cell(wide, "effluent.NH4 mean", 2))
    wide.one('[data-place="tank:tank_5"]').click()
    wide.sees("Tank tank_5: S_NH [g N/m³]")
    wide.labelled(f"{KLA}, slider").send_keys(*[Keys.ARROW_RIGHT] * 20)
    wide.sees("press Run")
    given = wide.waits(lambda: (v := value(wide, KLA)) and float(v) > 84 and v)
    wide.clicks("Run")
    wide.sees("base case and 1 scenario")
    after = wide.waits(lambda: cell(wide, "effluent.NH4 mean", 3))
    assert cell(wide, "effluent.NH4 mean", 2) == before
    assert float(after.split()[0]) < float(before)
    wide.types(FILE, "more-air.yaml")
    wide.clicks("Save")
    wide.sees("The same by the command line")
    opened(wide, bsm1)  # the page is loaded anew, and nothing is lost
    assert value(wide, KLA) == given
    archive = zipfile.ZipFile(io.BytesIO(wide.downloads("All series (CSV)", "series.zip")))
    folder = ah.simulate("bsm1", bsm1.folder / "more-air.yaml", out=bsm1.folder / "out").folder
    assert folder is not None
    for name in ("indicators.csv", "base/series.csv", "scenario-1/series.csv"):
        assert archive.read(name) == (folder / name).read_bytes()
    assert wide.downloads("Indicators (CSV)", "indicators.csv") == (folder / "indicators.csv").read_bytes()
    assert wide.downloads("Page (HTML)", "simulation.html") == (folder / "index.html").read_bytes()
    assert (
        wide.downloads("Tank tank_5: S_NH as PNG".replace("Tank tank_5", "Effluent"), "Effluent--S-NH.png")[1:4]
        == b"PNG"
    )
    assert {url.split("/")[2] for url in wide.requests()} == {bsm1.host}  # nothing was asked of any other host


def test_axe_finds_no_serious_fault_at_any_width(wide: Person, bsm1: Served) -> None:
    opened(wide, bsm1)
    wide.waits(lambda: cell(wide, "EQI", 2))
    for summary in wide.driver.find_elements("css selector", "summary"):
        wide.driver.execute_script("arguments[0].parentElement.open = true", summary)
    assert wide.faults() == []
    for width in (1280, 390):
        wide.resizes(width)
        page, window = wide.width()
        assert page <= window
    assert wide.faults() == []


def test_by_keyboard_alone(fresh: Served, wide: Person) -> None:
    tab_to(wide, "Tank tank_4, 1\u2009333 m³, kLa 240 1/d")
    wide.presses(Keys.ENTER)
    wide.sees("Tank tank_4: S_NH [g N/m³]")
    tab_to(wide, "Temperature [°C]")
    wide.presses("9", Keys.TAB)
    wide.presses(Keys.HOME)
    tab_to(wide, "Run", backwards=True)
    wide.presses(Keys.ENTER)
    wide.sees("base case and 1 scenario")
    assert wide.waits(lambda: cell(wide, "effluent.NH4 mean", 3))


def tab_to(person: Person, name: str, *, backwards: bool = False) -> None:
    """Press the key Tab until what has a name has the focus."""
    for _ in range(150):
        if person.driver.switch_to.active_element.accessible_name == name:
            return
        person.tabs(backwards=backwards)
    raise AssertionError(f"nothing with the name {name!r} can be reached")


def test_a_second_tab_shows_the_same_and_says_who_changed_it(fresh: Served, wide: Person) -> None:
    first = wide.driver.current_window_handle
    wide.driver.switch_to.new_window("tab")
    opened(wide, fresh)
    second = wide.driver.current_window_handle
    wide.types("Wastage [m³/d]", "300")
    wide.sees("press Run")
    wide.driver.switch_to.window(first)
    wide.sees("changed in another tab")
    wide.waits(lambda: value(wide, "Wastage [m³/d]") == "300")
    wide.types("Return sludge [m³/d]", "15000")
    wide.driver.switch_to.window(second)
    wide.waits(lambda: value(wide, "Return sludge [m³/d]") == "15000")
    assert value(wide, "Wastage [m³/d]") == "300"


def test_what_cannot_be_is_said_where_the_user_looks(fresh: Served, wide: Person) -> None:
    (fresh.folder / "broken.yaml").write_text("scenarios:\n  a:\n    - {input: tank_9.kla, set: 3}\n")
    wide.types(FILE, "broken.yaml")
    wide.clicks("Load")
    wide.sees("the plant has no input 'tank_9.kla'")
    wide.types(FILE, "../elsewhere.yaml")
    wide.clicks("Save")
    wide.sees("is not below the folder")
    wide.types(FILE, "broken.yaml")
    wide.clicks("Save")
    wide.sees("is there already")
    wide.clicks("Keep it")
    assert "tank_9" in (fresh.folder / "broken.yaml").read_text()
    wide.types("Influent flow [m³/d]", "-5")
    wide.sees("press Run")
    wide.clicks("Run")
    wide.sees("the change makes Q_in negative")
    wide.types("Influent flow [m³/d]", "20000")
    wide.clicks("Run")
    wide.sees("base case and 1 scenario")


def test_a_number_is_taken_as_it_was_written_or_not_at_all(fresh: Served, wide: Person) -> None:
    wide.types(KLA, "90")
    wide.sees("press Run")
    wide.types(KLA, "1,5")  # the browser's own field for numbers leaves the comma out
    wide.sees("write a decimal point, as in 1.5")
    wide.types(FILE, "written.yaml")
    wide.clicks("Save")
    wide.sees("The same by the command line")
    assert "{input: tank_5.kla, set: 90.0}" in (fresh.folder / "written.yaml").read_text()
    wide.types("Days", "1,5")
    wide.sees("has a comma within the number")
    wide.types("Days", "14")  # as it was before: nothing is wrong any more
    wide.waits(lambda: "has a comma within the number" not in wide.text)


def test_files_that_are_none(fresh: Served, wide: Person) -> None:
    (fresh.folder / "large.yaml").write_text("# much\n" * 100_000)
    os.mkfifo(fresh.folder / "pipe.yaml")  # reading it would wait for ever
    for name, said in (
        ("large.yaml", "the file is too large"),
        ("pipe.yaml", "this is no file"),
        ("~nobody-of-this-name/a.yaml", "names a home folder that is not known"),
    ):
        wide.types(FILE, name)
        wide.clicks("Load")
        wide.sees(said)
    wide.types(FILE, f"{'a' * 300}.yaml")
    wide.clicks("Save")
    wide.sees("the file cannot be written")


def test_a_process_that_is_killed_loses_nothing(fresh: Served, wide: Person) -> None:
    wide.types("Days", "600")
    wide.types("Wastage [m³/d]", "350")
    wide.sees("press Run")
    wide.clicks("Run")
    wide.sees("Simulating")
    os.kill(child_of(fresh), signal.SIGKILL)
    wide.sees("the process that simulates has ended")
    wide.types("Days", "14")
    wide.waits(lambda: value(wide, "Wastage [m³/d]") == "350")
    wide.clicks("Run")
    wide.sees("base case and 1 scenario, 14 d")


def child_of(served: Served) -> int:
    """Return the process that simulates: the child of the program that has used most time of the processor."""
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    return max(map(int, children), key=lambda pid: sum(map(int, Path(f"/proc/{pid}/stat").read_text().split()[13:15])))


def test_a_file_keeps_what_the_page_does_not_know(fresh: Served, wide: Person) -> None:
    text = """name: kept
seed: 3
score_from: 2 d
scenarios:
  loop:
    control:
      oxygen: {measure: tank_4.S_O, move: tank_4.kla, setpoint: 2 mg/L, gain: 50, integral_time: 20 min,
        offset: 100, high: 300}
    changes: [{input: Q_in, scale: 1.2, start: 3 d, end: 5 d}]
"""
    (fresh.folder / "kept.yaml").write_text(text)
    wide.types(FILE, "kept.yaml")
    wide.clicks("Load")
    wide.sees("controller oxygen, which the file keeps")
    wide.sees("Q_in × 1.2 from 3 d until 5 d")
    wide.types("Temperature [°C]", "12")
    wide.sees("press Run")
    wide.types(FILE, "again.yaml")
    wide.clicks("Save")
    wide.sees("The same by the command line")
    from asm_hybrid.yamlfile import load_yaml

    before, after = (load_yaml(fresh.folder / name).data for name in ("kept.yaml", "again.yaml"))
    assert after["scenarios"]["loop"]["changes"].pop() == {"input": "T", "set": 12}
    assert after == before
