"""Tables of figures by the simulator GPS-X, three significant digits, and one tank to compare with them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from kinetics_tools import NUMPY
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicHermiteSpline

from asm_hybrid.kinetics import compile_table

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"


def read_columns(name):
    """Return the columns of a file by their short names; its last row, a repetition of the time 10 d, is left out."""
    with (REFERENCE / name).open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))[:-1]
    return {key.split(" ")[0]: np.array([float(row[key]) for row in rows]) for key in rows[0]}


def half_digit(values):
    """Return half a unit of the third significant digit; below 1e-9 the files hold zeros."""
    size = np.maximum(np.abs(values), 1e-7)
    return 0.5 * 10.0 ** (np.floor(np.log10(size)) - 2)


def one_tank(table, p, times, start, influent, dilution, oxygen=None):
    """Integrate a completely mixed tank, by LSODA with a relative tolerance of 1e-10.

    Parameters
    ----------
    table : Table
        The reactions.
    p : list of float
        Parameters.
    times : ndarray
        Times [d], ``(time,)``; the first is that of the start.
    start, influent : ndarray
        Concentrations, ``(component,)``.
    dilution : float
        Flow by volume [1/d].
    oxygen : CubicHermiteSpline, optional
        Dissolved oxygen that a controller keeps, as a function of time; without it oxygen is a state.

    Returns
    -------
    ndarray
        Concentrations, ``(component, time)``.
    """
    kinetics, at = compile_table(table), table.component_names.index(table.oxygen)
    coefficients = [[0.0 if v is None else float(v) for v in row] for row in kinetics.stoichiometry(p, NUMPY)]
    matrix = np.array(coefficients).T

    def slope(t, x):
        if oxygen is not None:
            x = x.copy()
            x[at] = oxygen(t)
        change = matrix @ np.array(kinetics.rates(list(x), p, NUMPY)) + dilution * (influent - x)
        if oxygen is not None:
            change[at] = 0.0
        return change

    solution = solve_ivp(slope, (times[0], times[-1]), start, t_eval=times, method="LSODA", rtol=1e-10, atol=1e-12)
    assert solution.success, solution.message
    if oxygen is not None:
        solution.y[at] = oxygen(times)
    return solution.y


def measured_oxygen(columns):
    """Return the oxygen of a file as a function of time, from its values and its slopes."""
    return CubicHermiteSpline(columns["t"], columns["so2"], columns["dso2"])


def start_uncertainty(run, start):
    """Return by how much half a digit in every start value moves a run at most, to first order."""
    base = run(start)
    total = np.zeros_like(base)
    for j, step in enumerate(half_digit(start)):
        moved = start.copy()
        moved[j] += step
        total += np.abs(run(moved) - base)
    return base, total
