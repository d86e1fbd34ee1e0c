"""FMUs of small plants with controllers, phases, time tables and a clock: both kinds agree, and with the model in C."""

from __future__ import annotations

import fmpy
import numpy as np
import pytest
from c_plants import build
from c_toys import COMPILER
from fmpy.validation import validate_fmu
from fmu_tools import Made, instance
from fmu_toy import DAY
from test_c_model import CASES

from asm_hybrid.export.fmi.archive import make_fmus
from asm_hybrid.export.fmi.binaries import find_compilers

pytestmark = [pytest.mark.slow, pytest.mark.skipif(COMPILER is None, reason="no C compiler")]

DAYS = 0.5


@pytest.fixture(scope="module", params=["sums", "controlled", "batch"])
def plant(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    built = build(CASES[request.param], folder)
    archives, notes = make_fmus(built.described)
    assert not notes or len(find_compilers()) < 2
    made = {}
    for version, content in archives.items():
        path = folder / f"plant-fmi{version}.fmu"
        path.write_bytes(content)
        made[version] = Made.of(path, folder / str(version))
    return built, made


@pytest.mark.parametrize("version", [2, 3])
def test_fmpy_finds_nothing_to_object_to(plant, version):
    assert validate_fmu(str(plant[1][version].path)) == []


@pytest.mark.parametrize("version", [2, 3])
def test_a_co_simulation_steps_as_the_model_in_c(plant, version):
    built, made = plant
    first = next(v.valueReference for v in made[version].description.modelVariables if v.causality == "output")
    references = range(first, first + len(built.described.states))
    with built.model() as model, instance(made[version], version, "CoSimulation") as one:
        one.begin(tolerance=1e-7)
        model.tolerance(1e-7)
        for k in range(48):
            assert one.step(900.0 * k, 900.0) == 0
            model.step(900.0 * (k + 1) / DAY)
            np.testing.assert_allclose(one.get(*references), model.x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("version", [2, 3])
def test_model_exchange_and_co_simulation_agree(plant, version):
    built, made = plant
    found = [
        fmpy.simulate_fmu(
            str(made[version].path), fmi_type=kind, stop_time=DAYS * DAY, output_interval=900.0, record_events=False,
            relative_tolerance=tolerance,
        )
        for kind, tolerance in (("CoSimulation", 1e-8), ("ModelExchange", 1e-6))
    ]  # fmt: skip
    states = [n.name for n in made[version].description.modelVariables if n.causality == "output"]
    states = states[: len(built.described.states)]
    smooth = [n for n in states if n.rpartition(".")[2] not in ("mode", "phase", "clock")]  # the others jump at events
    slave, exchange = (np.array([run[n] for n in smooth]) for run in found)
    scale = np.abs(slave).max(axis=1, keepdims=True) + 1e-3
    assert np.max(np.abs(exchange - slave) / scale) < 1e-4
    jumps = sum(np.count_nonzero(np.diff(found[0][n])) for n in states if n.endswith(("mode", "phase")))
    assert jumps > 3 or not built.described.events
