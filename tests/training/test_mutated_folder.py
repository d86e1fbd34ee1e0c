"""Run folders that were damaged or made up: refused by name, or read as they are; never a traceback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from run_files import bundle_of
from safetensors.torch import load, save
from small_plant import CONFIG, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.errors import AsmHybridError, InputError, SimulationError
from asm_hybrid.manifest import write_manifest
from asm_hybrid.report import write_report
from asm_hybrid.report.compare import compare_runs
from asm_hybrid.scenario.plants import simulate_run
from asm_hybrid.scenario.result_folder import series_table
from asm_hybrid.workflow import run_training

TEXT = (
    CONFIG.replace("seeds: [1, 2]", "seeds: [1]")
    .replace("iterations: 4", "iterations: 2")
    .replace("calibration_evaluations: 3", "calibration_evaluations: 1")
    .replace("calibrate: [mu_A, eta_g]", "calibrate: [mu_A]")
)
SCENARIO = (
    "name: more\nperiod: {start: 2024-03-04T01:00, end: 2024-03-04T03:00}\nchanges: [{input: Q_in, scale: 1.1}]\n"
)
VALUES = (
    None, True, "", "x", -1, 0, 10**400, 1e308, -1e308, float("nan"), float("inf"), [], {}, [[1]], {"a": {}},
    "../../x", "/etc/passwd", "\0", "\ud800", "9999-12-31T23:59:59Z", "0001-01-01", "é" * 5000,
)  # fmt: skip
TEXTS = ("nan", "inf", "1e400", "", "x", '"', "0001-01-01T00:00:00Z", "9" * 500, "\0", "a,b", "-1e308", "#", "{", "é")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Train once; return the run folder, beside a copy and a scenario."""
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("mutated")
    run_training(write_case(base, TEXT), base / "run")
    shutil.copytree(base / "run", base / "other")
    (base / "scenario.yaml").write_text(SCENARIO, encoding="utf-8")
    return base / "run"


def predicted(run):
    """Return the prediction over the first knots."""
    return load_model(run).predict(read_inputs(run).iloc[:4]).to_numpy()


def compared(run):
    """Return the comparison with the copy."""
    return compare_runs([run, run.parent / "other"]).to_csv(index=False)


def exported(run):
    """Return the bytes of a bundle."""
    bundle = bundle_of(run, run.parent / "bundle")
    found = {p.name: p.read_bytes() for p in sorted(bundle.iterdir())}
    shutil.rmtree(bundle)
    return found


def simulated(run):
    """Return the series of a scenario."""
    found = simulate_run(run, run.parent / "scenario.yaml")
    return series_table(found, found.cases[1]).to_csv()


def reported(run):
    """Return the page."""
    return write_report(run).read_text(encoding="utf-8")


READERS = {
    "config.yaml": (predicted, compared),
    "kinetics.yaml": (predicted,),
    "weights.safetensors": (predicted,),
    "inputs.csv": (predicted, simulated),
    "summary.json": (compared, exported),
    "parameters.json": (exported,),
    "predictions.csv": (compared,),
    "manifest.json": (predicted, compared, exported),
}


def flipped(content: bytes, rng) -> bytes:
    """Return bytes with a few bits changed, a piece cut off, or a piece doubled."""
    data = bytearray(content)
    kind, at = rng.integers(4), int(rng.integers(len(data)))
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        return bytes(data[:at] + data[at // 2 :])
    for _ in range(int(rng.integers(1, 4))):
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    return bytes(data)


def places(value, path=()):
    """Return the ways to every entry of a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [way for key, item in inside for way in places(item, (*path, key))]


def replaced(content: bytes, rng) -> bytes:
    """Return JSON with one entry replaced or removed."""
    value = json.loads(content)
    ways = places(value)
    depth = rng.integers(1, max(map(len, ways)) + 1)
    ways = [way for way in ways if len(way) == depth]
    *above, last = ways[int(rng.integers(len(ways)))]
    spot = value
    for key in above:
        spot = spot[key]
    if rng.integers(4) == 0:
        del spot[last]
    elif isinstance(spot, dict) and rng.integers(4) == 0:
        spot["x"] = spot.pop(last)
    else:
        spot[last] = VALUES[int(rng.integers(len(VALUES)))]
    return json.dumps(value).encode("utf-8", "surrogatepass")


def rewritten(content: bytes, rng) -> bytes:
    """Return a table with a cell, a row or a column changed."""
    lines = content.decode().splitlines()
    i = int(rng.integers(len(lines))) if rng.integers(4) else 0
    cells = lines[i].split(",")
    cells[int(rng.integers(len(cells)))] = TEXTS[int(rng.integers(len(TEXTS)))]
    lines[i] = ",".join(cells)
    kind = rng.integers(8)
    if kind == 0:
        lines.insert(i, lines[int(rng.integers(len(lines)))])
    if kind == 1:
        del lines[int(rng.integers(len(lines))) :]
    if kind == 2:
        del lines[i]
    return ("\n".join(lines) + "\n").encode()


def crafted(content: bytes, name: str, rng) -> bytes:
    """Return another content of a file."""
    if rng.integers(3) == 0:
        return flipped(content, rng)
    if name.endswith(".json"):
        return replaced(content, rng)
    return rewritten(content, rng) if name.endswith((".csv", ".yaml")) else reshaped(content, rng)


def reshaped(content: bytes, rng) -> bytes:
    """Return weights with a tensor removed, cut, or filled with another value."""
    tensors = load(content)
    name = list(tensors)[int(rng.integers(len(tensors)))]
    old = tensors.pop(name)
    value = [0.0, -1.0, 1e308, float("nan"), float("inf")][int(rng.integers(5))]
    new = [None, old[:-1], old.float(), torch.full_like(old.double(), value), old.unsqueeze(0), torch.tensor(0.0)]
    chosen = new[int(rng.integers(len(new)))]
    return save(tensors if chosen is None else tensors | {name: chosen.contiguous()})


def read_all(run: Path, name: str, readers=None) -> list[str]:
    """Read a run in all ways that touch a file; return the messages of those that refuse it."""
    messages = []
    for reader in readers or READERS[name]:
        try:
            reader(run)
        except AsmHybridError as error:
            messages.append(str(error))
    return messages


@pytest.fixture
def run(whole, tmp_path):
    """Return a copy of the run, its copy and the scenario, free to be changed."""
    shutil.copytree(whole.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_named_by_every_reader(run, name):
    path, rng = run / name, np.random.default_rng(5)
    content, readers = path.read_bytes(), READERS[name]
    expected, messages = {reader: reader(run) for reader in readers}, []

    def refused():
        for reader in readers:
            try:
                found = reader(run)
            except InputError as error:
                messages.append(str(error))
            else:  # the manifest has entries that a reader does not ask for
                assert name == "manifest.json"
                assert str(found) == str(expected[reader])

    for _ in range(12):
        path.write_bytes(flipped(content, rng))
        if path.read_bytes() != content:
            refused()
    path.write_bytes(b"")
    refused()
    path.unlink()
    refused()
    path.mkdir()
    refused()
    path.rmdir()
    path.symlink_to(path)
    refused()
    assert len(messages) > 15
    for message in messages:
        assert name in message or (name == "manifest.json" and str(run) in message)
        assert "\n  expected: " in message
        assert "\n  fix: " in message


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_somebody_made_up_is_read_or_refused_in_words(run, name):
    path, rng = run / name, np.random.default_rng(7)
    content = path.read_bytes()
    for _ in range(12):
        path.write_bytes(crafted(content, name, rng))
        if name != "manifest.json":
            write_manifest(run)
        for message in read_all(run, name):
            assert "\n  expected: " in message or "finite numbers" in message, message


@pytest.mark.parametrize("name", ["summary.json", "predictions.csv"])
def test_a_report_is_made_or_refused_in_words(run, name):
    path, rng = run / name, np.random.default_rng(3)
    content = path.read_bytes()
    path.write_bytes(flipped(content, rng))
    with pytest.raises(InputError, match=name):
        reported(run)
    path.write_bytes(crafted(content, name, rng))
    write_manifest(run)
    read_all(run, name, [reported])


@pytest.mark.parametrize("block", [None, 1, [], ["x", "y"], [1, 2], ["2024-03-05", "2024-03-06"], {}, "ab"])
def test_a_scenario_names_a_block_that_cannot_be_read(run, block):
    path = run / "summary.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    value["blocks"]["train"] = block
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(InputError, match=r"summary\.json was changed"):
        simulated(run)
    write_manifest(run)
    with pytest.raises(InputError, match=r"summary\.json \(blocks\.train\)"):
        simulated(run)
    path.unlink()
    with pytest.raises(InputError, match=r"summary\.json is missing"):
        simulated(run)


def test_a_model_is_refused_on_a_device_that_is_not_there(whole):
    for device in ("gpu", "cuda:99", "meta"):
        with pytest.raises(InputError, match=f"device '{device}'") as error:
            load_model(whole, device)
        assert "device='cpu'" in str(error.value)
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="device 'cuda'"):
            load_model(whole, torch.device("cuda"))


def test_a_model_that_a_gpu_trained_is_loaded_where_there_is_none(run):
    path = run / "config.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("device: cpu", "device: cuda"), encoding="utf-8")
    write_manifest(run)
    np.testing.assert_array_equal(predicted(run), predicted(run.parent / "other"))


def test_a_model_predicts_from_the_begin_of_its_record_only(whole):
    model, inputs = load_model(whole), read_inputs(whole)
    assert model.begin == inputs["time"][0]
    expected = model.predict(inputs.iloc[:20])
    pd.testing.assert_frame_equal(model.predict(inputs.set_index("time").iloc[:20]), expected)
    for wrong in (inputs.iloc[10:20], inputs.iloc[:20:2], inputs.iloc[19::-1]):
        with pytest.raises(InputError, match="expected: one row every 30 min from 2024-03-04 00:00 UTC on"):
            model.predict(wrong)


def test_a_prediction_is_a_frame_by_time_and_variable(whole):
    model, inputs = load_model(whole), read_inputs(whole).iloc[:20]
    found = model.predict(inputs)
    pd.testing.assert_index_equal(found.index, pd.DatetimeIndex(inputs["time"], name="time"))
    assert list(found) == ["NH4", "NO3"]
    zoned = inputs.assign(time=inputs["time"].dt.tz_convert("Europe/Berlin"))
    pd.testing.assert_frame_equal(model.predict(zoned), found)
    with pytest.raises(InputError, match="the inputs have no times"):
        model.predict(inputs.drop(columns="time"))


def test_a_model_goes_on_from_a_time_of_its_record_and_from_the_state_it_had_there(whole):
    model, inputs = load_model(whole), read_inputs(whole)
    expected, at = model.predict(inputs).iloc[30:60], inputs["time"][30]
    later = inputs.iloc[30:60]
    for start in (at, str(at), at.tz_convert("Europe/Berlin"), at.tz_localize(None).to_pydatetime()):
        pd.testing.assert_frame_equal(model.predict(later, start=start), expected, rtol=1e-12)
    names, active = model.plant.rows.names, model.plant.rows.active > 0
    held = model.state(at)
    assert held.shape == (1, *model.plant.shape)
    seeds = pd.DataFrame(held.numpy()[:, active], columns=names)
    found = model.predict(later, start=seeds)  # its first interval is resolved more finely
    np.testing.assert_allclose(found.iloc[0], expected.iloc[0], rtol=1e-12)
    np.testing.assert_allclose(found, expected, rtol=2e-3)
    best = seeds.iloc[0]
    one = model.predict(later, start=best)
    pd.testing.assert_frame_equal(model.predict(later, start=best.to_dict()), one)
    pd.testing.assert_frame_equal(model.predict(later, start=best[::-1].to_frame().T), one)
    pd.testing.assert_frame_equal(model.predict(later, start=best.drop("aerobic.S_O")), one)
    moved = later.assign(time=later["time"] + pd.Timedelta(days=400))
    np.testing.assert_array_equal(model.predict(moved, start=best), one)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.drop(["anoxic.S_NH", "anoxic.S_NO"]), "lacks anoxic.S_NO, anoxic.S_NH(?s:.*)all 28 states"),
        (
            lambda s: s.rename({"anoxic.S_NH": "anoxic.SNH"}),
            "'anoxic.SNH' is no state(?s:.*)did you mean 'anoxic.S_NH'",
        ),
        (lambda s: pd.concat([s, s.iloc[:1]]), "'anoxic.S_I' is there twice"),
        (lambda s: s.replace(s["anoxic.S_NH"], np.nan), "state anoxic.S_NH: the state is nan(?s:.*)zero or above"),
        (lambda s: s.replace(s["anoxic.S_NH"], -2.0), "state anoxic.S_NH: the state is -2(?s:.*)zero or above"),
        (lambda s: s.astype(object).replace(s["anoxic.S_NH"], "much"), "anoxic.S_NH: the state is not a number"),
        (lambda s: pd.DataFrame([s, s, s]), "3 rows(?s:.*)one row"),
        (lambda s: {}, "the start lacks"),
        (lambda s: "2024-03-04T00:10", "no knot at 2024-03-04 00:10 UTC(?s:.*)every 30 min from(?s:.*)nearest"),
        (lambda s: "2031-03-04", "no knot at 2031-03-04 00:00 UTC"),
        (lambda s: "yesterday", "the start is no time"),
        (lambda s: 12.5, "the start is a float"),
    ],
)
def test_what_is_no_state_of_the_model_is_refused(whole, change, words):
    model, inputs = load_model(whole), read_inputs(whole).iloc[:4]
    active = model.plant.rows.active > 0
    state = pd.Series(model.start[1].numpy()[active], index=model.plant.rows.names)
    with pytest.raises(InputError, match=words) as error:
        model.predict(inputs, start=change(state))
    assert "start" in str(error.value)


def test_a_prediction_that_diverges_is_no_result(whole):
    inputs = read_inputs(whole).iloc[:20]
    inputs.loc[5:, "Q_in"] = 1e300
    with pytest.raises(SimulationError, match="finite numbers"):
        load_model(whole).predict(inputs)


def test_a_run_that_was_stopped_early_has_no_neural_model(run):
    path = run / "config.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("mode: hybrid", "mode: neural"), encoding="utf-8")
    tensors = load((run / "weights.safetensors").read_bytes())
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(("neural.", "n."))}
    (run / "weights.safetensors").write_bytes(save(kept))
    write_manifest(run)
    with pytest.raises(InputError, match="stopped before"):
        predicted(run)
