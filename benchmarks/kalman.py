"""A Kalman filter over a plant of five tanks: parameters recovered, and noise that points to the wrong equation.

    python benchmarks/kalman.py [--draws 10] [--days 2]

Five tanks in series with ASM1, 65 states, knots of 15 min, four sensors whose samples are 15 min apart and lack 10 %.
- **Recovered**: the truth has noise in S_NH and S_NO of all tanks, of 20 % of the state for the square root of a day,
  and mu_A and eta_g of its own, up to 25 % off the defaults. It begins off its steady state: every component by a
  factor whose logarithm has a standard deviation of 0.1; the filter assumes 0.2 of solids. Samples of the first 6 h do
  not count, as those of the warm-up of a run. Both parameters and both noises are estimated from the defaults and from
  twice the noise. A draw counts where both parameters lie within their 95 % intervals.
- **Pointed to**: the truth has no noise. The equation of one state, S_NH, S_NO or S_O in turn, lacks a source that
  comes and goes in all aerated tanks, of a size that would move the state by a third of its mean in the time that the
  water stays. The noises of these three are estimated, from 20 % each. Then each in turn is left out and the other two
  are estimated again. A draw counts where the likelihood loses most without the noise of the state whose equation is
  wrong. Beside it stand the draws in which this noise is the largest as a share of the state, and in which it would
  alone leave the largest spread of the state, s / sqrt(2 |J|), with J the mean diagonal of the Jacobian.

Plant and start were chosen after earlier ones had failed: at 15 degC and a wastage of 385 m3/d the plant stands near
washout, and with X_BA 30 % off at its start mu_A was 8 standard errors off. An extended filter bears neither.

CPU seconds are those of the process. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from asm_hybrid.config import build_layout, load_kinetics, load_plant
from asm_hybrid.data import Observation
from asm_hybrid.hybrid.compiled_system import open_values
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.plant.process_noise import ProcessNoise
from asm_hybrid.training import start_state
from asm_hybrid.training.kalman import KalmanFilter
from asm_hybrid.training.kalman_likelihood import Likelihood, first_belief, lost_without
from asm_hybrid.training.kalman_search import Likely, most_likely
from asm_hybrid.training.kalman_steps import kalman_steps

PLANT = """\
name: five_tanks
model: {kinetics: asm1}
plant:
  temperature: 18 degC
  tanks:
    anoxic_1: {volume: 1000}
    anoxic_2: {volume: 1000}
    aerobic_1: {volume: 1333, kla: 240}
    aerobic_2: {volume: 1333, kla: 240}
    aerobic_3: {volume: 1333, kla: 84}
  influent:
    to: anoxic_1
    flow: 18446
    composition: {S_I: 30, S_S: 70, X_I: 51, X_S: 202, X_BH: 28, X_BA: 0, X_P: 0, S_O: 0, S_NO: 0, S_NH: 31, S_ND: 7,
      X_ND: 10.6, S_ALK: 7, S_N2: 0}
  recycles: {internal: {from: aerobic_3, to: anoxic_1, flow: 55338}}
  return_sludge: {to: anoxic_1, flow: 18446}
  wastage: {flow: 200}
  settler: {type: ideal, non_settleable: 0.002}
"""
INTERVAL = 1.0 / 96.0
FLOW = 18446.0
TARGETS = {"aerobic_3.S_NH": 0.2, "aerobic_3.S_NO": 0.2, "anoxic_2.S_NO": 0.2, "aerobic_3.S_O": 0.1}
"""Sensors, and their noise [g/m3]."""
SUBSTEPS = 3
"""Steps of the solver in each step of the filter."""
PARTS = 6
"""Steps of the truth in a knot interval."""
OFF = 0.1
MISSING = 0.1
WARMUP = 0.25
FREE = ("mu_A", "eta_g")
NOISY = {"S_NH": 0.2, "S_NO": 0.2}
WRONG = ("S_NH", "S_NO", "S_O")
STATED = 0.2
"""Noise from which the search for the wrong equation begins, for every state [d^-½]."""


@dataclass(frozen=True)
class Case:
    """The plant and its inputs."""

    plant: Plant
    defaults: torch.Tensor
    inputs: np.ndarray

    @property
    def names(self) -> list[str]:
        """Return the names of the parameters."""
        return list(self.plant.table.parameter_names)

    @property
    def active(self) -> np.ndarray:
        """Return which entries of a state are in use."""
        return self.plant.rows.active > 0

    def system(self, parameters: torch.Tensor) -> PlantSystem:
        """Return the equations, with what the sensors show."""
        return PlantSystem(self.plant, parameters, tuple(TARGETS))

    def noise(self, component: str, share: float) -> ProcessNoise:
        """Return noise of one component in all tanks."""
        relative = np.zeros(self.plant.shape)
        relative[: self.plant.tanks, self.plant.table.component_names.index(component)] = share
        return ProcessNoise(np.zeros(self.plant.shape), relative)

    def source(self, component: str, mean: np.ndarray, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return what the equation of a component lacks, ``(time, state)`` [g/(m3 d)]."""
        phase = 2.0 * np.pi * rng.random(2)
        course = np.sin(2 * np.pi * times / 1.3 + phase[0]) + np.sin(2 * np.pi * times / 0.45 + phase[1])
        where, volumes = np.zeros(self.plant.shape), [tank.volume for tank in self.plant.layout.tanks]
        own = self.plant.table.component_names.index(component)
        for i, name in enumerate(self.plant.layout.tank_names):
            if name.startswith("aerobic"):
                stay = volumes[i] / (5.0 * FLOW)
                loss = 1.0 / stay + (240.0 if component == "S_O" else 0.0)  # oxygen comes back from the air
                where[i, own] = mean[i, own] * loss / 3.0
        return np.asarray(course[:, None] * where[self.active])


def case_of(days: float) -> Case:
    """Return the plant with sewage that varies by the hour and the day."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plant.yaml"
        path.write_text(PLANT, encoding="utf-8")
        config = load_plant(path)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    t = INTERVAL * np.arange(round(days / INTERVAL) + 1)
    day, week = np.cos(2 * np.pi * (t - 0.1)), np.cos(2 * np.pi * t / 7.0)
    series = {
        "Q_in": FLOW * (1.0 - 0.25 * day - 0.1 * week),
        "influent.S_NH": 31.0 * (1.0 - 0.2 * day + 0.1 * week),
        "influent.S_S": 70.0 * (1.0 - 0.3 * day),
    }
    columns = [series.get(s.name, plant.layout.constants.get(s.name, 0.0) + 0.0 * t) for s in plant.inputs]
    defaults = torch.tensor([p.default for p in table.parameters], dtype=torch.float64)
    return Case(plant, defaults, np.ascontiguousarray(np.stack(columns, axis=1)))


def measured(
    case: Case, parameters: torch.Tensor, noise: ProcessNoise, lacking: str | None, rng: np.random.Generator
) -> list[Observation]:
    """Simulate the truth, and return what its sensors show."""
    system, u = case.system(parameters), case.inputs
    steps, values = kalman_steps(system, 1, True), open_values(system, (1,))((0,))
    steady = start_state(system, torch.as_tensor(u.mean(0)))[0].numpy()
    x = (steady * np.exp(OFF * rng.normal(size=steady.shape[1])))[case.active]
    share = np.linspace(0.0, 1.0, PARTS + 1)
    times = INTERVAL / PARTS * np.arange((len(u) - 1) * PARTS)
    source = np.zeros((len(times), 1)) if lacking is None else case.source(lacking, steady, times, rng)
    absolute, relative = noise.absolute[case.active], noise.relative[case.active]
    h, shown = INTERVAL / PARTS, []
    for i in range((len(u) - 1) * PARTS):
        knot, k = divmod(i, PARTS)
        between = u[knot] + share[k : k + 2, None] * (u[knot + 1] - u[knot])
        x = steps.state(x, np.ascontiguousarray(between), values, h) + source[i] * h
        x = np.maximum(x + (absolute + relative * x) * np.sqrt(h) * rng.normal(size=len(x)), 0.0)
        if k == PARTS - 1:
            shown.append(steps.sensors(x, u[knot + 1], values)[0])
    seen, at = np.array(shown), np.asarray(INTERVAL * np.arange(1, len(u)), dtype=np.float64)
    found = []
    for j, (target, deviation) in enumerate(TARGETS.items()):
        keep = rng.random(len(at)) > MISSING
        value = seen[keep, j] + deviation * rng.normal(size=int(keep.sum()))
        rows, marks = np.arange(len(value)), np.zeros(len(value), dtype=np.int8)
        found.append(Observation(target, target, at[keep], value, deviation, "g/m3", rows, marks))
    return found


def searched(
    case: Case, observations: list[Observation], free: tuple[str, ...], noises: dict[str, float]
) -> tuple[Likelihood, Likely]:
    """Estimate parameters and noises from the defaults and from what is stated."""
    system, days = case.system(case.defaults), INTERVAL * (len(case.inputs) - 1)
    kalman = KalmanFilter(kalman_steps(system, SUBSTEPS, True), observations, case.inputs, INTERVAL, WARMUP, days)
    start = case.defaults[[case.names.index(n) for n in free]].numpy()
    named = {name: case.noise(name, share) for name, share in noises.items()}
    unknowns = Likelihood.unknowns_of(free, start, np.stack([start / 3.0, start * 3.0], axis=1), named)
    typical = torch.as_tensor(case.inputs.mean(0))
    likelihood = Likelihood(system, kalman, unknowns, named, typical, start_state(system, typical))
    return likelihood, most_likely(unknowns, unknowns.centre, likelihood.scores, max_evaluations=40)


def recovered(case: Case, draw: int) -> dict[str, object]:
    """Return whether parameters lie within their intervals."""
    rng = np.random.default_rng(1000 + draw)
    parameters = case.defaults.clone()
    index = [case.names.index(n) for n in FREE]
    factors = 1.0 + 0.25 * (2.0 * rng.random(len(FREE)) - 1.0)
    parameters[index] *= torch.as_tensor(factors)
    none = np.zeros(case.plant.shape)
    noise = ProcessNoise(none, sum((case.noise(c, share).relative for c, share in NOISY.items()), none))
    observations = measured(case, parameters, noise, None, rng)
    _, found = searched(case, observations, FREE, {c: 2.0 * share for c, share in NOISY.items()})
    truth = np.concatenate([np.log(parameters[index].numpy()), np.full(len(NOISY), np.log(0.5))])
    off = (found.x - truth) / np.sqrt(np.diag(found.covariance))
    names = [*FREE, *NOISY]
    return {
        "off": dict(zip(names, np.round(off, 2).tolist(), strict=True)),
        "spread": dict(zip(names, np.round(np.sqrt(np.diag(found.covariance)), 3).tolist(), strict=True)),
        "held": bool((np.abs(off[: len(FREE)]) < 1.96).all()),
        "noises_held": bool((np.abs(off[len(FREE) :]) < 1.96).all()),
        "converged": found.converged,
        "batches": found.evaluations,
    }


def left_of_states(case: Case, likelihood: Likelihood, found: Likely) -> dict[str, float]:
    """Return the spread that each noise would alone leave of its states, as a share, root mean square over tanks."""
    (filtered,) = likelihood.filtered(found.x[None])
    assert filtered is not None  # the search has been there
    steps, values = likelihood.filter.steps, open_values(case.system(case.defaults), (1,))((0,))
    diagonals = [np.diag(steps.jacobian(x, u, values)) for x, u in zip(filtered.states, case.inputs, strict=True)]
    variances = likelihood.noise(found.x).relative ** 2 / (2.0 * np.abs(np.mean(diagonals, axis=0)))
    return {
        name: float(np.sqrt(variances[noise.relative[case.active] > 0].mean()))
        for name, noise in likelihood.noises.items()
    }


def pointed(case: Case, draw: int) -> dict[str, object]:
    """Return which noise points to an equation where one is wrong."""
    rng = np.random.default_rng(3000 + draw)
    wrong = WRONG[draw % len(WRONG)]
    observations = measured(case, case.defaults, case.noise("S_NH", 0.0), wrong, rng)
    likelihood, found = searched(case, observations, (), dict.fromkeys(WRONG, STATED))
    lost = lost_without(likelihood, found, lambda _, less: less.scores)
    noises = {n.name: n for n in likelihood.noises_found(found, lost)}
    sizes, left = {name: n.value for name, n in noises.items()}, left_of_states(case, likelihood, found)
    losses = {name: np.inf if v is None else v for name, v in lost.items()}
    return {
        "wrong": wrong,
        "lost": {name: round(v, 1) for name, v in losses.items()},
        "left": {name: round(v, 4) for name, v in left.items()},
        "noise": {name: f"{n.value:.3g} ({n.low:.3g} to {n.high:.3g})" for name, n in noises.items()},
        "right": max(losses, key=losses.__getitem__) == wrong,
        "largest_left": max(left, key=left.__getitem__) == wrong,
        "largest_noise": max(sizes, key=sizes.__getitem__) == wrong,
        "converged": found.converged,
        "batches": found.evaluations,
    }


def seconds_of_a_likelihood(case: Case) -> float:
    """Return the CPU time of one pass of the filter over twice the days [s]."""
    inputs = np.concatenate([case.inputs, case.inputs[1:]])
    system = case.system(case.defaults)
    at = np.asarray(INTERVAL * np.arange(1, len(inputs)), dtype=np.float64)
    rows, marks = np.arange(len(at)), np.zeros(len(at), dtype=np.int8)
    observations = [Observation(t, t, at, 0.0 * at + 3.0, n, "g/m3", rows, marks) for t, n in TARGETS.items()]
    kalman = KalmanFilter(kalman_steps(system, SUBSTEPS, True), observations, inputs, INTERVAL, 0.0, float(at[-1]))
    first = first_belief(case.plant, start_state(system, torch.as_tensor(inputs.mean(0)))[0].numpy())
    noise = case.noise("S_NH", 0.2)
    noise = replace(noise, absolute=noise.absolute[case.active], relative=noise.relative[case.active])
    values, begin = open_values(system, (1,))((0,)), time.process_time()
    kalman.run(first, noise, values)
    return time.process_time() - begin


def main() -> None:
    """Print a line for each draw, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--days", type=float, default=2.0)
    chosen = parser.parse_args()
    case, out = case_of(chosen.days), {"days": chosen.days, "draws": chosen.draws}
    out["likelihood_days"], out["likelihood_seconds"] = 2 * chosen.days, round(seconds_of_a_likelihood(case), 2)
    for name, draw_of, key in (("recovered", recovered, "held"), ("pointed to", pointed, "right")):
        begin, rows = time.process_time(), []
        for draw in range(chosen.draws):
            rows.append(draw_of(case, draw))
            print(name, draw, json.dumps(rows[-1]), file=sys.stderr, flush=True)
        out[name] = sum(bool(row[key]) for row in rows)
        out[f"{name}, CPU s"] = round(time.process_time() - begin, 1)
        for other in ("noises_held", "largest_left", "largest_noise", "converged"):
            if other in rows[0]:
                out[f"{name}, {other}"] = sum(bool(row[other]) for row in rows)
    print(json.dumps(out))


if __name__ == "__main__":
    main()
