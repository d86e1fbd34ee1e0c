"""Time bsm2-python's BSM1, open loop, over 14 dynamic days. Runs in the environment made by `make_environments.py`.

    benchmarks/.peers/bsm2_python/bin/python benchmarks/peers/run_bsm2_python.py \
        --influent bsm1_asm1_Inf_dry.txt --start bsm1.json --out runs/bsm2_python --minutes 1

The class is `BSM1OL`. It steps the units one after the other, each with odeint and with what enters it held over the
step, so that the error is of first order in the step. `BSM1OL.step` is called in a loop, as the package's `simulate`
does, without its progress bar and plots; `simulate` itself stops with an IndexError when a step is given (0.0.16).
What a step leaves behind belongs to the end of the step.

The timed fortnight is the second; the first starts from the steady state and is not timed. The first call is building
the plant and one step, with Numba's functions from its cache on disk where they are there. The last line is JSON.
A run keeps 1.8 kB for every step: 370 MB at 0.1 min.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from protocol import (
    COMPONENTS,
    PER_DAY,
    Q_INTERNAL,
    Q_RETURN,
    Q_WASTE,
    ROWS,
    SOLUBLES,
    Influent,
    StartState,
    effluent_table,
    read_influent,
    read_start_state,
    write_effluent,
)

TSS_COLUMN, Q_COLUMN, T_COLUMN, WIDTH = 13, 14, 15, 21
LAYERS = 10
SOLUBLE_COLUMNS = [COMPONENTS.index(c) for c in SOLUBLES]


def full_rows(concentrations: np.ndarray, flow: np.ndarray | float) -> np.ndarray:
    """Return rows of the package's 21 columns at 15 °C."""
    rows = np.zeros((len(concentrations), WIDTH))
    rows[:, : len(COMPONENTS)] = concentrations
    rows[:, TSS_COLUMN] = 0.75 * concentrations[:, 2:7].sum(axis=1)
    rows[:, Q_COLUMN], rows[:, T_COLUMN] = flow, 15.0
    return rows


def build(influent: Influent, start: StartState, minutes: float) -> object:
    """Return the plant at the start state; its clock runs over one fortnight."""
    from bsm2_python.bsm1_ol import BSM1OL

    # A hair early, so that the lookup `data_time <= now` finds the row of the interval that begins now.
    times = np.append(np.arange(ROWS) / PER_DAY - 1e-9, 14.0 + 0.5 * minutes / 1440)
    rows = full_rows(influent.concentrations, influent.flow)
    plant = BSM1OL(data_in=np.column_stack([times, np.vstack([rows, rows[:1]])]), timestep=minutes / 1440)
    expected = round(14 * 1440 / minutes)
    if len(plant.timesteps) != expected:
        raise RuntimeError(f"bsm2-python made {len(plant.timesteps)} steps of {minutes} min; expected {expected}")
    state = full_rows(start.reactors, 2 * Q_RETURN + Q_INTERNAL)
    for i in range(5):
        getattr(plant, f"reactor{i + 1}").y0 = state[i].copy()
    fifth = state[4]
    settler = np.zeros(12 * LAYERS)
    for i, column in enumerate(SOLUBLE_COLUMNS):
        settler[i * LAYERS : (i + 1) * LAYERS] = fifth[column]
    settler[7 * LAYERS : 8 * LAYERS] = start.layers
    settler[8 * LAYERS : 9 * LAYERS] = 15.0
    plant.settler.ys0 = settler
    # The recycles lag by one step: what they hold at the start.
    plant.y_out5_r = np.append(np.append(fifth[:Q_COLUMN], Q_INTERNAL), fifth[T_COLUMN:])
    thick = fifth.copy()
    solid = [i for i in range(TSS_COLUMN) if i not in SOLUBLE_COLUMNS]
    thick[solid] *= start.layers[-1] / fifth[TSS_COLUMN]
    thick[TSS_COLUMN], thick[Q_COLUMN] = start.layers[-1], Q_RETURN
    plant.ys_out = thick
    return plant


def fortnight(plant: object, days: float = 14.0) -> float:
    """Step the plant, and return the seconds."""
    steps = round(days / 14 * len(plant.timesteps))
    begin = time.perf_counter()
    for i in range(steps):
        plant.step(i)
    return time.perf_counter() - begin


def snapshot(plant: object) -> tuple:
    """Return copies of all that the next step depends on."""
    tanks = [getattr(plant, f"reactor{i}").y0.copy() for i in range(1, 6)]
    return tanks, plant.settler.ys0.copy(), plant.y_out5_r.copy(), plant.ys_out.copy()


def restore(plant: object, kept: tuple) -> None:
    """Set the plant to a snapshot."""
    tanks, settler, inner, thick = kept
    for i, tank in enumerate(tanks, start=1):
        getattr(plant, f"reactor{i}").y0 = tank.copy()
    plant.settler.ys0, plant.y_out5_r, plant.ys_out = settler.copy(), inner.copy(), thick.copy()


def effluent(plant: object, kept: tuple, influent: Influent) -> dict[str, np.ndarray]:
    """Return the effluent every 15 min of the fortnight that `kept` began."""
    every = round(len(plant.timesteps) / ROWS)
    ends = np.arange(1, ROWS) * every - 1
    tanks, settler, _, _ = kept
    fifth = np.vstack([tanks[4], plant.y_out5_all[ends]])[:, : len(COMPONENTS)]
    top = np.vstack([np.zeros(WIDTH), plant.ys_eff_all[ends]])
    top[0, SOLUBLE_COLUMNS] = settler[: 7 * LAYERS : LAYERS]
    top[0, TSS_COLUMN] = settler[7 * LAYERS]
    return effluent_table(top[:, TSS_COLUMN], fifth, top[:, SOLUBLE_COLUMNS], influent.flow)


def main() -> None:
    """Run, write the effluent, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--influent", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=1.0, help="step; must divide 15 min")
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    if abs(15 / options.minutes - round(15 / options.minutes)) > 1e-9:
        parser.error(f"--minutes {options.minutes} does not divide 15 min")
    influent, start = read_influent(options.influent), read_start_state(options.start)

    begin = time.perf_counter()
    import bsm2_python  # noqa: F401

    imported = time.perf_counter()
    plant = build(influent, start, options.minutes)
    plant.step(0)
    first = time.perf_counter()
    plant = build(influent, start, options.minutes)
    fortnight(plant)
    kept = snapshot(plant)
    seconds = []
    for _ in range(options.repeats):
        restore(plant, kept)
        seconds.append(fortnight(plant))
    out = options.out / "effluent.csv"
    write_effluent(out, effluent(plant, kept, influent))
    result = {
        "peer": "bsm2-python",
        "minutes": options.minutes,
        "steps": len(plant.timesteps),
        "import_s": imported - begin,
        "first_call_s": first - imported,
        "seconds": seconds,
        "best_s": min(seconds),
        "effluent": str(out),
        "flows": {"return": Q_RETURN, "internal": Q_INTERNAL, "waste": Q_WASTE},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
