"""The pages of runs and trainings, as people use them, in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from serve_tools import Person, Served, serving
from small_plant import BEYOND, CONFIG, write_case

from asm_hybrid.serve.training_list import look_at

pytestmark = pytest.mark.slow

LONG = CONFIG.replace("iterations: 4", "iterations: 2000").replace("validate_every: 2", "validate_every: 100")
"""A training that does not end before the test stops it."""
SHORT = CONFIG.replace("iterations: 4", "iterations: 30")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, small_run: Path, person: Person) -> Iterator[Served]:
    """Return a program in a folder with configs and one finished run."""
    folder = tmp_path_factory.mktemp("plant")
    shutil.copytree(small_run, folder / "runs" / "first")
    write_case(folder, LONG, truth=BEYOND)
    for name, text in (("long.yaml", LONG), ("short.yaml", SHORT), ("bad.yaml", LONG.replace("mu_A", "mu_B"))):
        (folder / name).write_text(text, encoding="utf-8")
    with serving("runs/first", folder=folder) as served:
        yield served


def chart(person: Person, what: str) -> object:
    """Return something of the chart of measured and predicted."""
    found = "getElement(+document.querySelector('#series .nicegui-echart').id.slice(1))"
    return person.driver.execute_script(f"const chart = {found}.chart; return {what}")


def ticks(person: Person, name: str) -> None:
    """Tick a box by the keyboard."""
    boxes = person.driver.find_elements("css selector", "[role=checkbox]")
    next(box for box in boxes if box.accessible_name == name).send_keys(" ")


def zoomed(person: Person) -> float:
    """Return how much of the time is shown [%]."""
    found = chart(person, "(z => z.end - z.start)(chart.getOption().dataZoom[0])")
    assert isinstance(found, int | float)
    return float(found)


def drawn(person: Person, model: str) -> bool:
    return bool(chart(person, f"chart.getOption().legend[0].selected['{model}']"))


def test_a_run_from_the_verdict_to_the_zoom(person: Person, runs: Served) -> None:
    person.resizes(1280)
    person.requests()
    person.goes(runs.page("/run"))
    summary = json.loads((runs.folder / "runs/first/summary.json").read_text(encoding="utf-8"))
    person.sees(summary["verdict"]["sentence"].split(". ")[0])
    person.sees("What f failed to capture")
    person.sees("Every model on the test block")
    person.one("#series canvas")
    assert zoomed(person) == 100
    person.clicks("Zoom in")
    person.waits(lambda: zoomed(person) == 50)
    assert drawn(person, "Hybrid")
    assert not drawn(person, "Pure neural ODE")
    ticks(person, "Pure neural ODE")
    person.waits(lambda: drawn(person, "Pure neural ODE"))
    assert zoomed(person) == 50  # what is shown stays in place
    count = chart(person, "chart.getOption().series.find(s => s.name === 'Hybrid').data.length")
    assert isinstance(count, int)
    assert count > 200
    assert person.faults() == []
    assert {url.split("/")[2] for url in person.requests()} == {runs.host}
    person.resizes(390)
    page, window = person.width()
    assert page <= window
    assert person.faults() == []
    person.resizes(1280)


def fetched(person: Person, runs: Served, folder: str, name: str) -> tuple[int, str, str]:
    """Return the status, the policy and the text of a file, as the browser gets it."""
    cookies = "; ".join(f"{c['name']}={c['value']}" for c in person.driver.get_cookies())
    address = f"http://{runs.host}/run-file?folder={quote(folder)}&name={quote(name)}"
    request = urllib.request.Request(address, headers={"Cookie": cookies})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers["Content-Security-Policy"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Security-Policy"], error.read().decode()


def test_the_report_is_served_and_nothing_else(person: Person, runs: Served) -> None:
    person.goes(runs.page("/run"))
    first = str(runs.folder / "runs/first")
    status, policy, text = fetched(person, runs, first, "report.html")
    assert (status, policy[:8]) == (200, "sandbox;")
    assert text == (runs.folder / "runs/first/report.html").read_text(encoding="utf-8")
    for folder, name in ((first, "config.yaml"), (first, "../../long.yaml"), (str(runs.folder), "report.html")):
        assert fetched(person, runs, folder, name)[0] == 404
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"http://{runs.host}/run-file?folder={quote(first)}&name=report.html")


def test_a_run_that_is_deleted_under_the_page(person: Person, runs: Served) -> None:
    second = runs.folder / "runs" / "second"
    shutil.copytree(runs.folder / "runs" / "first", second)
    address = runs.page("/run") + f"&folder={quote('runs/second')}"
    person.goes(address)
    person.one("#series canvas")
    shutil.rmtree(second)
    person.sees("The folder of this run is gone")
    person.goes(address)
    person.sees("the folder does not exist")


def state(person: Person) -> str:
    """Return what is said of the training that is followed."""
    return person.one("section.ah-panel [role=status].ah-followed").text


def begins(person: Person, config: str, name: str) -> None:
    person.types("Config", config)
    person.types("Name of the run", name)
    person.clicks("Check and start")


def test_a_config_that_fails_its_check_is_not_trained(person: Person, runs: Served) -> None:
    person.goes(runs.page("/trainings"))
    person.sees("first")
    begins(person, "bad.yaml", "bad")
    person.sees("mu_B")
    person.sees("did you mean")
    begins(person, "none.yaml", "bad")
    person.sees("there is no file 'none.yaml'")
    begins(person, "short.yaml", "first")
    person.sees("there is something in the run folder already")
    assert not (runs.folder / "runs" / "bad").exists()


def test_a_training_is_begun_stopped_and_goes_on(person: Person, runs: Served) -> None:
    person.goes(runs.page("/trainings"))
    begins(person, "short.yaml", "short")
    person.sees("Training short")
    person.waits(lambda: state(person).startswith("running: fitting n"))
    person.waits(lambda: "Loss by stage" in person.text)
    assert person.faults() == []
    person.clicks("Stop")
    person.waits(lambda: state(person).startswith("stopped, can go on"))
    assert "interrupted; the best model so far is in" in person.one(".ah-log[aria-label=Log]").get_property(
        "textContent"
    )
    person.goes(runs.page("/trainings"))  # another tab would see the same
    person.clicks("Progress and log of short")
    person.waits(lambda: state(person).startswith("stopped, can go on"))
    person.clicks("Go on")
    person.waits(lambda: state(person).startswith("running"))
    person.waits(lambda: state(person).startswith("finished"))
    person.clicks("Open the run")
    person.one("#series canvas")
    person.goes(runs.page("/trainings"))
    for name in ("first", "short"):
        ticks(person, f"Choose {name} to compare")
    person.clicks("Compare the chosen")
    person.sees("has the lowest RMSE")
    assert person.faults() == []
    person.resizes(390)
    page, window = person.width()
    assert page <= window
    person.resizes(1280)


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_trainings_are_stopped_with_the_program(person: Person, tmp_path: Path) -> None:
    config = write_case(tmp_path, LONG, truth=BEYOND)
    with serving(folder=tmp_path) as served:
        person.goes(served.page("/trainings"))
        begins(person, config.name, "long")
        person.waits(lambda: state(person).startswith("running: fitting n"))
        person.goes("about:blank")  # the page is closed, and the training goes on
        folder = tmp_path / "runs" / "long"
        entry = look_at(folder)
        assert entry is not None
        assert entry.state == "running"
        served.process.send_signal(signal.SIGINT)
        assert served.process.stdout is not None
        said = served.process.stdout.read()
        served.process.wait(60)
    assert f"asm-hybrid train --resume {folder}" in said
    entry = look_at(folder)
    assert entry is not None
    assert entry.state == "stopped"
