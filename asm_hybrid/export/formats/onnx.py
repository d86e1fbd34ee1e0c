"""n alone, and the right-hand side dx/dt, as ONNX models."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asm_hybrid.artefacts import write_bytes_atomic
from asm_hybrid.errors import InputError
from asm_hybrid.export.format import Format, Source
from asm_hybrid.export.onnx_graph.models import Ingredients, learnt_model, rhs_model
from asm_hybrid.export.onnx_graph.neural import neural_models
from asm_hybrid.export.onnx_graph.written import Seeds
from asm_hybrid.training import FittedModel, load_model, read_inputs

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import Tensor

__all__ = ["FORMAT"]

ALONE, WHOLE = "-n.onnx", "-rhs.onnx"
NO_N = "the run has no n, so that there is no file of n alone; the right-hand side is that of f"


def _write(source: Source, stem: Path) -> list[str]:
    """Write n alone, where the run has one, and the right-hand side."""
    run = source.run
    if find_spec("onnx") is None:
        raise InputError(
            "the package onnx is not installed",
            where="--format onnx",
            expected="it, to write ONNX models",
            fix="pip install 'asm-hybrid[onnx]'",
        )
    models = _models(load_model(run))
    for ending, found in models.items():
        write_bytes_atomic(stem.with_name(stem.name + ending), found.SerializeToString(deterministic=True))
    return [] if ALONE in models else [NO_N]


def _models(model: FittedModel) -> dict[str, ModelProto]:
    """Return the models by the endings of their files."""
    assert model.folder is not None
    first = read_inputs(model.folder)[[spec.name for spec in model.plant.inputs]].iloc[0]
    what = Ingredients(
        name=model.config.name,
        plant=model.plant,
        parameters=_numbers(model.parameters),
        targets=model.targets,
        term=model.term,
        seeds=Seeds(tuple(model.config.training.seeds), model.best),
        start=_numbers(model.start[1])[model.plant.rows.active > 0],
        first=first.to_numpy(dtype=float),
    )
    if model.config.model.mode == "neural":
        if model.neural is None or model.neural_start is None:
            raise InputError("the run was stopped before its neural model was there", fix="resume the run")
        alone, whole = neural_models(model.neural, _numbers(model.neural_start), what)
        return {WHOLE: whole, ALONE: alone}
    found = {WHOLE: rhs_model(what)}
    return found if what.term is None else found | {ALONE: learnt_model(what)}


def _numbers(values: Tensor) -> np.ndarray:
    return np.asarray(values.detach().cpu())


FORMAT = Format(
    name="onnx",
    order=4,
    summary="n alone, and the right-hand side dx/dt of f + n, as ONNX models in double precision",
    endings=(WHOLE, ALONE),
    write=_write,
    opens="run it in Python with onnxruntime.InferenceSession({path!r})",
    optional=(ALONE,),
)
