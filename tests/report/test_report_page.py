"""The report page: what it says, what it must never do, and that it is the same on every call."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.manifest import verify_manifest, write_manifest
from asm_hybrid.report import write_report
from asm_hybrid.report.run_page import render_report

Make = Callable[..., Path]
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Collects ids, attributes and text, and checks that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for key, value in attrs:
            self.attributes.append((tag, key, value or ""))
            if key == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module")
def page(run_folder: Path) -> Page:
    return Page(render_report(run_folder))


def edit_json(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | changes), encoding="utf-8")


def test_page_is_well_formed_with_unique_ids(page: Page) -> None:
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))


def test_a_run_without_competing_explanations_shows_where_n_acts(page: Page) -> None:
    assert "Explanations compete" not in page.text
    assert page.ids.index("verdict") < page.ids.index("missing") < page.ids.index("scores")
    assert "It is no evidence of a cause" in page.text


def test_no_request_leaves_the_page(page: Page) -> None:
    loading = {"src", "srcset", "action", "poster", "data", "background", "formaction", "ping", "manifest"}
    for tag, key, value in page.attributes:
        assert tag not in {"script", "iframe", "object", "embed", "base", "form"}
        assert key not in loading
        assert not key.startswith("on")
        if key in ("href", "xlink:href"):
            assert value.startswith("#") or value == "data:,"
        for target in re.findall(r"url\(([^)]*)\)", value):
            assert target.startswith("#")
    assert "@import" not in page.text
    policy = next(v for t, k, v in page.attributes if t == "meta" and k == "content" and "default-src" in v)
    assert policy.startswith("default-src 'none'")


def test_references_within_figures_resolve(page: Page) -> None:
    wanted = {v[1:] for _, k, v in page.attributes if k == "xlink:href"}
    wanted |= {t for _, _, v in page.attributes for t in re.findall(r"url\(#([^)]*)\)", v)}
    assert wanted
    assert wanted <= set(page.ids)


def test_verdict_comes_first_with_figures_of_each_variable(page: Page, run_folder: Path) -> None:
    summary = json.loads((run_folder / "summary.json").read_text(encoding="utf-8"))
    head, _, rest = summary["verdict"]["sentence"].partition(". ")
    assert head in page.text
    assert rest in page.text
    assert page.text.index(head) < page.text.index("Every model on the test block")
    for row in summary["verdict"]["variables"].values():
        change = row["change_percent"]
        assert f"RMSE {abs(change):.0f} % {'lower' if change < 0 else 'higher'}" in page.text
    assert [v["change_percent"] < 0 for v in summary["verdict"]["variables"].values()] == [True, True, False]
    assert ("div", "class", "verdict mixed") in page.attributes


def test_page_names_what_f_lacks_and_every_warning(page: Page, run_folder: Path) -> None:
    summary = json.loads((run_folder / "summary.json").read_text(encoding="utf-8"))
    assert "1. aerobic growth of autotrophs in aerobic_3" in page.text
    for warning in summary["warnings"]:
        assert warning in page.text
    for text in (
        "at its bound",
        "cannot be told apart",
        "0.550 to 0.670",
        "open at the upper bound",
        "long gap: no value for 33.5 h",
        "5f" * 32,
    ):
        assert text in page.text


def test_forecasts_stand_apart_from_simulations(page: Page, run_folder: Path) -> None:
    summary = json.loads((run_folder / "summary.json").read_text(encoding="utf-8"))
    simulated, forecast = page.text.split("This is another task than the simulation above")
    assert "Persistence" not in simulated
    for text in (*summary["forecast"]["sentences"], "1 h ahead", "6 h ahead", "24 h ahead", "287 origins, 1 h apart"):
        assert text in forecast
    assert "a perfect forecast of them" in forecast
    assert forecast.count("samples Persistence") == 6  # three horizons in two blocks
    for name in summary["variables"]:
        assert f"{name} on the test block, 6 h ahead" in forecast
    assert forecast.count("its 90 % band holds 88 % mean width 1.31") == 6


def test_coverage_of_the_bands_is_shown_for_both_blocks(page: Page, run_folder: Path) -> None:
    bands = json.loads((run_folder / "summary.json").read_text(encoding="utf-8"))["bands"]["variables"]
    for row in bands.values():
        for block in ("validate", "test"):
            assert f"{100 * row[block]['coverage']:.0f} %" in page.text
    assert "Hybrid, 90 % band" in page.text
    assert "Hybrid, range of seeds" in page.text


def test_a_run_without_forecasts_and_bands_is_shown(tmp_path: Path, make_run: Make) -> None:
    run = make_run(tmp_path / "run", mode="mechanistic")
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    del summary["forecast"]
    (run / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    text = Page(render_report(run)).text
    assert "another task than the simulation above" not in text
    assert "bands hold" not in text


def test_tanks_of_the_map_stand_in_flow_order(page: Page) -> None:
    part = page.text[page.text.index("Over the plant") :]
    places = [part.index(t) for t in ("anoxic_1", "anoxic_2", "aerobic_1", "aerobic_2", "aerobic_3")]
    assert places == sorted(places)


def test_every_variable_has_a_figure_with_its_unit(page: Page) -> None:
    for label in ("NH4 [g N/m³]", "NO3 [g N/m³]", "O2 [g/m³]"):
        assert label in page.text
    labels = [v for t, k, v in page.attributes if t == "svg" and k == "aria-label"]
    assert len(labels) == 1 + 3 + 3 + 3


def test_same_folder_gives_same_bytes(run_folder: Path) -> None:
    assert render_report(run_folder) == render_report(run_folder)


def test_page_does_not_depend_on_the_users_matplotlibrc(run_folder: Path) -> None:
    import matplotlib

    expected = render_report(run_folder)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.fonttype": "path"}):
        assert render_report(run_folder) == expected


def test_figures_keep_their_labels_inside(run_folder: Path) -> None:
    """Text must lie within the view box; its width is estimated from above."""
    for figure in re.findall(r"<svg.*?</svg>", render_report(run_folder), flags=re.DOTALL):
        root = ElementTree.fromstring(figure)
        _, _, width, height = (float(v) for v in root.attrib["viewBox"].split())
        texts = list(root.iter("{http://www.w3.org/2000/svg}text"))
        assert texts
        for text in texts:
            turn = re.match(r"rotate\((-?[\d.]+) ([\d.]+) ([\d.]+)\)", text.get("transform", ""))
            x, y = float(text.get("x", "0")), float(text.get("y", "0"))
            long = 0.65 * 8.5 * len(text.text or "")
            style = text.get("style", "")
            before = {"end": 1.0, "middle": 0.5}.get(
                (re.search(r"text-anchor: (\w+)", style) or [None, "start"])[1], 0.0
            )
            if turn and abs(float(turn[1])) == 90:
                assert 0 <= x <= width
                assert y - (1 - before) * long >= -1
                assert y + before * long <= height + 1
            else:
                assert 0 <= y <= height
                assert x - before * long >= -1
                assert x + (1 - before) * long <= width + 1


@pytest.mark.parametrize(("mode", "own"), [("mechanistic", "recalibrated"), ("neural", "neural")])
def test_runs_without_hybrid(tmp_path: Path, make_run: Make, mode: str, own: str) -> None:
    page = Page(render_report(make_run(tmp_path / "run", mode=mode)))
    assert f"The {own} model beats every baseline" in page.text
    assert "missing" not in page.ids
    assert "range of seeds" not in page.text


def test_state_placement_ranks_components(tmp_path: Path, make_run: Make) -> None:
    page = Page(render_report(make_run(tmp_path / "run", placement="state")))
    assert "1. S_NH in aerobic_3" in page.text
    assert "derivatives of the states" in page.text


def test_parameters_placement_ranks_parameters(tmp_path: Path, make_run: Make) -> None:
    page = Page(render_report(make_run(tmp_path / "run", placement="parameters")))
    for text in ("1. mu_A in aerobic_3", "parameters of the rates, tank by tank", "f's own value", "that parameter in"):
        assert text in page.text
    assert "f's own rate" not in page.text


def test_output_placement_ranks_variables(tmp_path: Path, make_run: Make) -> None:
    page = Page(render_report(make_run(tmp_path / "run", placement="output")))
    for text in ("1. aerobic_3.S_NH in aerobic_3", "measured variables, not the states", "f's own value"):
        assert text in page.text


def test_markup_in_names_stays_text(tmp_path: Path, make_run: Make) -> None:
    hostile = "<script>alert(1)</script> $x^2$ & \"q\" 'a'"
    run = make_run(tmp_path / "run", name=hostile)
    edit_json(run / "summary.json", warnings=["<img src=x onerror=alert(1)>"])
    predictions = run / "predictions.csv"
    predictions.write_text(predictions.read_text().replace(",NH4,", ",<b>NH4</b> $y$,"), encoding="utf-8")
    summary = (run / "summary.json").read_text(encoding="utf-8").replace('"NH4"', '"<b>NH4</b> $y$"')
    (run / "summary.json").write_text(summary, encoding="utf-8")
    page = Page(render_report(run))
    assert page.open == []
    assert not {"script", "img", "b"} & {tag for tag, key, _ in page.attributes if key in ("src", "onerror")}
    assert hostile in page.text
    assert "<b>NH4</b> $y$ [g N/m³]" in page.text


def test_loss_is_said_plainly(tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    verdict = summary["verdict"]
    verdict |= {
        "wins": False,
        "sentence": "The hybrid model does not beat the best baseline. NH4: 2 against 1.",
    }
    for row in verdict["variables"].values():
        row |= {"own_rmse": 2 * row["best_rmse"], "outcome": "worse"}
    verdict["variables"]["O2"] |= {"own_rmse": None, "outcome": "diverges"}
    edit_json(run / "summary.json", verdict=verdict)
    page = Page(render_report(run))
    assert ("div", "class", "verdict loss") in page.attributes
    assert "The hybrid model does not beat the best baseline." in page.text
    assert page.text.count("RMSE 100 % higher") == 2
    assert "diverges, no score" in page.text


def test_what_cannot_be_told_apart_is_neither_a_win_nor_a_loss(tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    verdict = json.loads((run / "summary.json").read_text(encoding="utf-8"))["verdict"]
    for row in verdict["variables"].values():
        row |= {"own_rmse": 0.9 * row["best_rmse"], "interval": [-30.0, 0.4], "outcome": "open"}
    edit_json(run / "summary.json", verdict=verdict | {"wins": False, "sentence": "It is open. NH4: 0.9 against 1."})
    page = Page(render_report(run))
    assert ("div", "class", "verdict none") in page.attributes
    assert page.text.count("RMSE 10 % lower; the data do not decide") == 3
    assert "−30 % to +0.4 %" in page.text
    assert not any(name == "class" and "better" in (value or "") for _, name, value in page.attributes)


def test_a_gain_too_small_to_be_shown_is_neither_0_percent_nor_coloured(tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    verdict = json.loads((run / "summary.json").read_text(encoding="utf-8"))["verdict"]
    for row in verdict["variables"].values():
        row |= {"own_rmse": 0.9997 * row["best_rmse"], "interval": [-0.05, -0.04], "outcome": "better"}
    edit_json(run / "summary.json", verdict=verdict)
    page = Page(render_report(run))
    assert page.text.count("RMSE lower by less than 0.1 %") == 3
    assert not any(name == "class" and "better" in (value or "") for _, name, value in page.attributes)


def test_an_n_that_found_nothing_is_said_with_what_f_misses(tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    verdict = json.loads((run / "summary.json").read_text(encoding="utf-8"))["verdict"]
    verdict |= {"wins": False, "sentence": "n found nothing that validation confirms. NH4: 2 against 1."}
    verdict["misfit"] = {"NH4": {"rmse": 2.25, "noise": 0.3, "times_noise": 7.5}}
    edit_json(run / "summary.json", verdict=verdict, missing=[], n_found_nothing=True)
    page = Page(render_report(run))
    assert ("div", "class", "verdict none") in page.attributes
    assert "What f misses" in page.text
    assert "What f failed to capture" not in page.text
    assert "7.5" in page.text
    assert "0 %" not in page.text.split("What f misses")[-1].split("Every model")[0]


def test_what_leaves_the_trained_range_is_a_table(tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    row = {"place": "anoxic_1", "quantity": "S_NH", "unit": "g N/m3", "trained_low": 1.0, "trained_high": 3.0}
    edit_json(run / "summary.json", outside=[row | {"low": 5.5, "high": 14.0, "hours": 813.0}])
    text = " ".join(Page(render_report(run)).text.split())
    assert "S_NH anoxic_1 g N/m³ 1.00 to 3.00 5.50 to 14.0 813" in text


def test_a_run_of_an_earlier_version_is_read(tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    verdict = json.loads((run / "summary.json").read_text(encoding="utf-8"))["verdict"]
    for row in verdict["variables"].values():
        row["hybrid_rmse"] = row.pop("own_rmse")
        del row["outcome"]
    edit_json(run / "summary.json", verdict=verdict)
    assert "the data do not decide" in Page(render_report(run)).text


def test_scores_and_predictions_may_be_undefined(tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    summary["scores"]["test"]["NH4"]["hybrid"] |= {"r2": None, "rmse_seeds": [None, 0.3, 0.4]}
    del summary["scores"]["test"]["NO3"]["neural"]
    edit_json(run / "summary.json", scores=summary["scores"])
    lines = (run / "predictions.csv").read_text(encoding="utf-8").splitlines()
    broken = [re.sub(r"[^,]+$", "inf", line) if i % 50 == 1 else line for i, line in enumerate(lines)]
    (run / "predictions.csv").write_text("\n".join(broken) + "\n", encoding="utf-8")
    assert Page(render_report(run)).open == []


def test_write_report_keeps_the_manifest_true(tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    path = write_report(run)
    assert path == run / "report.html"
    assert "report.html" in verify_manifest(run)


@pytest.mark.parametrize("name", ["summary.json", "parameters.json", "data.json", "predictions.csv", "config.yaml"])
def test_missing_file_is_named_and_nothing_is_written(tmp_path: Path, run_folder: Path, name: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    (run / name).unlink()
    with pytest.raises(InputError, match=re.escape(name)):
        write_report(run)
    assert not list(run.glob("*report*"))


def test_damaged_summary_names_the_key(tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    edit_json(run / "summary.json", mode="quantum")
    with pytest.raises(InputError, match=r"summary\.json was changed"):
        write_report(run)
    write_manifest(run)
    with pytest.raises(InputError, match="mode"):
        write_report(run)


def test_predictions_without_a_needed_column(tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    text = (run / "predictions.csv").read_text(encoding="utf-8")
    (run / "predictions.csv").write_text(text.replace("measured", "m", 1), encoding="utf-8")
    write_manifest(run)
    with pytest.raises(InputError, match="measured"):
        write_report(run)
