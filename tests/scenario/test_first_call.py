"""What a first simulation needs, and so how long it takes."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys

import numpy as np

from asm_hybrid.config import build_layout, load_kinetics, load_plant
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.simulation_inputs import assemble_inputs

file = load_plant("bsm1")
table = load_kinetics(file)
plant = Plant(table, build_layout(file, table))
compiled = CompiledPlant(plant, np.array([p.default for p in table.parameters]))
inputs = assemble_inputs(plant, 0.1)
compiled.simulate(compiled.start(inputs.mean), inputs)
print(sorted({"torch", "pandas", "scipy", "pint", "matplotlib"} & set(sys.modules)))
"""


def test_a_plant_is_simulated_without_the_libraries_that_only_data_and_training_need():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
