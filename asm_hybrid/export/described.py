"""What clients of the C model are told of it: names, units, start values, dependencies, and the sources themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.export.c_solver import find_pattern
from asm_hybrid.export.c_sources import TOLERANCE, ModelText, assemble_sources
from asm_hybrid.export.exported_plant import FROM_SUMS, Cause, ExportedPlant
from asm_hybrid.export.model_in_c import ModelInC
from asm_hybrid.kinetics.gases import OFFGAS
from asm_hybrid.scenario.compiled import VARYING

__all__ = ["Described", "Variable", "describe"]

STEP = 900.0
"""Communication step at most [s]."""
DAY = 86400.0
SMALL = 0.1
"""Least nominal value of a concentration [unit of the state]."""

RESERVED = frozenset({"model", "solver", "api", "eq", "table", "lu", "rosenbrock", "start", "masks", "fmi2", "fmi3"})
"""With what internal names of the C sources begin."""
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{kind}{i}" for kind in ("com", "lpt") for i in range(10))})
"""What is no name of a file in Windows, whatever its ending."""

Dependence = tuple[tuple[int, ...], tuple[int, ...]]
"""Positions of the states, and of the inputs, that something depends on."""


@dataclass(frozen=True)
class Variable:
    """One variable of an exported model.

    Attributes
    ----------
    name, unit, description : str
        Name, unit as the tables write it, and what it is.
    start : float
        Value at the start.
    nominal : float
        Usual size.
    minimum, maximum : float or None
        Bounds.
    """

    name: str
    unit: str
    description: str
    start: float
    nominal: float = 1.0
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Described:
    """An exported model as its clients see it.

    Attributes
    ----------
    name, identifier, text : str
        Name of the run, the same as an identifier of C, and what it is in a sentence.
    states, inputs, outputs, parameters : tuple of Variable
        In the order of the C model; outputs are all that is no state.
    table_inputs : frozenset of str
        Inputs that time tables give.
    switches : frozenset of str
        Parameters that are yes or no, 1 or 0.
    members, member : int
        Seeds of n, and the one that acts at the start; 0 for f alone.
    events : int
        Number of event distances.
    step : float
        Communication step that fits the record [s].
    tolerance : float
        Relative tolerance of the integration.
    shown : tuple of str
        States and outputs that were measured, or else the first few.
    derivative_of, output_of : tuple
        On which states and inputs each dx/dt, and each output, depends.
    sources : mapping of str to str
        ``model.h`` and ``model.c``.
    """

    name: str
    identifier: str
    text: str
    states: tuple[Variable, ...]
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    parameters: tuple[Variable, ...]
    table_inputs: frozenset[str]
    switches: frozenset[str]
    members: int
    member: int
    events: int
    step: float
    tolerance: float
    shown: tuple[str, ...]
    derivative_of: tuple[Dependence, ...]
    output_of: tuple[Dependence, ...]
    sources: Mapping[str, str]


def describe(plant: ExportedPlant) -> Described:
    """Write a plant in C, and describe it.

    Parameters
    ----------
    plant : ExportedPlant
        The plant.

    Returns
    -------
    Described
    """
    model, start = ModelInC(plant), plant.starts[plant.best]
    nominal = [max(abs(float(v)), SMALL) for v in start]
    counts = {
        "STATES": len(start),
        "INPUTS": len(plant.inputs),
        "OUTPUTS": len(plant.outputs),
        "PARAMETERS": len(plant.parameters),
        "EVENTS": len(plant.events[1]),
        "MEMBERS": plant.members,
    }
    rows, columns = np.nonzero(model.pattern)
    cycles = 2 * len([c for c in plant.plant.layout.cycles if not c.states])
    pattern = find_pattern(rows, columns, len(start))
    names = {"X": plant.states, "U": [c.name for c in plant.inputs], "P": [c.name for c in plant.parameters]}
    tolerance = VARYING if any(t.variable for t in plant.plant.layout.tanks) else TOLERANCE
    text = ModelText(
        name=plant.name,
        counts=counts,
        names=names,
        text=model.text,
        pattern=pattern,
        nominal=nominal,
        places=_places(names | {"Y": list(plant.outputs)}),
        cycles=cycles,
        reads_time=plant.plant.layout.clock,
        tolerance=tolerance,
    )
    components = {c.name: c for c in plant.plant.table.components}
    composites = plant.plant.table.composites
    told = {name: c.description for name, c in components.items()}
    told |= {name: c.description for name, c in composites.items()}
    units = dict(zip(plant.plant.rows.names, plant.plant.rows.units, strict=True))
    states = tuple(
        Variable(name, units[name], _in_words(name, told), float(value), size)
        for name, value, size in zip(plant.states, start, nominal, strict=True)
    )
    outputs = tuple(Variable(name, unit, _in_words(name, told), 0.0) for name, (unit, _) in plant.outputs.items())
    known = {*plant.states, *plant.outputs}
    n = f" + n, {plant.members} seeds" if plant.members else ""
    return Described(
        name=plant.name,
        identifier=_identifier(plant.name),
        text=f"{plant.plant.table.title}: f{n}, as the run {plant.name} fitted it",
        states=states,
        inputs=tuple(map(_variable, plant.inputs)),
        outputs=outputs,
        parameters=tuple(map(_variable, plant.parameters)),
        table_inputs=plant.table_inputs,
        switches=frozenset({FROM_SUMS} & {c.name for c in plant.parameters}),
        members=plant.members,
        member=plant.best,
        events=counts["EVENTS"],
        shown=tuple(n for n in plant.subject.model.targets if n in known) or plant.states[:4],
        tolerance=tolerance,
        step=min(plant.subject.interval * DAY, STEP),
        derivative_of=_dependence(*model.derivative_dependence),
        output_of=_dependence(*model.output_dependence),
        sources=assemble_sources(text),
    )


def _variable(cause: Cause) -> Variable:
    return Variable(cause.name, cause.unit, cause.text, cause.start, max(abs(cause.start), 1e-6), cause.low, cause.high)


def _dependence(states: np.ndarray, inputs: np.ndarray) -> tuple[Dependence, ...]:
    pairs = zip(states, inputs, strict=True)
    return tuple(tuple(tuple(int(i) for i in np.flatnonzero(own)) for own in pair) for pair in pairs)  # type: ignore[misc]


def _places(groups: Mapping[str, Sequence[str]]) -> str:
    """Return places in the arrays as constants of C: of states X, inputs U, outputs Y and parameters P.

    Raises
    ------
    InputError
        When two names are the same in C.
    """
    lines, taken = list[str](), dict[str, str]()
    for kind, names in groups.items():
        for i, name in enumerate(names):
            written = f"AH_{kind}_" + re.sub(r"\W", "_", name, flags=re.ASCII)
            if written in taken:
                raise InputError(
                    f"{taken[written]!r} and {name!r} would both be {written.removeprefix('AH_')} in C",
                    expected="names that differ in letters, digits or underscores",
                    fix="rename the tank, the recycle, the controller or the component; or export as bundle or xlsx",
                )
            taken[written] = name
            lines.append(f"    {written} = {i}")
    return (
        "\n/* Places of states (X), inputs (U), outputs (Y) and parameters (P) in their arrays. */\nenum {\n"
        + ",\n".join(lines)
        + "\n};\n"
    )


def _identifier(name: str) -> str:
    """Return a name as an identifier of C."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "plant"
    return f"plant_{plain}" if plain[0].isdigit() or plain.lower() in RESERVED | DEVICES else plain


_STREAMS = {
    "effluent": "the effluent",
    "influent": "the influent",
    "waste": "the waste sludge",
    "offgas": "the off-gas",
}
_QUANTITIES = {
    "kla": "oxygen transfer coefficient (kLa)",
    "setpoint": "set point",
    "saturation": "saturation concentration of oxygen",
}


def _in_words(name: str, told: Mapping[str, str]) -> str:
    """Return what a state or an output is."""
    place, _, quantity = name.rpartition(".")
    if place == "indicator":
        return f"{quantity.replace('_', ' ')}, at the moment"
    if place.startswith("shown."):
        return f"{told.get(quantity) or quantity} in {place.removeprefix('shown.')}, as n corrects it"
    if quantity.startswith(OFFGAS):
        gas = quantity.removeprefix(OFFGAS)
        return f"{told.get(gas) or gas} in the off-gas of {place}"
    where = _STREAMS.get(place, place)
    if told.get(quantity) and place:
        return f"{told[quantity]} in {where}"
    words = _QUANTITIES.get(quantity) or quantity.replace("_", " ")
    return f"{words} of {where}" if place else words
