"""What every contestant of the BSM1 benchmark shares: influent, start state, output and error measure.

Only NumPy is needed, so that the file runs in the peers' environments too.

The protocol is BSM1's, open loop, dry weather: the steady state, then 14 days, then the same 14 days again, which are
timed. The influent is held over each of its 15-min intervals. Output is the effluent every 15 min from day 0 to day
13.99 of the second fortnight, 1344 rows of concentrations at that instant, beside the flow of the interval that begins.

The error of a run
------------------
For each of S_NH, S_NO, COD and TSS of the effluent, the root mean square over days 7 to 14 (672 rows) of the difference
from a reference, divided by the mean of the reference over the same rows. The error of a run is the largest of the
four. COD is S_I + S_S + X_I + X_S + X_BH + X_BA + X_P.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

COMPONENTS = ("SI", "SS", "XI", "XS", "XBH", "XBA", "XP", "SO", "SNO", "SNH", "SND", "XND", "SALK")
SOLUBLES = ("SI", "SS", "SO", "SNO", "SNH", "SND", "SALK")
PARTICULATES = ("XI", "XS", "XBH", "XBA", "XP", "XND")
MEASURED = ("SNH", "SNO", "COD", "TSS")
COD = ("SI", "SS", "XI", "XS", "XBH", "XBA", "XP")
TSS = ("XI", "XS", "XBH", "XBA", "XP")
PER_DAY = 96
ROWS = 14 * PER_DAY
WINDOW = slice(7 * PER_DAY, ROWS)
Q_RETURN, Q_INTERNAL, Q_WASTE = 18446.0, 55338.0, 385.0
HEADER = ("t_d", "Qe_m3d", *COMPONENTS, "TSS")


@dataclass(frozen=True)
class Influent:
    """14 days of influent, each row held for 15 min.

    Attributes
    ----------
    concentrations
        ``(1344, 13)`` in the order of `COMPONENTS` [g m⁻³; S_ALK mol m⁻³].
    flow
        ``(1344,)`` [m³ d⁻¹].
    """

    concentrations: np.ndarray
    flow: np.ndarray


@dataclass(frozen=True)
class StartState:
    """The plant at the start of the first fortnight.

    Attributes
    ----------
    reactors
        ``(5, 13)`` in the order of `COMPONENTS` [g m⁻³; S_ALK mol m⁻³].
    layers
        ``(10,)`` TSS of the settler from top to bottom [g m⁻³]; its solubles are those of the fifth reactor.
    """

    reactors: np.ndarray
    layers: np.ndarray


def read_influent(path: Path) -> Influent:
    """Read a BSM1 influent file: lines of t, the 13 components and Q; other lines are skipped.

    The last of its 1345 rows, day 14, is the first again and is dropped. Times are not used beyond a check, because
    the file rounds them to 9 decimals and a row would begin a hair too late.
    """
    rows = []
    for line in path.read_text().splitlines():
        try:
            numbers = [float(word) for word in line.replace(",", " ").split()]
        except ValueError:
            continue
        if len(numbers) == len(COMPONENTS) + 2:
            rows.append(numbers)
    table = np.array(rows)
    if len(table) not in (ROWS, ROWS + 1):
        raise ValueError(f"{path}: {len(table)} rows of t, 13 components and Q; expected {ROWS} or {ROWS + 1}")
    table = table[:ROWS]
    if not np.allclose(table[:, 0], np.arange(ROWS) / PER_DAY, atol=1e-6):
        raise ValueError(f"{path}: the times are not 0, 15 min, 30 min, …")
    return Influent(table[:, 1:14], table[:, 14])


def read_start_state(path: Path) -> StartState:
    """Read a steady state from JSON: `reactors` by name and component, `settler_TSS_top_to_bottom`.

    The two may stand under `steady_state_open_loop_10_digits`.
    """
    found = json.loads(path.read_text())
    found = found.get("steady_state_open_loop_10_digits", found)
    try:
        reactors = np.array([[float(found["reactors"][f"reactor{i}"][c]) for c in COMPONENTS] for i in range(1, 6)])
        layers = np.array(found["settler_TSS_top_to_bottom"], dtype=float)
    except KeyError as missing:
        raise ValueError(f"{path}: no {missing} in the start state") from None
    if layers.shape != (10,):
        raise ValueError(f"{path}: settler_TSS_top_to_bottom has {layers.size} layers; expected 10")
    return StartState(reactors, layers)


def read_effluent(path: Path) -> dict[str, np.ndarray]:
    """Read an effluent table (a run's or the reference's) by column name."""
    with path.open(newline="") as file:
        lines = list(csv.reader(file))
    return dict(zip(lines[0], np.array(lines[1:], dtype=float).T, strict=True))


def write_effluent(path: Path, effluent: dict[str, np.ndarray]) -> None:
    """Write an effluent table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows([f"{value:.9g}" for value in row] for row in zip(*(effluent[c] for c in HEADER), strict=True))


def effluent_table(solids: np.ndarray, fifth: np.ndarray, solubles: np.ndarray, flow: np.ndarray) -> dict[str, Any]:
    """Put the effluent together from states every 15 min.

    Parameters
    ----------
    solids
        ``(1344,)`` TSS of the top layer [g m⁻³].
    fifth
        ``(1344, 13)`` the fifth reactor, whose composition the solids of the settler have.
    solubles
        ``(1344, 7)`` of the top layer, in the order of `SOLUBLES`.
    flow
        ``(1344,)`` influent of the interval that begins [m³ d⁻¹].
    """
    of_fifth = dict(zip(COMPONENTS, fifth.T, strict=True))
    share = solids / (0.75 * sum(of_fifth[c] for c in TSS))
    table = {c: of_fifth[c] * share for c in PARTICULATES} | dict(zip(SOLUBLES, solubles.T, strict=True))
    return table | {"t_d": np.arange(ROWS) / PER_DAY, "Qe_m3d": flow - Q_WASTE, "TSS": solids}


def error_by_quantity(run: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the relative root mean square difference of S_NH, S_NO, COD and TSS, days 7 to 14."""
    found = {}
    for name in MEASURED:
        ours, theirs = (np.sum([x[c] for c in COD], axis=0) if name == "COD" else x[name] for x in (run, reference))
        if len(ours) != ROWS or len(theirs) != ROWS:
            raise ValueError(f"expected {ROWS} rows every 15 min, found {len(ours)} and {len(theirs)}")
        ours, theirs = ours[WINDOW], theirs[WINDOW]
        found[name] = float(np.sqrt(np.mean((ours - theirs) ** 2)) / np.mean(theirs))
    return found


def error(run: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> float:
    """Return the error of a run: the largest of `error_by_quantity`."""
    return max(error_by_quantity(run, reference).values())


def seconds_at_error(runs: list[dict[str, Any]], target: float, kind: str = "error") -> dict[str, float | bool]:
    """Return how long a peer takes for a given error, from runs that each have `best_s` and the error `kind`.

    Between two runs, both logarithms are interpolated. Beyond the most accurate one, time is taken to grow as the
    inverse of the error, as for a method of first order, and `extrapolated` is true. For bsm2-python's 0.1 min that
    is right to a few per cent from 0.25 min, and 20 % too long from 1 min, since shorter steps are cheaper. For
    QSDsan (`kind` own_error) it is too long. A target above the largest error gives the time of the run that has it.
    """
    known = sorted(((r[kind], r["best_s"]) for r in runs), reverse=True)
    errors, seconds = (np.array(x) for x in zip(*known, strict=True))
    if target < errors[-1]:
        return {"best_s": float(seconds[-1] * errors[-1] / target), "error": target, "extrapolated": True}
    logs = np.interp(-np.log(target), -np.log(errors), np.log(seconds))
    return {"best_s": float(np.exp(logs)), "error": float(min(target, errors[0])), "extrapolated": False}
