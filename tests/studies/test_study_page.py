"""The page of a study: what it says, and that it runs nothing that a name holds."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from study_tools import plant_study, study

from asm_hybrid.artefacts import csv_text, restored
from asm_hybrid.parallel import Outcome
from asm_hybrid.report.study_page import study_page, write_study_page
from asm_hybrid.report.study_tables import study_tables
from asm_hybrid.report.study_words import came_out, sensitivity_text
from asm_hybrid.studies import StudyResult, exceedance, pareto_front, quantile_table, sensitivity

HOSTILE = ("<script>alert(1)</script>", "=cmd|' /C calc'!A0", "$x$ & </script>", "mu_A\"'", "<!--")
TITLE = "</title><script>alert(3)</script>"


class Page(HTMLParser):
    """What a page holds: elements with their attributes, scripts, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.scripts[0][1])
        return found


def told(result: StudyResult) -> str:
    """Return the sentences of the head."""
    tables = (quantile_table(result), exceedance(result), sensitivity(result), pareto_front(result))
    return "\n".join(came_out(result, *tables))


@pytest.fixture(scope="module")
def hostile() -> Page:
    result = plant_study(40, HOSTILE, name=TITLE, description=TITLE, command=TITLE, subject=TITLE, notes=(TITLE,))
    return Page(study_page(result))


def test_nothing_that_a_name_holds_becomes_an_element(hostile: Page) -> None:
    assert [attributes for attributes, _ in hostile.scripts] == [
        {"type": "application/json", "id": "study-data"},
        {},
    ]
    assert not any(name.startswith("on") for _, attributes in hostile.elements for name in attributes)
    assert "img" not in {tag for tag, _ in hostile.elements}
    for name in (*HOSTILE, TITLE, "<b>feed</b> forward", "<img src=x onerror=alert(2)>", "<i>oxygen</i>"):
        assert " ".join(name.split()) in hostile.text
    assert [column["name"] for column in hostile.data["columns"]][:5] == list(HOSTILE)


def test_the_page_asks_for_nothing_and_lets_only_its_own_script_run(hostile: Page) -> None:
    policy = next(a["content"] for tag, a in hostile.elements if tag == "meta" and "http-equiv" in a)
    own = base64.b64encode(hashlib.sha256(hostile.scripts[1][1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{own}'; img-src data:"
    for tag, attributes in hostile.elements:
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,")), (tag, attributes)


def test_no_cell_of_a_table_is_a_formula_and_all_come_back() -> None:
    tables = study_tables(plant_study(20, HOSTILE))
    assert set(tables) == {"results", "quantiles", "sensitivity", "exceedance", "pareto", "bands", "series"}
    for table in tables.values():
        cells = [cell.strip('"') for line in csv_text(table).splitlines() for cell in line.split(",")]
        assert not any(cell.startswith(("=", "+", "@", "-cmd")) for cell in cells)
    results = restored(tables["results"])
    assert list(results)[:3] == ["case", f"{HOSTILE[0]} [-]", f"{HOSTILE[1]} [degC]"]
    assert results["error"][4] == "CVODES gave up <img src=x onerror=alert(2)> fix: look at case 4"
    assert np.isnan(results["OCI [-]"][4])


def test_a_factor_and_a_figure_of_one_name_have_columns_of_their_own() -> None:
    result = study(lambda u: {"a": u[:, 0] * 2}, ["a"], count=8)
    results = study_tables(result)["results"]
    assert list(results) == ["case", "a [-]", "a [-] figure", "error", "notes"]
    np.testing.assert_allclose(results["a [-] figure"], 2 * results["a [-]"])


def test_series_have_their_cases_and_times() -> None:
    result = plant_study(20, origin=pd.Timestamp("2026-01-05T00:00Z"))
    series, bands = study_tables(result)["series"], study_tables(result)["bands"]
    assert list(series) == ["case", "time", "effluent.NH4 [g N/m3]", "effluent.TN [g N/m3]"]
    assert set(series["case"]) == {-1} | {outcome.case for outcome in result.done}
    own = series[series["case"] == 7]
    np.testing.assert_array_equal(own["effluent.TN [g N/m3]"], result.outcomes[7].series["effluent.TN"])
    assert own["time"].iloc[-1] == pd.Timestamp("2026-01-08T00:00Z")
    assert len(bands) == 2 * result.times.size


def test_failed_cases_are_counted_listed_and_told_of() -> None:
    page = Page(study_page(plant_study(40)))
    assert "37 cases came out; 3 failed" in page.text
    assert "CVODES gave up <img src=x onerror=alert(2)> fix: look at case 19" in page.text
    assert page.data["failed"].count(True) == 3


def test_a_study_in_which_all_cases_failed_says_so_and_nothing_else() -> None:
    result = plant_study(6)
    own = tuple(Outcome(k, error="no water") for k in range(6))
    page = Page(study_page(replace(result, outcomes=own)))
    assert "All 6 cases failed: nothing can be told." in page.text
    assert "6 0, 1, 2, 3, 4, 5 no water" in page.text
    assert page.text.count("no water") == 7
    assert "median 1" not in page.text


def test_one_case_is_told_without_intervals() -> None:
    result = plant_study(1, pareto=())
    text = told(result)
    assert f"OCI: one case gives it, {result.values('OCI')[0]:.0f}" in text
    assert "What moves OCI is not told: one case tells no difference." in text
    assert "median" not in text
    assert Page(study_page(result)).data["cases"] == [0]


def test_figures_that_are_constant_or_not_numbers_are_said_to_be_so() -> None:
    result = plant_study(30, pareto=())
    own = [replace(o, figures={**o.figures, "OCI": np.nan}) if not o.error else o for o in result.outcomes]
    gone = replace(result, outcomes=tuple(own), base=None)
    assert "OCI: no case gives it." in told(gone)
    assert "What moves OCI is not told: no case gives it." in told(gone)
    page = Page(study_page(gone))
    column = next(c for c in page.data["columns"] if c["name"] == "OCI")
    assert column["values"] == [None] * 30
    assert sensitivity_text(result, "sludge production", sensitivity(result)) == (
        "What moves sludge production is not told: it is the same in all cases."
    )


def test_a_study_without_figures_series_or_factors_has_a_page() -> None:
    result = plant_study(5, figures=(), limits={}, pareto=(), base=None)
    bare = replace(
        result,
        outcomes=tuple(Outcome(k) for k in range(5)),
        times=np.empty(0),
        factors=(),
        design=pd.DataFrame(index=range(5)),
    )
    page = Page(study_page(bare))
    assert "5 cases of bsm1_open.yaml, in which nothing varies" in page.text
    assert list(study_tables(bare)) == ["results"]


@pytest.mark.parametrize("method", ["grid", "morris", "sobol_indices", "sobol", "list", "search"])
def test_every_design_has_a_page_that_claims_no_more_than_it_tells(method: str) -> None:
    def model(cube: np.ndarray) -> dict[str, np.ndarray]:
        return {"y": cube[:, 0] + cube[:, 1] ** 2, "z": 1 - cube[:, 0]}

    if method in ("grid", "morris", "sobol_indices"):
        result = study(model, ["a", "b"], method, 16, pareto=(("y", "min"), ("z", "min")))
    else:
        result = replace(study(model, ["a", "b"], count=64), method=method)
    text, page = told(result), Page(study_page(result))
    drawn = method in ("sobol_indices", "sobol", "list")
    assert ("95 % interval" in text) == drawn
    assert ("in these cases, half of them below" in text) == (not drawn)
    assert ("y: median" in text) == drawn
    assert ("What moves the figures" in page.text) == (method != "search")


def test_what_leads_is_named_only_where_its_interval_lies_above_the_others() -> None:
    def model(cube: np.ndarray) -> dict[str, np.ndarray]:
        return {"clear": 5 * cube[:, 0] + cube[:, 1], "close": cube[:, 0] + 0.98 * cube[:, 1]}

    result = study(model, ["a", "b"], "sobol_indices", 256)
    table = sensitivity(result)
    assert sensitivity_text(result, "clear", table).startswith("The variance of clear comes most from a (0.96; 95 %: ")
    assert sensitivity_text(result, "close", table).startswith(
        "Which factor causes most of the variance of close is not told, since intervals overlap; it is one of a ("
    )
    few = study(model, ["a", "b"], "sobol_indices", 8)
    assert "There are only 8 blocks: take the intervals of what moves the figures as rough." in told(few)
    assert "There are only" not in told(result)


def test_a_direction_is_told_only_where_the_interval_leaves_zero_out() -> None:
    result = plant_study(60)
    table = sensitivity(result)
    text = sensitivity_text(result, "OCI", table)
    rows = table[(table["figure"] == "OCI") & table["value"].notna()].set_index("factor")
    rising, unknown = text.partition("Whether OCI rises or falls with ")[::2]
    for factor, row in rows.iterrows():
        decided = row["low"] > 0 or row["high"] < 0
        assert (str(factor) in rising) == decided
        assert (str(factor) in unknown) == (not decided)


def test_limits_are_told_by_days_time_and_cases() -> None:
    text = told(plant_study(40))
    assert "effluent.NH4 above 4 g N/m³: on " in text
    assert "of the days by their means (95 % interval " in text
    result = plant_study(40, limits={"effluent.TN": 90.0})
    text = told(result)
    assert "effluent.TN above 90 g N/m³: at no time in any of 37 cases; of all such cases, it may be at most" in text


def test_the_same_study_gives_the_same_page_to_the_byte(tmp_path: Path) -> None:
    path = write_study_page(plant_study(20), tmp_path)
    first = path.read_bytes()
    slow = plant_study(20)
    slow = replace(slow, outcomes=tuple(replace(outcome, seconds=99.0) for outcome in slow.outcomes))
    assert write_study_page(slow, tmp_path).read_bytes() == first
    assert write_study_page(slow, tmp_path, study_tables(slow)).read_bytes() == first
    assert path.name == "report.html"


def test_the_first_cases_are_there_without_a_script() -> None:
    html = study_page(plant_study(120))
    page = Page(html)
    assert sum(tag == "noscript" for tag, _ in page.elements) == 2
    body = html[html.index('id="table"') :]
    assert body[: body.index("</table>")].count("<tr") == 51
    assert len(page.data["cases"]) == 120
