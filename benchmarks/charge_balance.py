"""How many steps the pH takes, how exact it is, and what its slope is worth to the solver.

Mixtures of six weak acids as in a digester (ADM1), at random totals, and strong ions that bring them to a pH from 2 to
12: the steps that each needs, the two last ones on F among them, and the largest error after all. Then ``asm1_2n_ph``
in two tanks over half a day, into which acid comes: errors of the W-method against a run with short steps, with the
slopes of rates by way of the pH in its Jacobian, and with the pH held there. The last line is JSON.

    OMP_NUM_THREADS=1 python benchmarks/charge_balance.py
"""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

import numpy as np
import torch

from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import charge_balance, load_table
from asm_hybrid.plant import IdealSettler, Layout, Plant, Recycle, Tank, torch_namespace
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel, start_state

ACIDS = [(1, (9.25,)), (0, (6.35, 10.33)), (0, (4.76,)), (0, (4.88,)), (0, (4.82,)), (0, (4.86,))]
"""Ammonium, carbonate, acetate, propionate, butyrate, valerate: charge with all protons, and pK at 25 degC."""
LN10 = math.log(10.0)
SEWAGE = {"S_I": 30.0, "S_S": 70.0, "X_I": 40.0, "X_S": 200.0, "X_BH": 30.0, "S_NH": 30.0, "S_ND": 5.0, "X_ND": 9.0}
SEWAGE |= {"S_ALK": 7.0, "S_IC": 100.0}


def charge(pH, strong, totals):
    """Return the sum of the charges [mol/m3]."""
    h = 10.0 ** (3 - pH)
    found = strong + h - 1e-8 / h
    for (top, pKs), total in zip(ACIDS, totals.T, strict=True):
        amounts = [np.ones_like(h)]
        for pK in pKs:
            amounts.append(amounts[-1] * 10.0 ** (3 - pK) / h)
        found = found + total * sum(a * (top - j) for j, a in enumerate(amounts)) / sum(amounts)
    return found


def solve(strong, totals):
    """Return the pH."""
    K = [[torch.tensor(10.0 ** (3 - pK), dtype=torch.float64) for pK in pKs] for _, pKs in ACIDS]
    water = torch.tensor(1e-8, dtype=torch.float64)
    columns = list(torch.as_tensor(totals).unbind(-1))
    x = charge_balance.log_hydrogen(
        torch.as_tensor(strong), water, columns, K, [q for q, _ in ACIDS], torch_namespace()
    )
    return 3 - np.asarray(x) / LN10


def mixtures(count):
    """Return the numbers of mixtures by the steps that they need, and the largest error at the steps that are taken."""
    rng = np.random.default_rng(1)
    totals = 10.0 ** rng.uniform(-6, 2.5, (count, len(ACIDS))) * (rng.random((count, len(ACIDS))) < 0.7)
    pH = rng.uniform(2, 12, count)
    strong = -charge(pH, 0.0, totals)
    slope = (charge(pH - 1e-5, strong, totals) - charge(pH + 1e-5, strong, totals)) / 2e-5
    allowed = 1e-9 + 1e-14 * (np.abs(strong) + totals.sum(-1)) / slope  # rounding of the charges
    taken, needed = charge_balance.STEPS, np.full(count, 99)
    for steps in range(taken, -1, -1):
        charge_balance.STEPS = steps
        error = np.abs(solve(strong, totals) - pH)
        needed[error < allowed] = steps + 2
        if steps == taken:
            worst, solved = float(error.max()), int((error < allowed).sum())
    charge_balance.STEPS = taken
    return {
        "mixtures": count,
        "solved": solved,
        "largest error of the pH": worst,
        "steps": {str(n): int((needed == n).sum()) for n in sorted(set(needed))},
        "most steps": int(needed.max()),
    }


def system():
    """Return two tanks, the second aerated, and inputs by name."""
    tanks = (Tank("anoxic", 1000.0), Tank("aerobic", 2000.0, aerated=True))
    layout = Layout(
        tanks=tanks,
        influent_to={"anoxic": 1.0},
        return_to={"anoxic": 1.0},
        recycles=(Recycle("internal", "aerobic", "anoxic"),),
        settler=IdealSettler(0.002),
    )
    plant = Plant(load_table("asm1_2n_ph"), layout)
    u = {"Q_in": 5000.0, "T": 15.0, "return_sludge": 4000.0, "wastage": 90.0, "recycle.internal": 12000.0}
    u |= {"aerobic.kla": 120.0} | {f"influent.{n}": SEWAGE.get(n, 0.0) for n in plant.table.component_names}
    p = torch.tensor([q.default for q in plant.table.parameters], dtype=torch.float64)
    targets = ("aerobic.pH", "aerobic.S_NH", "aerobic.S_NO2")
    return PlantSystem(plant, p, targets), torch.tensor([u[name] for name in plant.inputs.names], dtype=torch.float64)


def stability():
    """Return errors of the W-method with and without the slopes by way of the pH, by the length of its steps [min]."""
    found, u = system()
    inputs = u.repeat(49, 1)
    day = torch.arange(49, dtype=torch.float64) / 96
    place = found.plant.input_index
    inputs[:, place["influent.S_NH"]] *= 1 + 0.5 * torch.sin(2 * math.pi * day)
    inputs[24:, place["influent.S_ALK"]] -= 5.0  # acid
    with torch.no_grad():
        start = start_state(found, u)[0]
        exact = PlantModel(found, Grid(1 / 96, 60)).simulate(start, inputs).outputs
        slopes = found.plant.kinetics.rate_jacobian.__globals__["quantity_slopes"]
        errors: dict[str, Any] = {}
        for name, function in (("in the Jacobian", slopes), ("held", held(slopes))):
            found.plant.kinetics.rate_jacobian.__globals__["quantity_slopes"] = function
            for substeps in (1, 2, 5):
                outputs = PlantModel(found, Grid(1 / 96, substeps)).simulate(start, inputs).outputs
                error = (outputs - exact).abs().amax(0).tolist()
                errors[f"{name}, steps of {15 / substeps:g} min"] = dict(zip(found.targets, error, strict=True))
    return {"range of the pH": [float(exact[:, 0].min()), float(exact[:, 0].max())], "largest errors": errors}


def held(slopes):
    """Return a function of the quantities whose slopes are zero."""

    def without(X, p, xp):
        values, *rows = slopes(X, p, xp)
        return [values, *([0.0 * values[0]] * len(row) for row in rows)]

    return without


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mixtures", type=int, default=100_000)
    arguments = parser.parse_args()
    result = {"charge balance": mixtures(arguments.mixtures), "W-method": stability()}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
