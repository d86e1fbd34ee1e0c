"""The page of a simulated plant: what it says, that nothing leaves it, and that it is the same on every call."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_report_page import Page

from asm_hybrid.report.simulation import run_simulation
from asm_hybrid.report.simulation_page import PAGE, simulation_files
from asm_hybrid.scenario.cases import PlantScenarios
from asm_hybrid.scenario.plants import simulate_plant

FLOWSHEET = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><g id="tanks"><text>tank</text></g></svg>'
TEXT = """\
name: two-cases
days: 1
score_from: 0.5
scenarios:
  less-air: [{input: tank_5.kla, scale: 0.2}]
  "more": [{input: recycle.internal, set: 60000, start: 6 h}]
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> PlantScenarios:
    path = tmp_path_factory.mktemp("simulation") / "scenario.yaml"
    path.write_text(TEXT)
    return simulate_plant("bsm1", path)


@pytest.fixture(scope="module")
def files(result: PlantScenarios) -> dict[str, bytes]:
    return simulation_files(result, FLOWSHEET)


@pytest.fixture(scope="module")
def page(files: dict[str, bytes]) -> Page:
    return Page(files[PAGE].decode())


def test_plots_are_png_and_svg_and_the_page_comes_last(files: dict[str, bytes]) -> None:
    kinds = ("kpi", "effluent", "effluent_more", "operation", "settler")
    assert list(files)[-1] == PAGE
    assert set(files) == {f"{kind}.{end}" for kind in kinds for end in ("png", "svg")} | {PAGE}
    assert all(files[f"{kind}.png"].startswith(b"\x89PNG") for kind in kinds)


def test_page_is_well_formed_with_unique_ids(page: Page) -> None:
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    wanted = {v[1:] for _, k, v in page.attributes if k in ("href", "xlink:href") and v.startswith("#")}
    wanted |= {t for _, _, v in page.attributes for t in re.findall(r"url\(#([^)]*)\)", v)}
    assert wanted <= set(page.ids)


def test_no_request_leaves_the_page(page: Page, files: dict[str, bytes]) -> None:
    for tag, key, value in page.attributes:
        assert tag not in {"script", "iframe", "object", "embed", "base", "form", "img"}
        assert key not in {"src", "srcset", "action", "data"}
        assert not key.startswith("on")
        if key in ("href", "xlink:href"):
            assert value.startswith("#") or value == "data:,"
    text = re.sub(r'xmlns(:xlink)?="http://www\.w3\.org/[^"]*"', "", files[PAGE].decode())
    assert "http" not in text.replace("http-equiv", "")
    policy = next(v for t, k, v in page.attributes if t == "meta" and k == "content" and "default-src" in v)
    assert policy.startswith("default-src 'none'")


def test_page_names_cases_changes_and_what_counts(page: Page, result: PlantScenarios) -> None:
    for case in result.cases:
        assert case.name in page.text
        assert all(change in page.text for change in case.changes)
    for text in ("two-cases", "1 d, indicators from day 0.5", "time with TN above 18 g N/m³", "10 layers", "1/d."):
        assert text in page.text
    assert TEXT.strip().splitlines()[-1].split("[")[1] in page.text


def test_page_has_every_indicator_with_its_difference(page: Page, result: PlantScenarios) -> None:
    for indicator in result.cases[0].indicators:
        assert indicator.name in page.text
    base, less, _ = ({i.name: i.value for i in case.indicators}["aeration energy"] for case in result.cases)
    assert f"{100 * (less / base - 1):+.1f} %".replace("-", "−") in page.text


def test_the_flow_sheet_has_its_place(page: Page, result: PlantScenarios) -> None:
    assert "flowsheet-tanks" in page.ids
    assert "flowsheet" in page.ids
    without = Page(simulation_files(result)[PAGE].decode())
    assert "flowsheet" not in without.ids


def test_same_simulation_gives_same_bytes(result: PlantScenarios, files: dict[str, bytes]) -> None:
    assert simulation_files(result, FLOWSHEET) == files


def test_a_plant_without_settler_limits_and_scenarios(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text("days: 0.5\nlimits: {}\nchanges: [{input: load, scale: 1.1}]\n")
    result, folder = run_simulation("cstr", path, tmp_path / "out")
    text = Page((folder / PAGE).read_text()).text
    assert result.name == "cstr"
    assert "load × 1.1" in text
    assert "Final settler" not in text
    assert not (folder / "effluent.png").exists()
    assert (folder / "scenario" / "series.csv").exists()


def test_more_cases_than_colours_take_several_figures(tmp_path: Path) -> None:
    cases = "".join(f"  case-{k}: [{{input: T, shift: {k}}}]\n" for k in range(1, 8))
    path = tmp_path / "scenario.yaml"
    path.write_text(f"days: 0.1\nscenarios:\n{cases}")
    found = simulation_files(simulate_plant("cstr", path))
    assert {"kpi.png", "kpi_2.png", "operation_2.svg"} <= set(found)
    assert "kpi_3.png" not in found
    assert all(f"case-{k}" in found[PAGE].decode() for k in range(1, 8))


def test_a_plant_without_a_steady_state_says_so(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text("days: 0.5\nspin_up: 0.25\nchanges: [{input: T, shift: 1}]\n")
    text = Page(simulation_files(simulate_plant("sbr", path))[PAGE].decode()).text
    assert "no steady state" in text
    assert "the base case ran for 0.25 d" in text
    assert "by a time table" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{seed: 3, start_day: 90}", "made, from day 90 of the year, seed 3"),
        ("{population: 25000}", "made, for 25000 population equivalents, from day 0 of the year, seed 0"),
    ],
)
def test_an_influent_that_was_made_is_no_file_without_a_name(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(f"name: made\ndays: 1\ninfluent: {{generate: {text}}}\nchanges: [{{input: T, shift: 1}}]\n")
    page = simulation_files(simulate_plant("cstr", path), FLOWSHEET)[PAGE].decode()
    shown = " ".join(Page(page).text.split())
    assert words in shown
    assert "None" not in shown
