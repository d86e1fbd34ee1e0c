"""The variables of an FMU: one numbering, which the descriptions and the C code share."""

from __future__ import annotations

from dataclasses import dataclass, replace

from asm_hybrid.export.described import Described, Variable
from asm_hybrid.export.fmi.names import structured_names
from asm_hybrid.export.fmi.unit_definitions import UnitDefinition, define_unit

__all__ = ["FmuVariable", "Numbering", "Values", "number_variables"]


_GROUPS = ("states", "derivatives", "inputs", "outputs", "parameters", "member", "motions", "events")
"""What follows the time, in the order of value references."""


@dataclass(frozen=True)
class Values:
    """Numbers that a description gives of a variable.

    Attributes
    ----------
    start, nominal, minimum, maximum : float, optional
        Value at the start, usual size, and range; the start lies in the range.
    """

    start: float | None = None
    nominal: float | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class FmuVariable:
    """A variable as a model description lists it.

    Attributes
    ----------
    reference : int
        Its value reference.
    name, description : str
        See there.
    kind : str
        ``Real``, ``Boolean`` or ``Integer``.
    causality, variability : str
        See the standard.
    initial : str, optional
        ``exact`` or ``calculated``.
    values : Values
        See there.
    unit : UnitDefinition, optional
        None for a pure number.
    derivative : int, optional
        Value reference of the variable whose rate of change this one is.
    reinit : bool
        Whether an event may set it.
    """

    reference: int
    name: str
    description: str
    kind: str
    causality: str
    variability: str
    initial: str | None = None
    values: Values = Values()
    unit: UnitDefinition | None = None
    derivative: int | None = None
    reinit: bool = False


@dataclass(frozen=True)
class Numbering:
    """All variables, in the order of their value references.

    Attributes
    ----------
    variables : tuple of FmuVariable
        The time, those of FMI 2.0, then the event indicators that FMI 3.0 has besides.
    names : tuple of str
        Name of every value reference, those included that no variable has.
    states, derivatives, inputs, outputs, parameters, member, motions, events : int
        First value reference of each group.
    """

    variables: tuple[FmuVariable, ...]
    names: tuple[str, ...]
    states: int
    derivatives: int
    inputs: int
    outputs: int
    parameters: int
    member: int
    motions: int
    events: int

    def of_version(self, version: int) -> list[FmuVariable]:
        """Return those of FMI 2.0 or 3.0; in the former, places up to the parameters count as value references do."""
        return [v for v in self.variables if version == 3 or 0 < v.reference < self.events]


def number_variables(described: Described) -> Numbering:
    """Give the variables of a model their value references.

    Parameters
    ----------
    described : Described
        The model.

    Returns
    -------
    Numbering
        Value references are: the time, states, their derivatives, inputs, outputs, parameters, the member,
        motions of inputs, event indicators.

    Raises
    ------
    InputError
        If a unit cannot be read.
    """
    d = described
    groups = (d.states, d.inputs, d.outputs, d.parameters)
    names = structured_names(v.name for group in groups for v in group)
    given = iter(names)
    states, inputs, outputs, parameters = ([(next(given), v) for v in group] for group in groups)
    first = [0]
    for count in (1, *(len(g) for g in (states, states, inputs, outputs, parameters)), 1, len(inputs)):
        first.append(first[-1] + count)
    at = dict(zip(_GROUPS, first[1:], strict=True))
    listed: dict[str, list[FmuVariable]] = {
        "states": [_state(d, n, v) for n, v in states],
        "derivatives": [_rate(n, v, at["states"] + i) for i, (n, v) in enumerate(states)],
        "inputs": [_input(d, n, v) for n, v in inputs],
        "outputs": [_real(n, v, "output", "continuous", "calculated") for n, v in outputs],
        "parameters": [_parameter(d, n, v) for n, v in parameters],
        "member": [_member(d)],
        "motions": [_motion(n, v, at["inputs"] + i) for i, (n, v) in enumerate(inputs)],
        "events": [_event(i) for i in range(d.events)],
    }
    numbered = [_TIME, *(replace(v, reference=at[k] + i) for k, group in listed.items() for i, v in enumerate(group))]
    absent = {at["motions"] + i for i, (_, v) in enumerate(inputs) if v.name in d.table_inputs}
    if not d.members:
        absent.add(at["member"])
    return Numbering(
        variables=tuple(v for v in numbered if v.reference not in absent),
        names=tuple(v.name for v in numbered),
        **at,
    )


_SECOND = UnitDefinition("s", (("s", 1),), 1.0, 0.0)
_TIME = FmuVariable(0, "time", "time", "Real", "independent", "continuous", unit=_SECOND)


def _described(name: str, variable: Variable) -> str:
    """Return the description, with the name where that had to be changed."""
    text = variable.description or variable.name
    return text if name == variable.name else f"{text} ({variable.name})"


def _values(v: Variable) -> Values:
    low = None if v.minimum is None else min(v.minimum, v.start)
    high = None if v.maximum is None else max(v.maximum, v.start)
    return Values(v.start, abs(v.nominal) or None, low, high)


def _real(name: str, v: Variable, causality: str, variability: str, initial: str | None = None) -> FmuVariable:
    """Return a variable that is described as it is."""
    unit, text = define_unit(v.unit), _described(name, v)
    values = replace(_values(v), start=None) if initial == "calculated" else _values(v)
    return FmuVariable(0, name, text, "Real", causality, variability, initial, values, unit)


def _state(d: Described, name: str, v: Variable) -> FmuVariable:
    return replace(_real(name, v, "output", "continuous", "exact"), reinit=d.events > 0)


def _rate(name: str, v: Variable, state: int) -> FmuVariable:
    unit, text = define_unit(v.unit, per_second=True), f"rate of change of {name}"
    return FmuVariable(
        0, f"der({name})", text, "Real", "local", "continuous", "calculated", unit=unit, derivative=state
    )


def _input(d: Described, name: str, v: Variable) -> FmuVariable:
    if v.name in d.table_inputs:
        return _real(name, v, "local", "discrete", "calculated")
    return _real(name, v, "input", "continuous")


def _parameter(d: Described, name: str, v: Variable) -> FmuVariable:
    real = _real(name, v, "parameter", "tunable", "exact")
    if v.name not in d.switches:
        return real
    return replace(real, kind="Boolean", values=Values(float(v.start != 0)), unit=None)


def _member(d: Described) -> FmuVariable:
    text = (
        f"which n acts: 0 for f alone, else the number of a seed; the state at the start is that of {d.member} for all"
    )
    values = Values(d.member, None, 0, d.members)
    return FmuVariable(0, "member", text, "Integer", "parameter", "fixed", "exact", values)


def _event(i: int) -> FmuVariable:
    text = "an event is due where this falls below zero"
    return FmuVariable(0, f"event_indicators[{i + 1}]", text, "Real", "local", "continuous", "calculated")


def _motion(name: str, v: Variable, moved: int) -> FmuVariable:
    text = f"how {name} moves from the value that it was given on; 0: it is held"
    unit, values = define_unit(v.unit, per_second=True), Values(0.0)
    return FmuVariable(0, f"der({name})", text, "Real", "parameter", "tunable", "exact", values, unit, derivative=moved)
