"""Results of studies, made of functions and random numbers instead of plants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from SALib.sample import morris, sobol
from scipy.stats import qmc

from asm_hybrid.parallel import Outcome
from asm_hybrid.studies import FactorInfo, FigureInfo, StudyResult

Model = Callable[[np.ndarray], dict[str, np.ndarray]]


def cube_of(method: str, dimensions: Sequence[str], count: int, seed: int, second_order: bool = False) -> np.ndarray:
    """Return places in the unit cube; ``count`` blocks of designs that have some."""
    d = len(dimensions)
    problem = {"num_vars": d, "names": [f"x{i}" for i in range(d)], "groups": list(dimensions), "bounds": [[0, 1]] * d}
    if method == "morris":
        return np.asarray(morris.sample(problem, count, num_levels=4, seed=seed))
    if method == "sobol_indices":
        return np.asarray(sobol.sample(problem, count, calc_second_order=second_order, seed=seed))
    if method == "grid":
        axis = np.linspace(0, 1, count)
        return np.stack([a.ravel() for a in np.meshgrid(*[axis] * d, indexing="ij")], axis=1)
    return np.asarray(qmc.LatinHypercube(d, rng=seed).random(count))


def study(
    model: Model, dimensions: Sequence[str], method: str = "latin_hypercube", count: int = 64, **changes: Any
) -> StudyResult:
    """Return the study of a function of the unit cube, which gives figures of all its rows."""
    seed = changes.pop("seed", 1)
    cube = cube_of(method, dimensions, count, seed, changes.get("second_order", False))
    figures = model(cube)
    names = list(dict.fromkeys(dimensions))
    columns = {n: cube[:, list(dimensions).index(n)] for n in names}
    outcomes = tuple(Outcome(k, {n: float(v[k]) for n, v in figures.items()}) for k in range(len(cube)))
    given: dict[str, Any] = {
        "name": "study",
        "subject": "plant.yaml",
        "method": method,
        "seed": seed,
        "factors": tuple(FactorInfo(n, "-", "from 0 to 1") for n in names),
        "figures": tuple(FigureInfo(n, "-", f"the figure {n}") for n in figures),
        "design": pd.DataFrame(columns),
        "outcomes": outcomes,
        "times": np.empty(0),
        "origin": None,
        "zone": "UTC",
        "units": {},
        "limits": {},
        "pareto": (),
        "cube": cube,
        "dimensions": tuple(dimensions),
    }
    return StudyResult(**given | changes)


def plant_study(count: int = 60, names: Sequence[str] = (), **changes: Any) -> StudyResult:
    """Return the study of a made-up plant: four numbers and a text vary, some cases fail, two series have limits."""
    names = names or ("load", "temperature", "sludge_age", "mu_A", "control")
    rng, times = np.random.default_rng(3), np.arange(0, 3.0001, 1 / 24)
    u = rng.random((count, 4))
    values = [0.8 + 0.4 * u[:, 0], 6 + 9 * u[:, 1], 8 + 12 * u[:, 2], 0.4 + 0.2 * u[:, 3]]
    texts = [("on/off", "PI", "<b>feed</b> forward")[k % 3] for k in range(count)]
    load, temperature, age, mu = values
    nh4 = 8 * load * np.exp(-0.12 * (temperature - 6) - 0.05 * (age - 8)) * 0.5 / mu
    figures = {
        "OCI": 14000 * load + 120 * age + rng.normal(0, 100, count),
        "EQI": 5200 * load + 250 * nh4 + rng.normal(0, 50, count),
        "effluent.NH4 mean": nh4,
        "sludge production": np.full(count, 2.1),
    }
    units = {"OCI": "-", "EQI": "kg PU/d", "effluent.NH4 mean": "g N/m3", "sludge production": "kg TSS/d"}
    wave = 1 + 0.4 * np.sin(2 * np.pi * times)
    outcomes = [
        Outcome(
            k,
            {name: float(own[k]) for name, own in figures.items()},
            {"effluent.NH4": nh4[k] * wave, "effluent.TN": nh4[k] * wave + 9},
            notes=("Warning: <i>oxygen</i> of tank_5 above 4 g/m3.",) if k % 20 == 7 else (),
        )
        if k % 15 != 4
        else Outcome(k, error=f"CVODES gave up <img src=x onerror=alert(2)>\n  fix: look at case {k}")
        for k in range(count)
    ]
    given: dict[str, Any] = {
        "name": "winter",
        "subject": "bsm1_open.yaml",
        "method": "latin_hypercube",
        "seed": 1,
        "factors": tuple(FactorInfo(n, "degC" if i == 1 else "-", "uniform", i == 4) for i, n in enumerate(names)),
        "figures": tuple(FigureInfo(name, unit, f"what {name} is") for name, unit in units.items()),
        "design": pd.DataFrame(dict(zip(names, [*values, texts], strict=True))),
        "outcomes": tuple(outcomes),
        "times": times,
        "origin": None,
        "zone": "Europe/Amsterdam",
        "units": {"effluent.NH4": "g N/m3", "effluent.TN": "g N/m3"},
        "limits": {"effluent.NH4": 4.0, "effluent.TN": 18.0},
        "pareto": (("OCI", "min"), ("EQI", "min")),
        "base": Outcome(
            -1,
            {"OCI": 15700.0, "EQI": 6100.0, "effluent.NH4 mean": 3.2, "sludge production": 2.1},
            {"effluent.NH4": 3.2 * wave, "effluent.TN": 12 * wave},
        ),
        "command": "asm-hybrid sweep bsm1_open.yaml --study study.yaml",
    }
    return StudyResult(**given | changes)
