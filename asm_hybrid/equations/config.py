"""The config of a generic neural ODE: a table or a network as the right-hand side, and what it is fitted to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from asm_hybrid.artefacts import user_path
from asm_hybrid.config.builders.located import known
from asm_hybrid.config.messages import input_error
from asm_hybrid.config.schema.counts import Hidden, Seed, Tries
from asm_hybrid.config.schema.section import Section, refuse
from asm_hybrid.equations.delay_sections import DelayName, HistorySection, LearntDelay, Length
from asm_hybrid.equations.noise_sections import MAX_PATHS, DiffusionSection, Written
from asm_hybrid.equations.ranges import Pair, Row, check_ascending, check_within
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table, load_table
from asm_hybrid.kinetics.rate_inputs import check_no_inputs
from asm_hybrid.kinetics.values import ParameterError, check_values
from asm_hybrid.yamlfile import YamlDocument, YamlSource, load_yaml, to_yaml

__all__ = ["OdeConfig", "load_ode_config"]

Features = Literal["identity", "cubic"]
MAX_TIMES = 100_000
"""Data of a trajectory, and initial states: their solutions are held in memory with all steps between."""


class FittedSection(Section):
    """A parameter to be fitted."""

    start: float = Field(description="Value to start from [unit of the table].")
    bounds: Pair = Field(description="[lower, upper], within which it stays [unit of the table].")

    @model_validator(mode="after")
    def _start_within(self) -> Self:
        check_within(self.start, self.bounds)
        return self


class FieldNetworkSection(Section):
    """A network as the right-hand side."""

    hidden: Hidden = Field(description="Widths of the hidden layers.")
    activation: Literal["tanh", "silu", "relu", "softplus"] = Field(
        default="tanh", description="Activation of the hidden layers."
    )
    features: Features = Field(
        default="identity", description="What it sees: the states, or (cubic) the third power of each."
    )


class RightSideSection(Section):
    """The right-hand side: a kinetics table with parameters to fit, or a network."""

    table: str | None = Field(default=None, description="Name of a shipped kinetics table, or path of a table.")
    fit: dict[str, FittedSection] | None = Field(
        default=None, min_length=1, description="Parameters of the table to fit; the others keep their defaults."
    )
    network: FieldNetworkSection | None = Field(default=None, description="A network in the place of a table.")
    algebraic: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None,
        description="States whose slope is zero at all times: 0 = f(x) in the place of dx/dt = f(x).",
    )
    diffusion: DiffusionSection | None = Field(
        default=None, description="What noise does to the states: dx = f(x) dt + g(x) dW in the place of dx/dt = f(x)."
    )
    delays: dict[DelayName, LearntDelay] | None = Field(
        default=None, min_length=1, description="How long ago are the states that the network sees beside the present."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.table is None) == (self.network is None):
            both = "'table' and 'network' are both given" if self.table else "neither 'table' nor 'network' is given"
            raise refuse(both, "one of the two", "a right-hand side is a table with 'fit', or a network")
        if (self.table is None) != (self.fit is None):
            found = "'table' is given without 'fit'" if self.table else "'fit' is given without 'table'"
            raise refuse(found, "'fit' with a table, and only there")
        if self.delays and self.network is None:
            raise refuse(
                "'delays' is given with a table, whose rates know the present states alone",
                "'delays' with a network",
                "write the delay into the table as a chain of components",
            )
        return self


class TimesSection(Section):
    """When there are data."""

    count: int = Field(ge=2, le=MAX_TIMES, description="Number of times; the first is the begin of the span.")
    spacing: Literal["even", "random"] = Field(
        default="even", description="even, to the end of the span; or random: drawn over the span with the seed."
    )


class TruthSection(Section):
    """A known equation, du/dt = φ(u) A or written out state by state, from which data are made."""

    features: Features = Field(default="identity", description="φ: the states, or the third power of each.")
    matrix: Annotated[tuple[Row, ...], Field(strict=False)] | None = Field(default=None, description="A, by rows.")
    slopes: dict[str, str] | None = Field(
        default=None, description="In its place, the slope of every state, such as 1.5 * N * (1 - N.tau)."
    )
    delays: dict[DelayName, Length] | None = Field(
        default=None, min_length=1, description="How long ago N.tau is [unit of the times]."
    )
    noise: float = Field(default=0.0, ge=0, description="Standard deviation of noise on the data [unit of the states].")
    diffusion: dict[str, Written] | None = Field(
        default=None, description="Its own noise: the diffusion of every state, such as 0.7 - 0.2 * x."
    )
    paths: int | None = Field(
        default=None, ge=1, le=MAX_PATHS, description="With diffusion, how many paths the data are."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.matrix is None) == (self.slopes is None):
            found = "'matrix' and 'slopes' are both given" if self.slopes else "neither 'matrix' nor 'slopes' is given"
            raise refuse(found, "one of the two")
        if self.delays and self.slopes is None:
            raise refuse("'delays' is given without 'slopes'", "slopes in which N.tau stands for N a time tau ago")
        if self.features != "identity" and self.matrix is None:
            raise refuse("'features' is given without 'matrix'", "features of the states before a matrix")
        return self


class OdeDataSection(Section):
    """What the solution shall follow: a target, or data made from a known equation."""

    times: TimesSection = Field(description="The times at which there are data.")
    target: dict[str, float | Row] | None = Field(
        default=None, min_length=1, description="States that follow a constant, or a list with a value for every time."
    )
    truth: TruthSection | None = Field(default=None, description="A known equation that makes the data.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.target is None) == (self.truth is None):
            found = "'target' and 'truth' are both given" if self.target else "neither 'target' nor 'truth' is given"
            raise refuse(found, "one of the two", "without either there are no data to fit")
        for name, values in (self.target or {}).items():
            if isinstance(values, tuple) and len(values) != self.times.count:
                raise refuse(
                    f"the target of {name!r} has {len(values)} values",
                    f"{self.times.count} values, one for every time, or one number",
                )
        return self


class ExtrapolationSection(Section):
    """Trajectories from other initial states, scored against the truth."""

    count: int = Field(
        gt=0, le=MAX_TIMES, description="Number of initial states, drawn evenly from the box with the seed."
    )
    box: dict[str, Pair] = Field(description="[lower, upper] of every state.")


class SolverSection(Section):
    """How the equation is solved; see `asm_hybrid.solver.solve.solve`."""

    method: str = Field(default="dopri5", description="Name of the method.")
    rtol: float = Field(default=1e-7, gt=0, description="Relative tolerance [-] of methods that choose their steps.")
    atol: float = Field(default=1e-9, gt=0, description="Absolute tolerance of these [unit of the states].")
    steps: Tries | None = Field(default=None, gt=0, description="Steps from time to time, for all other methods.")
    adjoint: str = Field(
        default="discrete", description="How gradients are found: discrete, checkpointed, backsolve or interpolated."
    )


class OdeTrainingSection(Section):
    """How the parameters are found: by Adam, its step size falling along a cosine to a tenth."""

    loss: Literal["squared", "absolute"] = Field(default="squared", description="Mean of which residuals.")
    iterations: Tries = Field(default=200, ge=0, description="Gradient steps on the whole trajectory.")
    segment_iterations: Tries = Field(
        default=0,
        ge=0,
        description="Gradient steps before these, on solutions from every datum to the next, side by side. Truth only.",
    )
    learning_rate: float = Field(default=0.02, gt=0, description="Step size.")
    seed: Seed = Field(default=1, description="Draws times, noise, initial states, and the network's start.")


class OdeConfig(Section):
    """A generic neural ODE: right-hand side, initial state, span, data, training.

    Attributes
    ----------
    name, description : str
        Name of the run, and free text.
    ode : RightSideSection
        The right-hand side.
    initial : dict of str to float
        Initial value of every state [unit of the states]; its order is that of the states.
    history : HistorySection or None
        States before the span, for delays; without it, the initial ones, held.
    span : tuple of float
        Begin and end [d for a table].
    data : OdeDataSection
        What the solution shall follow.
    extrapolation : ExtrapolationSection or None
        Other initial states, from which it is scored beyond the data.
    solver : SolverSection
        How the equation is solved.
    training : OdeTrainingSection
        How the parameters are found.
    """

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="Name of the run: at most 64 letters, digits, '_', '-' and '.', since folders carry it.",
    )
    description: str = Field(default="", description="Free text, which the report shows.")
    ode: RightSideSection = Field(description="The right-hand side.")
    initial: dict[str, float] = Field(min_length=1, description="Initial value of every state; names the states.")
    history: HistorySection | None = Field(
        default=None, description="States before the span, for delays; by default the initial ones, held."
    )
    span: Pair = Field(description="Begin and end [d for a table].")
    data: OdeDataSection = Field(description="What the solution shall follow.")
    extrapolation: ExtrapolationSection | None = Field(default=None, description="Scored beyond the data.")
    solver: SolverSection = Field(default_factory=SolverSection, description="How the equation is solved.")
    training: OdeTrainingSection = Field(default_factory=OdeTrainingSection, description="How it learns.")

    _document: YamlDocument | None = PrivateAttr(default=None)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states."""
        return tuple(self.initial)

    @property
    def mass(self) -> tuple[float, ...] | None:
        """Diagonal of the mass matrix: zero for algebraic states, else one; None where no state is algebraic."""
        algebraic = self.ode.algebraic
        return None if algebraic is None else tuple(float(name not in algebraic) for name in self.states)

    @property
    def source_text(self) -> str:
        """The config as the user wrote it."""
        assert self._document is not None
        return self._document.text

    def to_yaml(self) -> str:
        """Return the config with every default written out and paths absolute, as text that loads again."""
        content = self.model_dump(mode="json", exclude_none=True)
        if self.ode.table is not None:
            content["ode"]["table"] = str(self._table_name())
        return to_yaml(content)

    def where(self, *keypath: str | int) -> str:
        """Return where a key stands, for messages: ``file:line (key.path)``."""
        return self._document.where(*keypath) if self._document else ".".join(map(str, keypath))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_ascending(self.span, "the span")
        for name in self.data.target or {}:
            if name not in self.initial:
                raise refuse(f"the target {name!r} is no state", "one of " + ", ".join(self.states))
        for name in self.ode.algebraic or ():
            if name not in self.initial:
                raise refuse(f"the algebraic {name!r} is no state", "some of " + ", ".join(self.states))
        truth = self.data.truth
        if self.training.segment_iterations and truth is None:
            raise refuse("'segment_iterations' is given without a truth", "data of all states, from data.truth")
        if self.extrapolation:
            if truth is None:
                raise refuse("'extrapolation' is given without a truth", "data.truth, against which it is scored")
            if set(self.extrapolation.box) != set(self.states):
                raise refuse("the box does not name the states", "a range for each of " + ", ".join(self.states))
            for name, pair in self.extrapolation.box.items():
                check_ascending(pair, f"the range of {name!r}")
        return self

    @model_validator(mode="after")
    def _truth_fits(self) -> Self:
        truth, n = self.data.truth, len(self.initial)
        matrix = None if truth is None else truth.matrix
        if matrix is not None and (len(matrix) != n or any(len(row) != n for row in matrix)):
            raise refuse("the matrix of the truth does not fit the states", f"{n} rows of {n} numbers")
        slopes = None if truth is None else truth.slopes
        if slopes is not None and set(slopes) != set(self.states):
            raise refuse("the slopes do not name the states", "a slope for each of " + ", ".join(self.states))
        return self

    def table(self) -> Table:
        """Load the kinetics table, and check the names of states and parameters against it."""
        try:
            table = load_table(self._table_name())
        except InputError as error:
            found = f"{error.where}: {error.found}" if error.where else error.found
            where = self.where("ode", "table")
            raise InputError(found, where=where, expected=error.expected, fix=error.fix) from None
        if table.equilibrium is not None:
            raise InputError(
                f"the table {table.name} has an equilibrium, whose constants follow the temperature of a plant's water",
                where=self.where("ode", "table"),
                expected="a table without a section 'equilibrium', since here is no plant",
                fix="extend it with 'equilibrium: null', and rates that read no pH",
            )
        check_no_inputs(table.inputs, self.where("ode", "table"))
        for parameter in self.ode.fit or {}:
            known(parameter, table.parameter_names, f"a parameter of {table.name}", self.where("ode", "fit", parameter))
        for state in self.states:
            known(state, table.component_names, f"a component of {table.name}", self.where("initial", state))
        self._check_values(table)
        missing = [c for c in table.component_names if c not in self.initial]
        if missing:
            raise InputError(
                f"the initial value of {missing[0]!r} is missing",
                where=self.where("initial"),
                expected="one for every component of the table",
            )
        return table

    def _table_name(self) -> str | Path:
        """Return the name of a shipped table, or the path of one's own."""
        name = str(self.ode.table)
        own = name.endswith((".yaml", ".yml")) or "/" in name or os.sep in name
        base = self._document.path.parent if self._document else Path()
        return (base / user_path(name)).resolve() if own else name

    def _check_values(self, table: Table) -> None:
        """Refuse fits and initial values that parameters and concentrations of a table cannot have."""
        for name, section in (self.ode.fit or {}).items():
            for key, value in (("start", section.start), *(("bounds", bound) for bound in section.bounds)):
                try:
                    check_values(table, {name: value})
                except ParameterError as error:
                    where = self.where("ode", "fit", name, key)
                    raise InputError(error.found, where=where, expected=error.expected, fix=error.fix) from None
        for name, value in self.initial.items():
            if value < 0:
                raise InputError(
                    f"the initial value of {name} is {value:g}",
                    where=self.where("initial", name),
                    expected="a concentration of zero or above",
                    fix="correct the sign",
                )


def load_ode_config(path: YamlSource) -> OdeConfig:
    """Read and check the config of a generic ODE.

    Parameters
    ----------
    path : str, Path or mapping
        A YAML file with the key ``ode``, or its content.

    Returns
    -------
    OdeConfig

    Raises
    ------
    InputError
        If the file is not readable YAML or does not fit the schema; with file, line and key.
    """
    document = load_yaml(path)
    try:
        config = OdeConfig.model_validate(document.data)
    except ValidationError as error:
        raise input_error(error, OdeConfig, document) from None
    config._document = document
    return config
