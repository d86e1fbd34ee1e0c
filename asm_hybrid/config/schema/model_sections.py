"""Sections ``model``, ``network`` and ``training``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, cast, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from asm_hybrid.config.schema.counts import Hidden, Seeds, Tries
from asm_hybrid.config.schema.quantities import Amount, Duration
from asm_hybrid.config.schema.section import Section, refuse, written
from asm_hybrid.errors import nearest

__all__ = ["Bounds", "KineticsSection", "ModelSection", "NetworkSection", "TrainingSection"]

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
Names = Annotated[tuple[str, ...], Field(strict=False)]
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
    """The reactions."""

    kinetics: str = Field(default="asm1", description="Name of a shipped kinetics table, or path of a table.")
    parameters: dict[str, Amount] = Field(
        default_factory=dict,
        description="Values that replace the table's defaults, at the reference temperature "
        "[unit of the parameter in the table].",
    )


class ModelSection(KineticsSection):
    """The mechanistic model f, and whether n joins it."""

    mode: Literal["mechanistic", "neural", "hybrid"] = Field(
        default="hybrid",
        description="mechanistic: f alone; neural: a neural ODE of the measured variables; hybrid: f + n.",
    )
    calibrate: Calibrate = Field(
        default_factory=dict,
        description="Parameters to recalibrate: a list (within the table's bounds), or a mapping of names to "
        "[lower, upper].",
    )


Placement = Literal["rates", "state", "parameters", "forcing", "output"]
PLACEMENTS: tuple[str, ...] = get_args(Placement)


def _placements(value: Any) -> Any:
    """Put one or several placements into their order."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not listed:
        raise refuse(f"the placement is {value!r}", "one of " + ", ".join(PLACEMENTS) + ", or a list of them")
    for i, name in enumerate(listed):
        if name not in PLACEMENTS:
            raise refuse(
                f"the placement {name!r} is not known",
                "one of " + ", ".join(PLACEMENTS),
                nearest(str(name), PLACEMENTS),
            )
        if name in listed[:i]:
            raise refuse(f"the placement {name!r} is listed twice", "each placement once")
    return tuple(name for name in PLACEMENTS if name in listed)


def _reads(value: Any) -> Any:
    """Check the form of what n reads: a list, or a list for every placement."""
    lists = {"": value} if isinstance(value, list | tuple) else value
    names = lists.values() if isinstance(lists, dict) else [None]
    if not all(isinstance(v, list | tuple) and v and all(isinstance(n, str) for n in v) for v in names):
        raise refuse(
            f"the inputs are {value!r}",
            "a list of names, or a mapping of placements to such lists",
            "for instance 'inputs: [S_NH, S_O, T]' or 'inputs: {rates: [S_NH, T], forcing: [Q_in, T]}'",
        )
    return {k: tuple(v) for k, v in lists.items()} if isinstance(value, dict) else tuple(value)


class NetworkSection(Section):
    """The learnt part n."""

    placement: Annotated[
        tuple[Placement, ...],
        BeforeValidator(_placements),
        PlainSerializer(lambda names: names[0] if len(names) == 1 else list(names)),
        WithJsonSchema({"anyOf": [{"enum": list(PLACEMENTS)}, {"type": "array", "items": {"enum": list(PLACEMENTS)}}]}),
    ] = Field(
        default=("rates",),
        description="Where n acts, one or a list. rates: n changes process rates, and mass is conserved; state: dX/dt "
        "= f + n; parameters: n changes parameters of rates, tank by tank, and mass is conserved; forcing: n corrects "
        "concentrations of the influent; output: n is added to measured variables.",
    )
    form: Literal["multiplicative", "additive"] | None = Field(
        default=None,
        description="How n changes a rate: rate * exp(n), the default, or rate + gate * n. Placement rates only.",
    )
    inputs: Annotated[
        Names | dict[Placement, Names] | None,
        BeforeValidator(lambda value: value if value is None else _reads(value)),
        WithJsonSchema(
            {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object"}, {"type": "null"}]}
        ),
    ] = Field(
        default=None,
        description="What n sees, a list, or one for each placement: components of the tank; T and Q_in of the "
        "influent; air (kLa or air flow of the tank; for forcing the air flow of all); load.X with X a component or "
        "composite of the influent; time_of_day; or what a column gives, by its name. Default the soluble components "
        "and T; for forcing Q_in, T and the loads of COD, TN and TP.",
    )
    processes: Names | None = Field(
        default=None, description="Processes that n may change; default all. Placement rates only."
    )
    components: Names | None = Field(
        default=None,
        description="Components whose derivative n may change; default all. Placement state only.",
    )
    parameters: Names | None = Field(
        default=None,
        min_length=1,
        description="Parameters of rates that n multiplies by exp(n). Placement parameters only, and needed there.",
    )
    influent: Names | None = Field(
        default=None,
        min_length=1,
        description="Components whose concentration in the influent n multiplies by exp(n); default all. Placement "
        "forcing only.",
    )
    hidden: Hidden = Field(
        default=(16, 16), description="Widths of the hidden layers: at most 8 layers, of at most 1024 units."
    )
    activation: Literal["tanh", "silu", "relu", "softplus"] = Field(
        default="tanh", description="Activation of the hidden layers."
    )

    @model_validator(mode="after")
    def _fits_placement(self) -> Self:
        only = {
            "rates": ("form", "processes"),
            "state": ("components",),
            "parameters": ("parameters",),
            "forcing": ("influent",),
        }
        given = ", ".join(map(repr, self.placement))
        for placement, keys in only.items():
            for key in keys:
                if placement not in self.placement and getattr(self, key) is not None:
                    raise refuse(
                        f"{key!r} is given with the placement {given}",
                        f"{key!r} with the placement {placement!r} only",
                        f"remove {key!r}, or set placement: {placement}",
                    )
        for placement in self.inputs if isinstance(self.inputs, dict) else ():
            if placement not in self.placement:
                raise refuse(f"there are inputs for {placement!r} with the placement {given}", "inputs for " + given)
        if "parameters" in self.placement and self.parameters is None:
            raise refuse(
                "the placement 'parameters' has no 'parameters'",
                "the parameters of rates that n may change",
                "add parameters: [mu_A, K_OA], with names from the kinetics table",
            )
        return self

    def inputs_of(self, placement: str) -> tuple[str, ...] | None:
        """Return what n reads in a placement, as the config names it; None for the default."""
        if isinstance(self.inputs, dict):
            return self.inputs.get(cast(Placement, placement))
        return self.inputs

    def reads(self, name: str) -> bool:
        """Return whether n reads something in any placement."""
        return any(name in (self.inputs_of(p) or ()) for p in self.placement)


class TrainingSection(Section):
    """How the model learns."""

    seeds: Seeds = Field(default=(1, 2, 3), description="One training per seed; at most 64.")
    stages: StageNames = Field(
        default=("calibration", "windows"),
        description="What is learnt one after the other: calibration of f; collocation of n, from slopes; n on growing "
        "windows; n on windows; shooting, n and the starts of windows.",
    )
    start_from: str | None = Field(
        default=None,
        description="Run folder or bundle whose parameters, and n, this run starts from; relative to the config.",
    )
    warmup: Duration = Field(
        default=written("2 d"), description="Start of the record that is simulated and not scored [d]."
    )
    step: Duration = Field(default=written("5 min"), gt=0, description="Step of the solver [d].")
    compile: bool = Field(
        default=False,
        description="Compile the solver's step (torch.compile): takes up to three minutes once, seconds in later runs, "
        "then saves half of the time of a gradient step; needs a C++ compiler on a CPU, and falls back without one.",
    )
    tensorboard: bool = Field(
        default=False,
        description="Write the curves of the run for TensorBoard too, into its folder tensorboard; needs the package.",
    )
    checkpoint: Duration | None = Field(
        default=None,
        gt=0,
        description="Length of time whose solver steps are held in memory at once for the gradient, which then takes "
        "longer [d]; the whole window without it.",
    )
    calibration_evaluations: Tries = Field(
        default=12, gt=0, description="Simulations of the calibration block, with all derivatives, at most."
    )
    window: Duration = Field(default=written("12 h"), gt=0, description="Length of a training window [d].")
    batch: Tries = Field(default=64, gt=0, description="Windows per gradient step.")
    iterations: Tries = Field(
        default=200, ge=0, description="Gradient steps at most, shared out evenly to the stages that simulate windows."
    )
    optimiser: Literal["adam", "soap"] = Field(
        default="adam",
        description="How the gradient becomes a step: scaled weight by weight (adam), or along the axes in which it "
        "varies (soap), which needs a third of the steps, half the learning_rate, and watching for overfitting.",
    )
    gradient: Literal["window", "block", "record"] = Field(
        default="window",
        description="How far back the gradient of n reaches: to the start of a window (window), or, so that slow "
        "states count, through all windows before it in the training block (block) or the record (record), which want "
        "few, long windows and a small learning_rate.",
    )
    learning_rate: float = Field(default=0.01, gt=0, description="Step size of the optimiser.")
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
    validate_every: Tries = Field(default=20, gt=0, description="Gradient steps between two validations.")
