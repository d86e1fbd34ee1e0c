"""What a training will take: its work, counted from the config, times what pieces of it take on this machine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from asm_hybrid.config import Config, calibration_bounds, searched_noises
from asm_hybrid.data import Dataset, QualityFinding
from asm_hybrid.plant import Plant
from asm_hybrid.training.calibration import FOLLOWED, KEPT, PER_START, USUAL
from asm_hybrid.training.descent_schedule import schedule
from asm_hybrid.training.from_config import checkpoint_knots
from asm_hybrid.training.kalman_likelihood import WITHOUT
from asm_hybrid.training.origins import FORECAST_BLOCKS, MOST_ORIGINS
from asm_hybrid.training.profile_likelihood import ROUNDS
from asm_hybrid.training.simulation_models import SETTLING

__all__ = [
    "FILTER",
    "UNCERTAINTY",
    "Cost",
    "Extent",
    "Pace",
    "Timing",
    "cost_findings",
    "duration",
    "estimate",
    "extent",
    "typical",
]

UNCERTAINTY = 2.0
"""Factor by which an estimate may be off, either way: a few steps are timed, the load of the machine changes, a fit may
stop early or a simulation need more tries."""

OVERHEAD = 1.3
"""Time of a training over that of its pieces: optimiser, checkpoints and records come on top. Short trainings of the
quickstart took 1.2 to 1.6 times as long as their pieces, on a machine with one to five programs a core."""

COMPILED = 0.5
"""What is left of the time of a gradient step when the step of the solver is compiled."""
COMPILING = 180.0
"""Time that this takes, at most [s]."""

COPIES = 1.5
"""Memory of a gradient step over what it holds for the backward pass: the pass itself needs some."""
PROGRAM = 1e9
"""Memory of a training of a small plant, libraries and report included [byte]."""
DOUBLE = 8
"""Size of a number [byte]."""
WEIGHT_COPIES = 6
"""A weight, its gradient, two moments of the optimiser, and what is kept of the best validation."""

LONG = 3 * 3600.0
"""Time that is warned of [s]."""
FULL = 0.7
"""Share of the machine's memory that is warned of."""

TRIED = 4
"""Simulations of a run of the calibration in each batch beside its derivatives by parameters: trials of steps, and
derivatives by the first state."""
FEW = 8
"""Windows whose gradient is compared at two steps, at the start of learning and at its end."""
HORIZON = 1.0
"""Time over which is forecast [d]."""
FILTER = 2.5e-7
"""What a step of a Kalman filter takes beside that of f, for the square of the number of states [s]."""


@dataclass(frozen=True)
class Pace:
    """Time of one knot interval.

    Attributes
    ----------
    fixed : float
        What it takes in any case [s].
    each : float
        What each trajectory that runs along adds [s].
    """

    fixed: float
    each: float

    def seconds(self, intervals: float, trajectories: float) -> float:
        """Return the time of some intervals of some trajectories side by side [s]."""
        return intervals * (self.fixed + self.each * trajectories)


@dataclass(frozen=True)
class Timing:
    """What pieces take on this machine.

    Attributes
    ----------
    f, hybrid, neural : Pace
        Simulations of f, of f + n, and of the pure neural ODE, without gradients.
    gradient, neural_gradient : Pace
        Gradients with respect to n, and of the pure neural ODE: forward and backward.
    forward : Pace
        The way forward alone of a gradient of n, as a gradient that holds less in memory goes it twice.
    held : float
        Memory that a gradient of f + n holds for one knot interval of one trajectory [byte].
    start : float
        A steady state of f [s].
    """

    f: Pace
    hybrid: Pace
    neural: Pace
    gradient: Pace
    neural_gradient: Pace
    forward: Pace
    held: float
    start: float


def typical(substeps: int) -> Timing:
    """Return what pieces take as a rule, from which only shares of a training follow: nothing is timed.

    Parameters
    ----------
    substeps : int
        Steps of the solver in a knot interval.

    Returns
    -------
    Timing
        Of the quickstart on one core of a server of 2026.
    """
    return Timing(
        f=Pace(0.0, 4e-5 * substeps),
        hybrid=Pace(0.0, 6e-5 * substeps),
        neural=Pace(0.0, 4e-5),
        gradient=Pace(7e-3 * substeps, 4e-5 * substeps),
        neural_gradient=Pace(5e-3, 1e-5),
        forward=Pace(4e-3 * substeps, 2e-5 * substeps),
        held=0.0,
        start=0.05,
    )


@dataclass(frozen=True)
class Extent:
    """How much there is to do; lengths in knot intervals.

    Attributes
    ----------
    record, calibration, validated : int
        The record, its part up to the end of the calibration block, and up to the end of the validation block.
    trained : int
        The training block, and what goes before it where gradients reach that far.
    window : int
        A training window.
    horizon : int
        What a forecast simulates.
    origins : tuple of int
        From how many times is forecast, block by block.
    sets : int
        Parameters that are calibrated.
    evaluations : int
        Batches of simulations of the calibration, as a rule.
    members : int
        Seeds.
    batch : int
        Windows of a gradient step, at most.
    iterations : int
        Gradient steps, at most.
    validate_every : int
        Gradient steps between two validations.
    stages : tuple of str
        What is learnt.
    learns : bool
        Whether there is an n.
    state : int
        Numbers in a state.
    weights : int
        Numbers that are learnt, of all members.
    layered : bool
        Whether every set of parameters needs a steady state of its own that takes long.
    compiles : bool
        Whether the step of the solver is compiled.
    kept : int or None
        Knot intervals that a gradient holds in memory at once; None for the whole window.
    noises : int
        Noises of states that are estimated; with any, f is calibrated by likelihood.
    """

    record: int
    calibration: int
    validated: int
    trained: int
    window: int
    horizon: int
    origins: tuple[int, ...]
    sets: int
    evaluations: int
    members: int
    batch: int
    iterations: int
    validate_every: int
    stages: tuple[str, ...]
    learns: bool
    state: int
    weights: int
    layered: bool
    compiles: bool = False
    kept: int | None = None
    noises: int = 0

    def windows(self, length: int) -> int:
        """Return the windows of a gradient step."""
        return min(self.batch, max(1, self.trained // max(1, min(length, self.trained))))


@dataclass(frozen=True)
class Cost:
    """What a training will take.

    Attributes
    ----------
    parts : tuple of (str, float)
        What is done, and its time [s]; empty where nothing could be timed.
    memory : float
        Largest memory [byte].
    """

    parts: tuple[tuple[str, float], ...]
    memory: float

    @property
    def seconds(self) -> float:
        """Time of all parts [s]."""
        return sum(seconds for _, seconds in self.parts)


def extent(config: Config, plant: Plant, dataset: Dataset) -> Extent:
    """Return how much there is to do for a config and its data.

    Parameters
    ----------
    config, plant, dataset
        What is trained.

    Returns
    -------
    Extent
    """
    training, interval = config.training, dataset.interval
    begin, end = dataset.blocks["train"]
    begin = max(begin, training.warmup)
    calibrated = calibration_bounds(config, plant.table) if "calibration" in training.stages else {}
    first = 0.0 if training.gradient == "record" else begin

    def intervals(days: float) -> int:
        return max(1, round(days / interval))

    return Extent(
        record=len(dataset.times) - 1,
        calibration=intervals(dataset.blocks["calibrate"][1]),
        validated=intervals(dataset.blocks["validate"][1]),
        trained=intervals(end - first),
        window=intervals(training.window),
        horizon=intervals(HORIZON),
        origins=tuple(
            min(MOST_ORIGINS, max(1, round(24 * (b - a + HORIZON))))
            for a, b in (dataset.blocks[name] for name in FORECAST_BLOCKS if training.test)
        ),
        sets=len(calibrated),
        evaluations=min(USUAL, training.calibration_evaluations),
        members=len(training.seeds),
        batch=training.batch,
        iterations=training.iterations,
        validate_every=training.validate_every,
        stages=tuple(training.stages),
        learns=config.model.mode == "hybrid",
        state=int(plant.rows.active.sum()),
        weights=len(training.seeds) * _weights(config, plant),
        layered=plant.rows.count > plant.tanks,
        compiles=training.compile,
        kept=checkpoint_knots(config),
        noises=len(searched_noises(config, plant.table, plant.layout)),
    )


def _weights(config: Config, plant: Plant) -> int:
    """Return the weights of a member: of n and of the pure neural ODE, each as if it read and gave all there is."""
    wide = len(plant.inputs) + len(plant.table.components)
    given = max(len(plant.table.processes), len(plant.table.components))
    widths = (wide, *config.network.hidden, given)
    networks = 1 + (len(config.network.placement) if config.model.mode == "hybrid" else 0)
    return networks * sum((a + 1) * b for a, b in pairwise(widths))


def estimate(work: Extent, timing: Timing | None) -> Cost:
    """Return the time and memory of a training.

    Parameters
    ----------
    work : Extent
        How much there is to do.
    timing : Timing or None
        What pieces take; None where that was not timed.

    Returns
    -------
    Cost
        Of a run that does not stop early.
    """
    if timing is None:
        return Cost((), _memory(work, 0.0))
    parts = {"start, and f over the record": timing.start + timing.f.seconds(_steps(work.record), 2)}
    if work.sets:
        parts["calibration of f"] = _calibration(work, timing)
    if work.learns:
        parts["gradients of n"] = _gradients(work, timing)
        parts["validation of n"] = _validations(work) * timing.hybrid.seconds(_steps(work.validated), work.members)
    parts["pure neural ODE"] = _neural(work, timing)
    parts["predictions and forecasts"] = _predictions(work, timing)
    return Cost(tuple((name, OVERHEAD * seconds) for name, seconds in parts.items()), _memory(work, timing.held))


def _steps(length: float) -> float:
    """Return knot intervals as their work counts: the first of a simulation takes `SETTLING` times the steps."""
    return length + SETTLING - 1


def _calibration(work: Extent, timing: Timing) -> float:
    """Return what the calibration takes: runs side by side with their derivatives and trials, and the profiles."""
    if work.noises:  # half of the batches are trials of one filter
        without = WITHOUT / 2 * work.noises * (1 + work.sets + work.noises) if work.noises > 1 else 0.0
        filters = work.evaluations / 2 * (2 + work.sets + work.noises) + without
        return filters * (work.calibration * FILTER * work.state**2 + timing.f.seconds(work.calibration, 1))
    side = KEPT if work.evaluations >= PER_START * FOLLOWED else 1
    rounds = min(ROUNDS, work.evaluations // 2)
    simulated = work.evaluations * side * (1 + work.sets + TRIED), rounds * 2 * work.sets
    batches = 2 * work.evaluations, rounds
    length = _steps(work.calibration)
    seconds = sum(
        count * timing.f.seconds(length, total / max(1, count)) for count, total in zip(batches, simulated, strict=True)
    )
    return seconds + (sum(simulated) if work.layered else sum(batches)) * timing.start


def _gradients(work: Extent, timing: Timing) -> float:
    total = 0.0
    for part in schedule(work.stages, work.window, work.iterations):
        length, side = _steps(part.length), work.members * work.windows(part.length)
        once = timing.gradient.seconds(length, side)
        if part.stage == "shooting":
            once += timing.hybrid.seconds(length, side)
        if work.kept is not None:
            once += timing.forward.seconds(length, side)
        total += part.iterations * once
    compared = 2 * 4 * timing.gradient.seconds(_steps(work.window), work.members * min(FEW, work.windows(work.window)))
    return compared + (COMPILING + COMPILED * total if work.compiles else total)


def _validations(work: Extent) -> int:
    parts = schedule(work.stages, work.window, work.iterations)
    return sum(1 + math.ceil(p.iterations / work.validate_every) for p in parts) + 2 * ("collocation" in work.stages)


def _neural(work: Extent, timing: Timing) -> float:
    side = work.members * work.windows(work.window)
    descent = work.iterations * timing.neural_gradient.seconds(work.window, side)
    validations = 1 + math.ceil(work.iterations / work.validate_every)
    return descent + validations * timing.neural.seconds(work.validated, work.members)


def _predictions(work: Extent, timing: Timing) -> float:
    paces = [(timing.neural, work.members), (timing.f, 2)]
    paces += [(timing.hybrid, work.members)] if work.learns else []
    record = sum(pace.seconds(_steps(work.record), members) for pace, members in paces if pace is not timing.f)
    ahead = _steps(work.horizon)
    return record + sum(pace.seconds(ahead, origins * members) for origins in work.origins for pace, members in paces)


def _memory(work: Extent, per_interval: float) -> float:
    parts = schedule(work.stages, work.window, work.iterations) if work.learns else ()
    held = max(
        (
            work.members * work.windows(p.length) * _steps(min(p.length, work.kept or p.length)) * per_interval
            for p in parts
        ),
        default=0.0,
    )
    trajectories = 2 + 2 * work.members * work.learns
    numbers = work.record * work.state * trajectories + WEIGHT_COPIES * work.weights
    return PROGRAM + COPIES * held + DOUBLE * numbers


def cost_findings(cost: Cost, memory: float | None, file: str) -> Iterator[QualityFinding]:
    """Yield a training that takes hours, or more memory than there is.

    Parameters
    ----------
    cost : Cost
        What it will take.
    memory : float or None
        Memory of the machine [byte]; None where it cannot be told.
    file : str
        The file, for messages.

    Yields
    ------
    QualityFinding
        Warnings.
    """
    if cost.parts and cost.seconds > LONG:
        name, longest = max(cost.parts, key=lambda part: part[1])
        yield QualityFinding(
            "warning",
            file,
            "",
            "",
            "cost",
            f"training will take about {duration(cost.seconds)} on this machine, {duration(longest)} of it for {name}",
            f"less than {duration(LONG)}, or a decision to wait",
            "lower training.iterations, calibration_evaluations, seeds or the number of calibrated parameters, or set "
            "a longer data.interval or training.step; training.compile halves the time of a gradient step",
        )
    if memory is not None and cost.memory > FULL * memory:
        yield QualityFinding(
            "warning",
            file,
            "",
            "",
            "cost",
            f"training will need about {cost.memory / 1e9:.3g} GB of memory; this machine has {memory / 1e9:.3g} GB",
            f"at most {FULL:.0%} of the memory",
            "lower training.batch, training.window, seeds or network.hidden, or set training.checkpoint",
        )


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it, to two digits.

    Parameters
    ----------
    seconds : float
        The time [s].

    Returns
    -------
    str
        Such as ``3.5 h``; not below one in its unit.
    """
    for limit, unit, size in ((100.0, "s", 1.0), (100 * 60.0, "min", 60.0), (72 * 3600.0, "h", 3600.0)):
        if seconds < limit:
            return f"{max(1.0, float(f'{seconds / size:.2g}')):g} {unit}"
    return f"{float(f'{seconds / 86400:.2g}'):g} d"
