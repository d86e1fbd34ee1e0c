"""The ONNX models of a run in onnxruntime: their difference from torch, and the CPU time per state on one thread.

Run ``python benchmarks/export_onnx.py RUN`` with the folder of a finished hybrid run. The last line of the output is
JSON: times in microseconds a state, in batches of 1,000 and for a single one; of n with all seeds. The difference is
over the size of a value, or of the middle one of its state where that is larger.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from asm_hybrid.export import export_run
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.training import load_model, read_inputs

STATES = 1000


def cpu_time(call: Callable[[], object], states: int) -> float:
    """Return the CPU time of a call per state [µs], the least of five rounds."""
    call()
    found, repeats = [], max(1, 10_000 // states)
    for _ in range(5):
        begin = time.process_time()
        for _ in range(repeats):
            call()
        found.append((time.process_time() - begin) / repeats / states)
    return round(1e6 * min(found), 1)


def main() -> None:
    """Export, compare and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="finished hybrid run")
    run = parser.parse_args().run
    torch.set_num_threads(1)
    model = load_model(run)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    with tempfile.TemporaryDirectory() as folder:
        paths = export_run(run, "onnx", folder).paths["onnx"]
        whole, alone = (onnxruntime.InferenceSession(str(path), options) for path in paths)
    rng, active = np.random.default_rng(0), model.plant.rows.active > 0
    x = model.start[1] * torch.as_tensor(rng.uniform(0.1, 2.0, (STATES, *active.shape)))
    record = read_inputs(run)[[spec.name for spec in model.plant.inputs]].to_numpy()
    u = torch.as_tensor(record[rng.integers(0, len(record), STATES)])
    assert model.term is not None
    system = PlantSystem(model.plant, model.parameters, model.targets, model.term.member(model.best))

    def by_torch() -> torch.Tensor:
        with torch.no_grad():
            return system.derivative(x[None], system.forcing(u))[0]

    many = {"x": x.numpy()[:, active], "u": u.numpy()}
    one = {name: values[:1] for name, values in many.items()}
    expected, found = by_torch().numpy()[:, active], whole.run(["dxdt"], many)[0]
    size = np.maximum(np.abs(expected), np.median(np.abs(expected), axis=0))
    result = {
        "states": int(active.sum()),
        "difference": float((np.abs(found - expected) / np.maximum(size, 1e-9)).max()),
        "rhs_us": cpu_time(lambda: whole.run(["dxdt"], many), STATES),
        "rhs_single_us": cpu_time(lambda: whole.run(["dxdt"], one), 1),
        "n_us": cpu_time(lambda: alone.run(None, many), STATES),
        "torch_us": cpu_time(by_torch, STATES),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
