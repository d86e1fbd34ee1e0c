"""The format onnx: the files of a run, of one without n, and of a pure neural ODE."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from asm_hybrid import read_inputs
from asm_hybrid.errors import InputError
from asm_hybrid.export import export_run
from asm_hybrid.export.formats import onnx as format_
from asm_hybrid.training import FittedModel, load_model


@pytest.fixture(scope="module")
def model(small_run: Path) -> FittedModel:
    return load_model(small_run)


def session(model: onnx.ModelProto | Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    data = model.read_bytes() if isinstance(model, Path) else model.SerializeToString()
    onnx.checker.check_model(data, full_check=True)
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def states_and_inputs(small_run: Path, model: FittedModel) -> tuple[torch.Tensor, torch.Tensor]:
    """Return states around that at the start, and the inputs of the record."""
    inputs = read_inputs(small_run)[[i.name for i in model.plant.inputs]].to_numpy()
    factors = np.random.default_rng(2).uniform(0.2, 2.0, (len(inputs), *model.start[1].shape))
    return model.start[1] * torch.as_tensor(factors), torch.tensor(inputs)


def close(found: np.ndarray, expected: torch.Tensor) -> None:
    """Compare to 1e-12 of a value, or of the middle one of its column."""
    wanted = expected.detach().numpy()
    size = np.maximum(np.abs(wanted), np.median(np.abs(wanted), axis=0))
    assert found.shape == wanted.shape
    assert (np.abs(found - wanted) <= 1e-12 * np.maximum(size, 1e-9)).all()


def test_the_models_of_a_run_are_the_run(small_run: Path, model: FittedModel, tmp_path: Path) -> None:
    found = export_run(small_run, "onnx", tmp_path)
    assert [p.name for p in found.paths["onnx"]] == ["run-rhs.onnx", "run-n.onnx"]
    assert found.notes == []
    assert "run-rhs.onnx" in found.text.splitlines()[-1]
    whole, alone = map(session, found.paths["onnx"])
    x, u = states_and_inputs(small_run, model)
    feed = {"x": x.flatten(1).numpy(), "u": u.numpy()}
    system = model.hybrid().system
    with torch.no_grad():
        forcing = system.forcing(u)
        states = x.expand(model.members, *x.shape)
        dxdt, y = system.derivative(states, forcing).flatten(2), system.output(states, forcing)
        (term,) = system.term
        factors = term.factors(system.effective(states, forcing), u).movedim(0, 1)
    for member in range(model.members):
        got = whole.run(["dxdt", "y"], feed | {"member": np.array([member + 1])})
        close(got[0], dxdt[member])
        close(got[1], y[member])
    assert np.array_equal(
        whole.run(["dxdt"], feed)[0], whole.run(["dxdt"], feed | {"member": np.array([model.best + 1])})[0]
    )
    assert float((dxdt[0] - dxdt[1]).abs().max()) > 1e-3
    close(alone.run(["rates_factor"], feed)[0], factors)
    facts = whole.get_modelmeta().custom_metadata_map
    assert [row["name"] for row in json.loads(facts["states"])] == list(model.plant.rows.names)
    assert [row["value"] for row in json.loads(facts["states"])] == model.start[1].flatten().tolist()
    assert [row["value"] for row in json.loads(facts["inputs"])] == u[0].tolist()
    assert [row["name"] for row in json.loads(facts["measured"])] == list(model.targets)


def test_a_run_without_n_has_a_right_hand_side_alone(
    small_run: Path, model: FittedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = dataclasses.replace(model, term=None)
    monkeypatch.setattr(format_, "load_model", lambda run: bare)
    found = export_run(small_run, "onnx", tmp_path / "first")
    assert [p.name for p in found.paths["onnx"]] == ["run-rhs.onnx"]
    assert found.notes == [f"onnx: {format_.NO_N}"]
    (path,) = found.paths["onnx"]
    x, u = states_and_inputs(small_run, model)
    system = model.recalibrated().system
    close(
        session(path).run(["dxdt"], {"x": x.flatten(1).numpy(), "u": u.numpy()})[0],
        system.derivative(x, system.forcing(u)).flatten(1),
    )
    path.with_name("run-n.onnx").write_text("of another run", encoding="utf-8")
    path.unlink()
    with pytest.raises(InputError, match="this run has nothing that could replace it"):
        export_run(small_run, "onnx", tmp_path / "first", force=True)
    assert [p.name for p in (tmp_path / "first").iterdir()] == ["run-n.onnx"]


def test_a_pure_neural_ode_has_both(small_run: Path, model: FittedModel) -> None:
    config = model.config.model_copy(update={"model": model.config.model.model_copy(update={"mode": "neural"})})
    pure = dataclasses.replace(model, config=config)
    models = format_._models(pure)
    alone, whole = session(models[format_.ALONE]), session(models[format_.WHOLE])
    assert model.neural is not None
    _, u = states_and_inputs(small_run, model)
    z = torch.as_tensor(np.random.default_rng(4).uniform(0.0, 20.0, (len(u), len(model.targets))))
    feed = {"x": z.numpy(), "u": u.numpy()}
    with torch.no_grad():
        expected = model.neural.derivative(z.expand(model.members, *z.shape), u)
    close(alone.run(["rate"], feed)[0], expected.movedim(0, 1))
    for member in range(model.members):
        dxdt, y = whole.run(["dxdt", "y"], feed | {"member": np.array([member + 1])})
        close(dxdt, expected[member])
        assert np.array_equal(y, z.numpy())
    assert np.isnan(whole.run(["dxdt"], feed | {"member": np.array([0])})[0]).all()
    reads = json.loads(alone.get_modelmeta().custom_metadata_map["reads"])
    assert len(reads) == alone.get_outputs()[0].shape[1]
    with pytest.raises(InputError, match="stopped before its neural model"):
        format_._models(dataclasses.replace(pure, neural=None))


def test_a_package_that_is_missing_is_named(small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(format_, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'asm-hybrid\[onnx\]'"):
        export_run(small_run, "onnx", tmp_path / "out")
    assert not list(tmp_path.iterdir())
