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
