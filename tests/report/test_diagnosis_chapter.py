"""The chapter on what f failed to capture: what it shows of each kind of diagnosis, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from diagnosis_cases import CASES, fault, kinetics, several

from asm_hybrid.diagnosis.explanation_words import sentences
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import write_manifest
from asm_hybrid.report import write_report
from asm_hybrid.report.diagnosis_chapter import diagnosis_chapter
from asm_hybrid.report.diagnosis_record import Diagnosis, read_diagnosis
from asm_hybrid.report.templating import get_template

SUMMARY = SimpleNamespace(n_found_nothing=False)


def render(found: dict[str, Any]) -> str:
    """Return the chapter of a diagnosis, of a run whose n is not ranked."""
    record = Diagnosis.model_validate(found | {"sentences": sentences(found)})
    return get_template("missing.html.j2").render(diagnosis=diagnosis_chapter(record), missing=None, summary=SUMMARY)


def words(chapter: str) -> str:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", chapter))
    return text.replace("\u00a0", " ").replace("\u2011", "-")


@pytest.mark.parametrize("case", CASES)
def test_every_kind_says_its_sentences(case: str) -> None:
    chapter = words(render(CASES[case]()))
    for text in sentences(CASES[case]()):
        shown = text.replace("m3", "m³").replace("degC", "°C").replace("by -3", "by −3")
        assert shown.split(" (90")[0] in chapter


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory, run_folder: Path) -> Path:
    """Return a run with a diagnosis and its report."""
    run = tmp_path_factory.mktemp("diagnosed") / "run"
    shutil.copytree(run_folder, run)
    (run / "diagnosis.json").write_text(json.dumps(kinetics() | {"sentences": sentences(kinetics())}), encoding="utf-8")
    write_manifest(run)
    write_report(run)
    return run


def test_it_is_the_first_chapter_after_the_verdict_and_where_n_acts_is_no_evidence(diagnosed: Path) -> None:
    page = (diagnosed / "report.html").read_text(encoding="utf-8")
    assert page.index('id="verdict"') < page.index('id="missing"') < page.index('id="scores"')
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    chapter = words(page[page.index('<section id="missing">') : page.index('<section id="scores">')])
    assert chapter.index("slows when alkalinity") < chapter.index("no evidence of a cause") < chapter.index("Over the")


def test_clear_kinetics_shows_ranking_driver_and_formula() -> None:
    chapter = render(kinetics())
    assert chapter.count("<svg") >= 3
    for text in ("aerobic growth of autotrophs", "nothing: f as it is", "everything at once", "anammox ≈", "97 %"):
        assert text in chapter
    text = words(chapter)
    assert "What drives it: aerobic growth of autotrophs in aerobic_2" in text
    assert "mu_A * monod(S_NH, K_NH) * monod(S_O, K_OA) * X_BA * monod(S_ALK, K_ALK)" in text
    assert "K_ALK 0.483 0.350 to 0.660 mol/m³" in text
    assert "NH4 g N/m³ 1.62 0.380 0.410" in text
    assert "S_ALK below 0.82 mol/m³ 25 % 80 %" in text
    assert "wet weather" not in text  # less of the effect than of the time


def test_what_is_proposed_has_the_lines_to_paste() -> None:
    chapter = render(fault())
    assert "corrections:\n  factors:\n    wastage: 1.75</pre>" in chapter
    assert "None of this was applied" in words(chapter)
    assert "What drives" not in chapter


def test_several_are_one_answer_and_what_n_learnt_is_no_evidence() -> None:
    text = words(render(several()))
    assert "The 3 on blue ground cannot be told apart" in text
    assert "What drives n:" in text
    assert "no evidence that this process is the cause" in text
    assert "alkalinity (S_ALK) aerobic_1 2021-05-12 to 2021-05-18 0.620 0.160 mol/m³" in text


def test_where_nothing_is_missing_no_explanation_is_drawn() -> None:
    chapter = words(render(CASES["nothing"]()))
    assert "Nothing that these data can show" in chapter
    assert "side by side" not in chapter


def test_what_is_not_clear_is_offered_to_try_only() -> None:
    found = several() | {"proposals": [fault()["proposals"][0] | {"clear": False}]}
    text = words(render(found))
    assert "Not clear enough to propose" in text
    assert "--accept" not in text


def test_the_curve_of_an_explanation_is_drawn_where_there_is_no_n() -> None:
    found = kinetics()
    found["driver"] |= {"tank": None, "share": None, "inputs": [], "when": []}
    chapter = render(found)
    assert "factor of the explanation" in chapter
    assert "range of the seeds" not in chapter
    assert "Effect of everything" not in chapter
    assert "What drives it: aerobic growth of autotrophs</h3>" in chapter


def test_an_implausible_size_and_an_estimate_are_marked() -> None:
    text = words(render(kinetics()))
    assert "only with a size that no plant has" in text
    assert "estimated from slopes" in text


def test_a_gain_without_interval_or_beyond_all_bounds_is_drawn() -> None:
    found = kinetics()
    found["explanations"][1] |= {"gain": -7.0, "low": -9.0, "high": 3.0}
    found["explanations"][2] |= {"low": None, "high": None, "best_share": None}
    found["explanations"][3] |= {"gain": None, "low": None, "high": None}
    assert "side by side" in words(render(found))


def test_names_are_escaped() -> None:
    found = kinetics() | {"notes": ["<script>alert(1)</script>"]}
    found["explanations"][3] |= {"title": "a<b>"}
    chapter = render(found)
    assert "<script>" not in chapter
    assert "a<b>" not in chapter


def test_the_same_diagnosis_gives_the_same_bytes() -> None:
    assert render(several()) == render(several())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["driver"]["curve"]["x"].pop(), "factor has 12 values, and x has 11"),
        (lambda d: d["driver"]["inputs"][1]["effect"][0].pop(), "effect has 14 values, and x has 15"),
        (lambda d: d["explanations"][0].update(gain="much"), "explanations.0.gain"),
        (lambda d: d.update(proposals=[fault()["proposals"][0] | {"section": "factor"}]), "proposals.0.section"),
    ],
)
def test_a_damaged_diagnosis_is_refused_with_its_place(tmp_path: Path, change: Callable[..., Any], said: str) -> None:
    found = kinetics()
    change(found)
    (tmp_path / "diagnosis.json").write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_diagnosis(tmp_path)
    assert said in str(refused.value)
    assert "diagnosis.json" in str(refused.value)


def test_a_diagnosis_that_was_changed_by_hand_is_noticed(diagnosed: Path, tmp_path: Path) -> None:
    shutil.copytree(diagnosed, tmp_path / "run")
    (tmp_path / "run" / "diagnosis.json").write_text(json.dumps(fault()), encoding="utf-8")
    with pytest.raises(InputError, match=r"diagnosis\.json"):
        write_report(tmp_path / "run")
