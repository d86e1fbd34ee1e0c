"""Answers to standard changes: what f and f + n say, and that a sign that n turns round is said."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from flowsheets import flow_sheet
from safetensors.torch import load_file, save_file

import asm_hybrid as ah
from asm_hybrid.diagnosis import answers as answering
from asm_hybrid.diagnosis import diagnose
from asm_hybrid.diagnosis.answer_words import answer_notes, answer_warnings
from asm_hybrid.diagnosis.answers import DISAGREE, FADED, REVERSED, judge, standard_answers
from asm_hybrid.diagnosis.standard_changes import standard_changes
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import write_manifest
from asm_hybrid.report import write_report
from asm_hybrid.training.simulation_models import CompiledModel

NITRIFICATION = "aerobic_growth_autotrophs"
LESS_OXYGEN = ("oxygen in aerobic", "-10 %", "NH4")


@pytest.fixture
def folder(run, tmp_path):
    """Return a copy of the run."""
    shutil.copytree(run, tmp_path / "run")
    return tmp_path / "run"


def answer_to_oxygen(model, slopes):
    """Let the factor on nitrification rise or fall with oxygen, by seed; it is one where oxygen is as on average."""
    term = next(iter(model.term))
    k, i = model.plant.table.process_names.index(NITRIFICATION), term.spec.inputs.index("S_O")
    level = (1.5 - term.mean[i]) / term.std[i]
    with torch.no_grad():
        for p in term.parameters():
            p.zero_()
        first, last = term.network.weights
        first[:, i, 0], term.network.biases[0][..., 0] = 0.3, -0.3 * level
        last[:, 0, k] = torch.tensor(slopes, dtype=torch.float64)


def rewritten(folder, slopes):
    """Store a model with these slopes."""
    model = ah.load_model(folder)
    answer_to_oxygen(model, slopes)
    model.save(folder)
    write_manifest(folder)
    return model


def answered(folder):
    """Return the answers of a run, without its other diagnosis."""
    summary = json.loads((folder / "summary.json").read_text())
    block = tuple(pd.Timestamp(t) for t in summary["blocks"]["validate"])
    return standard_answers(ah.load_model(folder), ah.read_inputs(folder), block, summary["variables"])


def test_a_sign_that_n_turns_round_is_said_in_run_report_notebook_and_terminal(folder):
    rewritten(folder, [-1.5, -2.0])
    result = ah.diagnose(folder)
    row = result.answers.loc[LESS_OXYGEN]
    assert row["f"] > row["least"] > 0
    assert row["own_low"] <= row["own"] <= row["own_high"] < -row["least"]
    assert row["finding"] == REVERSED
    warning = result.warnings[0]
    lowers = (
        r"10 % less oxygen in aerobic lowers NH4 by [\d.]+ g N/m3 with the hybrid model, and raises it by [\d.]+ with f"
    )
    assert re.search(lowers, warning)
    assert "n has probably learnt how the plant was operated rather than how it answers. Do not use" in warning
    assert (
        sum("oxygen in aerobic" in text for text in result.warnings) == 1
    )  # NO3 and the step up have none of their own
    page = result.report.read_text()
    assert re.search(r'<td class="own reversed"[^>]*>▼ −', page)
    verdict = page[page.index('id="verdict"') : page.index('id="scores"')]
    assert warning in verdict
    once = (folder / "summary.json").read_bytes()
    diagnose(folder)
    assert (folder / "summary.json").read_bytes() == once  # a second diagnosis adds nothing


def test_an_n_with_the_sign_of_f_is_not_warned_of(folder):
    rewritten(folder, [1.5, 2.0])
    found = answered(folder)
    row = found.table.set_index(["change", "step", "variable"]).loc[LESS_OXYGEN]
    assert row["own_low"] > row["f"] > row["least"]
    assert set(found.table["finding"]) == {""}
    assert answer_warnings(found) == []


def test_seeds_of_both_signs_are_said(folder):
    rewritten(folder, [-2.0, 2.0])
    found = answered(folder)
    row = found.table.set_index(["change", "step", "variable"]).loc[LESS_OXYGEN]
    assert row["finding"] == DISAGREE
    assert row["own_low"] < -row["least"] < row["least"] < row["own_high"]
    (warning,) = answer_warnings(found)
    assert warning.startswith("the seeds of the hybrid model answer with different signs: 10 % less oxygen in aerobic")


def test_where_n_fades_there_is_no_answer(folder):
    model = rewritten(folder, [-1.5, -2.0])
    term = next(iter(model.term))
    i = term.spec.inputs.index("S_O")
    inputs = ah.read_inputs(folder)["aerobic.S_O"]
    with torch.no_grad():  # n begins to fade half a width above, at what the record reaches
        term.low[i], term.high[i] = 0.0, inputs.max() / 1.5 + 0.001
        term.width[i] = term.high[i]
    model.save(folder)
    write_manifest(folder)
    found = answered(folder)
    table = found.table.set_index(["change", "step", "variable"])
    assert found.faded < 0.1
    more, less = table.loc[("oxygen in aerobic", "+10 %", "NH4")], table.loc[LESS_OXYGEN]
    assert more["faded"] > 0.1
    assert more["finding"] == FADED
    assert np.isnan(more["own"])
    assert less["finding"] == REVERSED
    assert any("there is no answer of f + n to 10 % more oxygen in aerobic" in note for note in answer_notes(found))


def test_answers_are_differences_of_means_from_the_same_start(folder):
    model = rewritten(folder, [-1.5, -2.0])
    found = answered(folder)
    table = ah.read_inputs(folder)
    times = pd.DatetimeIndex(table["time"])
    first, last = times.get_loc(found.period[0]), times.get_loc(found.period[1]) + 1
    u = torch.tensor(table[list(model.plant.inputs.names)].to_numpy())
    changed = u.clone()
    changed[first:, model.plant.input_index["wastage"]] *= 1.1
    means = [model.simulate(v[:last]).outputs[:, first:].mean(1).numpy() for v in (u, changed)]
    row = next(r for r in found.rows if r.change.name == "wastage" and r.step > 0)
    np.testing.assert_allclose(found.own[:, :2], means[0], rtol=1e-5)
    # Without a break the change comes along the line from the knot before, and the steps at the begin are not as fine.
    np.testing.assert_allclose(row.own[:, :2], means[1] - means[0], rtol=0.05, atol=1e-5)
    assert found.days == pytest.approx(0.75, abs=0.1)


@pytest.mark.parametrize(("mode", "own"), [("mechanistic", "recalibrated"), ("neural", "neural")])
def test_a_run_without_n_answers_too(folder, mode, own):
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("mode: hybrid", f"mode: {mode}"))
    write_manifest(folder)
    if mode == "neural":
        model = ah.load_model(folder)
        with torch.no_grad():
            for weights in model.neural.network.parameters():
                weights.fill_(0.1)
        model.save(folder)
        write_manifest(folder)
    found = answered(folder)
    assert found.model == own
    assert found.own.shape[0] == (0 if mode == "mechanistic" else 2)
    table = found.table.set_index(["change", "step", "variable"])
    assert table["f"].abs().max() > 0
    assert table["own"].isna().all() == (mode == "mechanistic")
    if mode == "neural":
        assert {q.label for q in found.quantities} == {"NH4", "NO3"}
        wastage = table.loc["wastage"]["own"]
        assert (wastage == 0.0).all()  # it did not vary, and is not read
        assert (table.loc["oxygen in aerobic"]["own"] != 0.0).any()


def test_what_diverges_or_cannot_be_is_said_and_is_not_fatal(folder, monkeypatch):
    model = rewritten(folder, [-1.5, -2.0])
    k, simulate, check = model.plant.input_index["wastage"], CompiledModel.simulate, answering.check_possible

    def diverging(self, x0, inputs, *, record_knots=False):
        found = simulate(self, x0, inputs, record_knots=record_knots)
        if float(inputs[0, k]) > 95.0:
            found.ok[-1] = False
        return found

    def refusing(plant, values, interval):
        check(plant, values, interval)
        if values[0, plant.input_index["return_sludge"]] > 4100.0:
            raise InputError("the water flows backwards")

    monkeypatch.setattr(CompiledModel, "simulate", diverging)
    monkeypatch.setattr(answering, "check_possible", refusing)
    found = answered(folder)
    assert "f diverges with 10 % more wastage" in found.left_out
    assert "the hybrid model of 1 of 2 seeds diverges with 10 % more wastage" in found.left_out
    assert "10 % more return sludge cannot be: the water flows backwards" in found.left_out
    steps = {(row.change.name, row.step) for row in found.rows}
    assert ("return sludge", -0.1) in steps
    assert ("return sludge", 0.1) not in steps
    table = found.table.set_index(["change", "step", "variable"])
    row = table.loc[("wastage", "+10 %", "NH4")]
    assert np.isnan(row["f"])
    assert row["own_low"] == row["own"] == row["own_high"]
    assert row["finding"] == ""


def test_a_run_of_an_earlier_version_predicts_as_before_and_can_be_diagnosed(folder):
    model = rewritten(folder, [-1.5, -2.0])
    term = next(iter(model.term))
    inputs = ah.read_inputs(folder)
    before = model.predict(inputs)
    path, summary = folder / "weights.safetensors", json.loads((folder / "summary.json").read_text())
    (folder / "answers.csv").unlink()
    del summary["answers"], summary["diagnosis_warnings"]
    (folder / "summary.json").write_text(json.dumps(summary))
    old = {name: v for name, v in load_file(path).items() if not name.endswith((".width", ".varied"))}
    save_file(old, path)
    write_manifest(folder)
    with pytest.raises(InputError, match="asm-hybrid diagnose"):
        _ = ah.load_run(folder).answers
    found = ah.load_model(folder)
    assert next(iter(found.term)).width.tolist() == (term.high - term.low).tolist()
    np.testing.assert_array_equal(found.predict(inputs), before)
    i = term.spec.inputs.index("S_NH")
    old["n.by_kind.process.low"][i] = old["n.by_kind.process.high"][i] = 5.0
    save_file(old, path)
    write_manifest(folder)
    result = ah.diagnose(folder)
    assert not result.answers.empty
    assert "n did not see S_NH vary in training" in " ".join(result.summary["answers"]["notes"])


def test_an_unfinished_run_is_not_diagnosed(folder):
    summary = json.loads((folder / "summary.json").read_text())
    del summary["verdict"]
    (folder / "summary.json").write_text(json.dumps(summary))
    write_manifest(folder)
    with pytest.raises(InputError, match="stopped before it was finished"):
        ah.diagnose(folder)


@pytest.mark.parametrize(
    ("f", "own", "expected"),
    [
        (0.2, [-0.1, -0.12, -0.15], REVERSED),
        (-0.2, [0.1, 0.12, 0.15], REVERSED),
        (0.2, [-0.1, -0.12, 0.005], REVERSED),
        (0.2, [0.1, 0.12, 0.15], ""),
        (0.2, [-0.1, -0.12, 0.15], DISAGREE),
        (0.005, [-0.1, -0.12, -0.15], ""),
        (0.2, [-0.005, -0.005, -0.15], ""),
        (0.2, [np.nan, -0.12], REVERSED),
        (np.nan, [-0.12], ""),
        (0.2, [], ""),
    ],
)
def test_an_answer_is_reversed_only_where_both_are_clear(f, own, expected):
    assert judge(f, np.array(own, dtype=float), 0.01) == expected


def test_standard_changes_are_those_of_the_plant():
    plant = flow_sheet("bsm1", "asm2d")
    values = np.ones((3, len(plant.inputs)))
    values[:, plant.input_index["wastage"]] = 0.0
    found = {change.name: change for change in standard_changes(plant, values)}
    aerated = [t.name for t in plant.layout.tanks if t.aerated]
    assert list(found)[: len(aerated)] == [f"kLa in {tank}" for tank in aerated]
    assert "wastage" not in found  # there is none
    assert found["S_NH4 in the influent"].inputs == ("influent.S_NH4",)
    load = found["load at the same flow"].inputs
    assert "influent.S_PO4" in load
    assert "influent.S_NO3" not in load
    colder = found["temperature"].applied(values, plant.inputs.names, -2.0)
    assert (colder - values)[0].nonzero()[0].tolist() == [plant.input_index["T"]]
    assert colder[0, plant.input_index["T"]] == -1.0
    less = found["load at the same flow"].applied(values, plant.inputs.names, -0.1)
    assert np.count_nonzero(less != values) == 3 * len(load)


def test_the_report_has_the_section_without_findings_and_lacks_it_without_answers(folder):
    rewritten(folder, [1.5, 2.0])
    result = ah.diagnose(folder)
    assert set(result.answers["finding"]) == {""}
    page = result.report.read_text()
    assert 'id="answers"' in page
    assert 'class="own reversed"' not in page
    (folder / "answers.csv").unlink()
    write_manifest(folder)
    assert 'id="answers"' not in write_report(folder).read_text()
