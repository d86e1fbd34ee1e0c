"""Header and source in C of an exported model: its equations between texts that all models share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Protocol

from asm_hybrid.export.c_solver import METHOD, Pattern, find_factors, solver_tables
from asm_hybrid.export.printed import print_array, print_text
from asm_hybrid.solver.tableaus import RosenbrockTableau

__all__ = [
    "COUNTS",
    "TOLERANCE",
    "Listed",
    "ModelText",
    "assemble_sources",
    "example_sources",
    "read_template",
    "with_prefix",
]

COUNTS = ("STATES", "INPUTS", "OUTPUTS", "PARAMETERS", "EVENTS", "MEMBERS")
"""What ``model.h`` counts."""

TOLERANCE = 1e-6
"""Relative error of a step, where the user of the C code sets no other."""

PREFIX = "ah"
"""Prefix of the exported names in the texts that all models share."""


@dataclass(frozen=True)
class ModelText:
    """What belongs to one model in its C sources.

    Attributes
    ----------
    name : str
        Name of the model, for comments.
    counts : mapping of str to int
        How many there are of each of `COUNTS`.
    names : mapping of str to sequence of str
        Names of the states ``X``, inputs ``U`` and parameters ``P``, for messages.
    text : str
        The equations, as static functions, also of what there is none of: ``model_rhs``, ``model_jacobian``,
        ``model_time_slope``, ``model_outputs``, ``model_directional``, ``model_events``, ``model_after``,
        ``model_next_time``, ``model_pass_time``, ``model_phases`` (gives time tables the phase of the time), and
        ``model_start`` (sets state, inputs, parameters and member to their start values).
    pattern : Pattern
        Of the Jacobian, whose values ``model_jacobian`` gives in its order.
    nominal : sequence of float, shape (n,)
        Usual size of each state, above zero; errors of a state that is next to zero count in relation to it.
    places : str
        What the header says of places in the arrays.
    cycles : int
        Whole numbers that the equations keep for time tables.
    reads_time : bool
        Whether rates of change depend on time in another way than through inputs.
    tolerance : float
        Relative error of a step, where the user of the C code sets no other.
    """

    name: str
    counts: Mapping[str, int]
    names: Mapping[str, Sequence[str]]
    text: str
    pattern: Pattern
    nominal: Sequence[float]
    places: str = ""
    cycles: int = 0
    reads_time: bool = True
    tolerance: float = TOLERANCE


def assemble_sources(model: ModelText, tableau: RosenbrockTableau = METHOD) -> dict[str, str]:
    """Return header and source of a model, complete.

    Parameters
    ----------
    model : ModelText
        What belongs to it alone.
    tableau : RosenbrockTableau
        The method of the solver: one with an error estimate that takes the exact Jacobian.

    Returns
    -------
    dict of str to str
        ``model.h`` and ``model.c``.

    Raises
    ------
    ValueError
        If the parts do not fit each other.
    """
    if len(model.nominal) != model.counts["STATES"] or model.pattern.size != model.counts["STATES"]:
        raise ValueError("pattern, nominal values and number of states differ")
    if not all(0.0 < value < float("inf") for value in model.nominal):
        raise ValueError("a nominal value is not above zero")
    factors = find_factors(model.pattern)
    header = read_template("model.h").replace("@NAME@", model.name).replace("@TOLERANCE@", repr(model.tolerance))
    header = header.replace("@PLACES@", model.places)
    for name in COUNTS:
        header = header.replace(f"@{name}@", str(model.counts[name]))
    private = {
        "AH_JACOBIAN": len(model.pattern.column),
        "AH_LU": len(factors.pattern.column),
        "AH_CYCLES": model.cycles,
        "AH_READS_TIME": int(model.reads_time),
        "ROSENBROCK_STAGES": len(tableau.m),
        "ROSENBROCK_ORDER": tableau.order,
    }
    parts = [
        '#include "model.h"\n',
        "enum {\n" + ",\n".join(f"    {name} = {value}" for name, value in private.items()) + "\n};\n",
        read_template("types.c"),
        solver_tables(factors, model.nominal, tableau),
        model.text,
        read_template("solver.c"),
        read_template("api.c"),
    ]
    mark = sha256("".join([header, *parts]).encode()).hexdigest()
    names = [
        print_array(f"static const char *const {kind}_names", model.names[group] or [""], print_text)
        for kind, group in (("state", "X"), ("input", "U"), ("parameter", "P"))
    ]
    parts.insert(
        3,
        "".join(names) + f"static const double start_tolerance = {model.tolerance!r};\n"
        "/* Of the text of this model; by it, saved states of other models are told apart. */\n"
        f'static const char model_identity[] = "{mark}";\n',
    )
    return {"model.h": header, "model.c": "\n".join(parts)}


def read_template(name: str) -> str:
    """Return a text that all exported models share.

    Parameters
    ----------
    name : str
        File name in ``export/c``.

    Returns
    -------
    str
    """
    return (files("asm_hybrid.export") / "c" / name).read_text(encoding="utf-8")


def with_prefix(text: str, prefix: str) -> str:
    """Return C code whose exported names begin with another prefix; what stands in string constants is left alone.

    Parameters
    ----------
    text : str
        The code.
    prefix : str
        The prefix, in lower case, without the underscore.

    Returns
    -------
    str
    """
    own = {f"{p}_": f"{new}_" for p, new in ((PREFIX, prefix), (PREFIX.upper(), prefix.upper()))}
    found = rf'"(?:[^"\\\n]|\\.)*"|\b(?:{"|".join(own)})'
    return re.sub(found, lambda match: own.get(match[0], match[0]), text)


class Listed(Protocol):
    """What the readme says of a variable."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def unit(self) -> str:
        """Its unit."""

    @property
    def description(self) -> str:
        """What it is."""

    @property
    def start(self) -> float:
        """Its value at the start."""


def example_sources(
    name: str, groups: Mapping[str, Sequence[Listed]], shown: Sequence[str], prefix: str = PREFIX
) -> dict[str, str]:
    """Return a program that simulates a day, and the readme.

    Parameters
    ----------
    name : str
        Name of the model.
    groups : mapping of str to sequence of Listed
        States, inputs, outputs and parameters under the names ``state``, ``input``, ``output`` and ``parameter``, in
        the order of the arrays of the C code.
    shown : sequence of str
        Names of the states and outputs that the program prints.
    prefix : str
        Prefix of the exported names, in lower case, without the underscore.

    Returns
    -------
    dict of str to str
        ``main.c`` and ``README.txt``.

    Raises
    ------
    ValueError
        If there is no state or output of a name, or none is to be shown.
    """
    units = {variable.name: variable.unit for variable in (*groups["state"], *groups["output"])}
    places = list(units)
    if not shown or not set(shown) <= units.keys():
        raise ValueError(f"there is nothing to show in {shown!r}")
    labels = ", ".join(print_text(f"{label} [{units[label]}]") for label in shown)
    main = with_prefix(read_template("main.c"), prefix).replace("@NAME@", name).replace("@LABELS@", labels)
    main = main.replace("@SHOWN@", ", ".join(str(places.index(label)) for label in shown))
    tables = "\n\n".join(_listing(f"{prefix}_{kind}", variables) for kind, variables in groups.items())
    return {
        "main.c": main,
        "README.txt": with_prefix(read_template("README.txt"), prefix)
        .replace("@NAME@", name)
        .replace("@TABLES@", tables),
    }


def _listing(array: str, variables: Sequence[Listed]) -> str:
    """Return the variables of one kind as lines."""
    calculated = array.endswith("_output")  # these have no start value
    rows = [
        (str(i), v.name, v.unit, "" if calculated else f"{v.start:.6g}", v.description) for i, v in enumerate(variables)
    ]
    rows.insert(0, ("", "name", "unit", "" if calculated else "start", ""))
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    lines = ["  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[4]]).rstrip() for row in rows]
    head = f"{array}: {len(variables)} values"
    return "\n".join([head, "-" * len(head), *(lines if variables else [])])
