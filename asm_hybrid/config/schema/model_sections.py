"""Sections ``model`` and ``training``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from asm_hybrid.config.schema.amounts import Amount, Duration
from asm_hybrid.config.schema.counts import Seeds, Tries
from asm_hybrid.config.schema.section import Section, refuse, written
from asm_hybrid.errors import nearest

__all__ = ["Bounds", "KineticsSection", "ModelSection", "TrainingSection"]

Bounds = tuple[float, float] | None
"""Lower and upper bound of a calibrated parameter; None stands for the bounds of the kinetics table."""


def _bounds(value: Any) -> Bounds:
    if value is None or value == "table":
        return None
    expected = "[lower, upper] with lower below upper, or the word table"
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise refuse(f"the bounds are {value!r}", expected)
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise refuse(f"the bounds are {value!r}", expected)
    if not value[0] < value[1]:
        raise refuse(f"the bounds are {list(value)}", expected)
    return float(value[0]), float(value[1])


def _calibrate(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    for i, name in enumerate(value):
        if not isinstance(name, str):
            raise refuse(f"the list holds {name!r}", "names of parameters")
        if name in value[:i]:
            raise refuse(f"the parameter {name!r} is listed twice", "each parameter once")
    return dict.fromkeys(value)


def _write_calibrate(value: dict[str, Bounds]) -> list[str] | dict[str, Any]:
    if all(bounds is None for bounds in value.values()):
        return list(value)
    return {name: "table" if bounds is None else list(bounds) for name, bounds in value.items()}


Calibrate = Annotated[
    dict[str, Annotated[Bounds, BeforeValidator(_bounds)]],
    BeforeValidator(_calibrate),
    PlainSerializer(_write_calibrate),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": ["array", "string", "null"]}},
            ]
        }
    ),
]
STAGES = ("calibration", "collocation", "growing", "windows", "shooting")
"""Stages of learning, in the order in which they can follow each other."""


def _stages(value: Any) -> Any:
    expected = "some of " + ", ".join(STAGES) + ", in this order"
    if not isinstance(value, list | tuple):
        raise refuse(f"the value is {value!r}", f"a list: {expected}")
    if not value:
        raise refuse(
            "the list is empty",
            expected,
            "remove the key, for the default, or name a stage; to learn nothing, set mode: mechanistic",
        )
    for i, name in enumerate(value):
        if name not in STAGES:
            raise refuse(f"the list holds {name!r}", expected, nearest(str(name), STAGES) or "")
        if name in value[:i]:
            raise refuse(f"the stage {name!r} is listed twice", "each stage once")
    ordered = [name for name in STAGES if name in value]
    if list(value) != ordered:
        raise refuse(f"the stages are {', '.join(value)}", expected, f"write stages: [{', '.join(ordered)}]")
    return tuple(value)


StageNames = Annotated[
    tuple[Literal["calibration", "collocation", "growing", "windows", "shooting"], ...],
    BeforeValidator(_stages),
    Field(strict=False),
]


class KineticsSection(Section):
    """The reactions.

    Attributes
    ----------
    kinetics : str
        Name or path of the table.
    parameters : mapping of str to float or str
        Values in the place of defaults [unit of the table].
    """

    kinetics: str = Field(default="asm1", description="Name of a shipped kinetics table, or path of a table.")
    parameters: dict[str, Amount] = Field(
        default_factory=dict,
        description="Values that replace the table's defaults, at the reference temperature "
        "[unit of the parameter in the table], such as {mu_A: 0.7}.",
    )


class ModelSection(KineticsSection):
    """The mechanistic model f, and whether n joins it.

    Attributes
    ----------
    kinetics, parameters
        See `KineticsSection`.
    mode : str
        ``"mechanistic"``, ``"neural"`` or ``"hybrid"``.
    calibrate : mapping of str to (float, float) or None
        Bounds of the parameters to recalibrate [unit of the table]; None for those of the table.
    """

    mode: Literal["mechanistic", "neural", "hybrid"] = Field(
        default="hybrid",
        description="mechanistic: f alone; neural: a neural ODE of the measured variables; hybrid: f + n.",
    )
    calibrate: Calibrate = Field(
        default_factory=dict,
        description="Parameters to recalibrate: a list (within the table's bounds), or a mapping such as "
        "{mu_A: [0.3, 1.2], K_NH: table}. Fits run in logarithms, so that bounds have to be above zero.",
    )


class TrainingSection(Section):
    """How the model learns.

    Attributes
    ----------
    seeds : tuple of int
        One training each.
    stages : tuple of str
        What is learnt, in this order.
    start_from : str or None
        Run folder or bundle.
    warmup, step, window : float
        Start that is not scored, step of the solver, training window [d].
    compile, tensorboard : bool
        Whether to compile the step, and to write curves for TensorBoard.
    checkpoint : float or None
        Time whose steps are held in memory [d].
    calibrate_by : str
        ``"simulation"`` or ``"likelihood"``.
    calibration_evaluations, batch, iterations : int
        Simulations of the calibration, windows a step, gradient steps.
    optimiser, gradient, loss : str
        ``"adam"`` or ``"soap"``; ``"window"``, ``"block"`` or ``"record"``; ``"squares"`` or ``"huber"``.
    learning_rate, penalty : float
        Step size of the optimiser, and weight of the size of n [-].
    patience, validate_every : int
        Validations without improvement, and gradient steps between two of them.
    test : bool
        Whether the test block is read at the end.
    """

    seeds: Seeds = Field(
        default=(1, 2, 3), description="One training per seed, all at once; results are median and range. At most 64."
    )
    stages: StageNames = Field(
        default=("calibration", "windows"),
        description="What is learnt one after the other: calibration of f; collocation of n, from slopes; n on growing "
        "windows; n on windows; shooting, n and the starts of windows. In this order, each once; any can be left out. "
        "See docs/method.md#stages-of-n.",
    )
    start_from: str | None = Field(
        default=None,
        description="Run folder or bundle whose parameters, and n, this run starts from; relative to the config.",
    )
    warmup: Duration = Field(
        default=written("2 d"), description="Start of the record that is simulated and not scored [d]."
    )
    step: Duration = Field(
        default=written("5 min"), gt=0, description="Step of the solver [d], shortened to divide data.interval."
    )
    compile: bool = Field(
        default=False,
        description="Compile the solver's step (torch.compile): takes up to three minutes once, seconds in later runs, "
        "then saves half of the time of a gradient step; needs a C++ compiler on a CPU, and falls back without one.",
    )
    tensorboard: bool = Field(
        default=False,
        description="Write the curves of the run for TensorBoard too, into its folder tensorboard; needs "
        "`pip install 'asm-hybrid[tensorboard]'`.",
    )
    checkpoint: Duration | None = Field(
        default=None,
        gt=0,
        description="Length of time whose solver steps are held in memory at once for the gradient, which then takes "
        "longer [d]; the whole window without it.",
    )
    calibrate_by: Literal["simulation", "likelihood"] = Field(
        default="simulation",
        description="What a calibration compares with the measurements: a simulation of the whole block (simulation), "
        "or what a Kalman filter expects of each from all before it (likelihood), which needs process_noise, "
        "estimates it along, and is for mode mechanistic. See docs/method.md#calibration-by-likelihood.",
    )
    calibration_evaluations: Tries = Field(
        default=40,
        gt=0,
        description="Batches of simulations of the calibration block, each with all derivatives, at most; it ends as "
        "soon as it has converged, as a rule after 10 to 20. Below 10 it searches from the default alone, and leaves "
        "the first state as it is. See docs/method.md#calibration.",
    )
    window: Duration = Field(default=written("12 h"), gt=0, description="Length of a training window [d].")
    batch: Tries = Field(default=64, gt=0, description="Windows per gradient step.")
    iterations: Tries = Field(
        default=200, ge=0, description="Gradient steps at most, shared out evenly to the stages that simulate windows."
    )
    optimiser: Literal["adam", "soap"] = Field(
        default="adam",
        description="How the gradient becomes a step: scaled weight by weight (adam), or along the axes in which it "
        "varies (soap), which needs a third of the steps, half the learning_rate, and watching for overfitting. See "
        "docs/method.md#optimisers.",
    )
    gradient: Literal["window", "block", "record"] = Field(
        default="window",
        description="How far back the gradient of n reaches: to the start of a window (window), or, so that slow "
        "states count, through all windows before it in the training block (block) or the record (record), which want "
        "few, long windows, compile, and a small learning_rate. See docs/method.md#how-far-back-the-gradient-reaches.",
    )
    learning_rate: float = Field(
        default=0.01, gt=0, description="Step size of the optimiser, which falls along a cosine to a tenth."
    )
    penalty: float = Field(
        default=0.01,
        ge=0,
        description="Weight in the loss of the size of n: its root mean square, summed over targets.",
    )
    loss: Literal["squares", "huber"] = Field(
        default="squares",
        description="What a residual costs: its square, or beyond 3 times the noise only in proportion (huber), so "
        "that outliers count less.",
    )
    patience: Tries = Field(default=8, gt=0, description="Validations without improvement before it stops.")
    validate_every: Tries = Field(
        default=20, gt=0, description="Gradient steps between two validations, each of which simulates the record."
    )
    test: bool = Field(
        default=True,
        description="Whether the test block is read once, at the end. With false the run is a trial, one of many among "
        "which the validation block chooses: what was measured from the begin of the test block on is as if it were "
        "not there, and there are no pure neural ODE as a baseline, forecasts, diagnosis and report.",
    )
